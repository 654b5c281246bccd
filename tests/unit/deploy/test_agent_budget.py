"""What an operator reads of the budget is what holds: the cap in force, and whether anything is sent at all."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from agents.account.books import Books
from agents.account.ledger import Ledger
from agents.account.shown import Line, Shown
from agents.account.terms import Terms, Window
from deploy.settings import Settings
from deploy.wiring.agent import _watch_books
from deploy.wiring.agent_budget import BudgetSeen
from tests.servers.process import free_ports
from topics import Intent, Result

USD = 10**9
TERMS = Terms(caps={"day/all/nano_usd": USD})


def seen(
    settled: int = 0, *, cap: int = USD, is_open: bool = True, closed: dict[str, str] | None = None
) -> BudgetSeen:
    """Return the books with so much settled today, as a ledger that answers shows them."""
    day = line("day", settled, cap=cap)
    found = BudgetSeen()
    found.wrong = None
    found.shown = Shown(open=is_open, open_attempts=0, closed_models=closed or {}, lines=[day])
    return found


def line(window: Window, settled: int, **more: Any) -> Line:
    """Return what is booked of all together in a window of now."""
    fields = {"cap": None, "reserved": 0, "charged": 0, "overrun": 0, "reached_in_ms": None}
    return Line(window=window, account="all", unit="nano_usd", settled=settled, **(fields | more))


def told(found: BudgetSeen) -> tuple[str, str]:
    """Return a budget's state and words."""
    part = found.part("default", TERMS)
    return part.state, part.words


def test_the_cap_that_is_told_is_the_one_in_force() -> None:
    """An operator's, where there is one."""
    assert told(seen(USD // 2)) == ("open", "$0.500000 of $1.00 today")
    assert told(seen(2 * USD, cap=5 * USD)) == ("open", "$2.000000 of $5.00 today")
    assert told(seen(USD // 2, cap=USD // 2)) == ("spent", "$0.500000 of $0.50 today")


def test_the_part_that_only_alerts_may_use_is_told() -> None:
    """Others are refused from there on."""
    assert told(seen(8 * USD // 10))[1] == "$0.800000 of $1.00 today; the rest is for alerts"
    assert "alerts" not in told(seen(8 * USD // 10 - 1))[1]


def test_books_that_are_closed_are_not_told_as_open() -> None:
    """Nothing is sent: before the first look, while they are rebuilt, and while the ledger is away."""
    state, words = told(BudgetSeen())
    assert (state, "nothing is sent" in words, "$1.00" in words) == ("closed", True, True)
    state, words = told(seen(is_open=False))
    assert (state, words.endswith("the books are rebuilt from the journal")) == ("closed", True)
    away = seen(USD // 2)
    away.wrong = "no answer within 1 s"
    assert told(away) == (
        "closed",
        "$0.500000 of $1.00 today; nothing is sent, rules answer: no answer within 1 s",
    )


def test_the_pace_of_the_hour_is_the_ledgers_and_nothing_is_told_before_it_answers() -> None:
    """With what failed, was given up or is under way, of which no analysis tells; 0 would be taken for what was spent."""
    found = seen(5)
    found.read_ms = 77
    assert found.shown is not None
    found.shown = replace(
        found.shown,
        lines=[line("day", 9, cap=USD, reserved=2), line("hour", 3, reserved=2, charged=1)],
    )
    assert found.part("default", TERMS).measures == {
        "cap_nano_usd": float(USD),
        "settled_nano_usd": 9.0,
        "reserved_nano_usd": 2.0,
        "hour_nano_usd": 6.0,
        "read_ms": 77.0,
    }
    unheard = BudgetSeen().part("default", TERMS)
    assert unheard.measures == {"cap_nano_usd": float(USD)}
    assert unheard.words.startswith("an unknown part of $1.00 today; nothing is sent")


def test_a_model_that_is_closed_is_named() -> None:
    """It cost more than was reserved; nobody asks it until an operator opens it."""
    words = told(seen(closed={"anthropic/a": "1/1-1"}))[1]
    assert words == "$0.000000 of $1.00 today; anthropic/a is closed: 1/1-1"


async def test_a_ledger_that_does_not_answer_closes_the_budget_that_is_told() -> None:
    """Whatever was seen before."""

    async def write(_: Intent | Result) -> None:
        pytest.fail("nothing is to be written")

    (port,) = free_ports(1)
    ledger = Ledger(f"redis://127.0.0.1:{port}/0", prefix="", scope="default", terms=TERMS)
    found = seen()
    books = Books(ledger, write, now_ms=lambda: 0)
    watching = asyncio.create_task(_watch_books(books, Settings().broker, found))
    try:
        async with asyncio.timeout(30):
            while found.is_open:
                await asyncio.sleep(0.05)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await ledger.close()
    assert told(found)[0] == "closed"
