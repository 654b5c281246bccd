"""The pure books: the invariant after every step, and each rule by example."""

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import invariant, run_state_machine_as_test

from agents.account.budget import Budget, Granted, Refused, Use, Wait
from agents.account.pacing import Amounts, Rates
from agents.account.terms import (
    EXACT_MAX,
    SIZE_MS,
    Ask,
    CapError,
    Terms,
    check_cap,
    forecast_ms,
    names_of,
    terms_of,
    usable,
)
from agents.settings import BudgetSettings, PacingSettings

from .steps import NOON_MS, Steps

DAY = "day/all/nano_usd"


class PureBooks(Steps):
    """The books against what each attempt says of itself."""

    @invariant()
    def the_invariant_holds(self) -> None:
        self.check(self.budget.book)

    @invariant()
    def every_account_is_the_sum_of_its_attempts(self) -> None:
        """Recounted from the attempts, another way than the books keep it."""
        for attempt in self.budget.attempts.values():
            for window, account, unit in names_of(attempt.ask):
                start = attempt.at_ms // SIZE_MS[window]
                sums = {"reserved": 0, "settled": 0, "charged": 0}
                for other in self.budget.attempts.values():
                    if account not in other.ask.accounts or other.at_ms // SIZE_MS[window] != start:
                        continue
                    whole, used = (
                        (other.ask.nano_usd, other.used.nano_usd)
                        if unit == "nano_usd"
                        else (other.ask.tokens, other.used.tokens)
                    )
                    if other.state in ("reserved", "confirmed"):
                        sums["reserved"] += whole
                    elif other.state != "released":
                        sums[other.state] += used
                found = self.budget.book(window, start, account, unit)
                del found["overrun"]
                assert found == sums


def test_the_invariant_holds_after_every_step() -> None:
    """Settled + reserved + charged - overrun <= cap, in every window and account, whatever the history."""
    run_state_machine_as_test(PureBooks, settings=profile(max_examples=60, stateful_step_count=40))


def ask(number: int = 1, nano_usd: int = 100, **changes: object) -> Ask:
    """Return an attempt of a state narrative."""
    made: dict[str, object] = {
        "attempt_id": f"a{number}",
        "model": "a/m",
        "priority": "state",
        "nano_usd": nano_usd,
        "input_tokens": 10,
        "output_tokens": 5,
    }
    return Ask(**(made | changes))  # type: ignore[arg-type]


def budget(**changes: object) -> Budget:
    """Return books with a cap of 1,000 a day."""
    return Budget(Terms(**({"caps": {DAY: 1_000}} | changes)))  # type: ignore[arg-type]


def test_the_last_fifth_is_for_alerts() -> None:
    """Others are refused there by the floor's name, alerts only at the cap."""
    books = budget()
    assert books.reserve(ask(1, 800), NOON_MS) == Granted(NOON_MS)
    assert books.reserve(ask(2, 1), NOON_MS) == Refused("floor", DAY)
    assert books.reserve(ask(3, 201, priority="alert"), NOON_MS) == Refused("cap", DAY)
    assert books.reserve(ask(4, 200, priority="alert"), NOON_MS) == Granted(NOON_MS)


def test_a_window_is_that_of_the_reservation() -> None:
    """A new day is a new cap; what was reserved yesterday is settled there."""
    books, midnight_ms = budget(floor_permille=0), NOON_MS + SIZE_MS["day"] // 2
    assert books.reserve(ask(1, 1_000), midnight_ms - 1) == Granted(midnight_ms - 1)
    assert books.reserve(ask(2, 1), midnight_ms - 1) == Refused("cap", DAY)
    assert books.reserve(ask(2, 1), midnight_ms) == Granted(midnight_ms)
    books.settle("a1", Use(7), midnight_ms)
    yesterday = books.book("day", midnight_ms // SIZE_MS["day"] - 1, "all", "nano_usd")
    assert yesterday == {"reserved": 0, "settled": 7, "charged": 0, "overrun": 0}


def test_a_cost_above_its_reservation_closes_the_model() -> None:
    """It is booked in full and counted; other models go on."""
    books = budget()
    books.reserve(ask(1), NOON_MS)
    assert books.settle("a1", Use(130, 10, 5), NOON_MS) == "settled"
    book = books.book("day", NOON_MS // SIZE_MS["day"], "all", "nano_usd")
    assert book == {"reserved": 0, "settled": 130, "charged": 0, "overrun": 30}
    assert books.reserve(ask(2), NOON_MS) == Refused("model_closed", "a/m")
    assert books.reserve(ask(3, model="a/n"), NOON_MS) == Granted(NOON_MS)


def test_an_expired_lease_is_charged_and_not_refunded() -> None:
    """By the sweep or by a late confirmation, which is refused; the outcome that comes later changes nothing."""
    books = budget(lease_ms=1_000)
    books.reserve(ask(1), NOON_MS)
    books.reserve(ask(2), NOON_MS)
    assert books.sweep(NOON_MS + 999) == 0
    assert books.confirm("a1", NOON_MS + 1_000) == "charged"
    assert books.sweep(NOON_MS + 1_000) == 1
    assert books.settle("a2", Use(1, 1, 1), NOON_MS + 1_001) == "charged"
    assert books.release("a1", NOON_MS + 1_001) == "charged"
    assert books.book("day", NOON_MS // SIZE_MS["day"], "all", "nano_usd")["charged"] == 200


def test_open_attempts_are_bounded() -> None:
    """At the bound none is reserved; one that ends makes room."""
    books = budget(open_max=2)
    books.reserve(ask(1), NOON_MS)
    books.reserve(ask(2), NOON_MS)
    assert books.reserve(ask(3), NOON_MS) == Refused("too_many_open")
    books.release("a1", NOON_MS)
    assert books.reserve(ask(3), NOON_MS) == Granted(NOON_MS)


def test_a_wait_takes_nothing() -> None:
    """Neither money nor a place; a call that was not sent gives its pace back."""
    books = budget(rates={"a/m": Rates(Amounts(60), 17)})
    assert books.reserve(ask(1), NOON_MS) == Granted(NOON_MS)
    assert books.reserve(ask(2), NOON_MS) == Wait(1_000)
    assert set(books.attempts) == {"a1"}
    books.release("a1", NOON_MS)
    assert books.reserve(ask(2), NOON_MS) == Granted(NOON_MS)


@pytest.mark.parametrize(
    "name",
    [
        "day",
        "day/all",
        "week/all/nano_usd",
        "day/all/usd",
        "day/class/nobody/tokens",
        "day/model/x/tokens",
    ],
)
def test_a_cap_that_is_none_is_refused(name: str) -> None:
    """By its name; and an amount that no double counts exactly, by its amount."""
    with pytest.raises(CapError, match=name):
        check_cap(name, 1)


def test_a_cap_beyond_exact_counting_is_refused() -> None:
    """2^53 - 1 is the last."""
    check_cap(DAY, EXACT_MAX)
    for amount in (-1, EXACT_MAX + 1):
        with pytest.raises(CapError, match=r"2\^53 - 1"):
            Terms(caps={DAY: amount})


@given(st.integers(0, EXACT_MAX), st.integers(0, 999))
def test_the_floor_is_its_share_rounded_up(cap: int, permille: int) -> None:
    """Exactly; of a class's own cap there is none."""
    assert usable(cap, "all", "state", permille) == cap - -(-cap * permille // 1000)
    assert usable(cap, "all", "alert", permille) == cap
    assert usable(cap, "class/state", "state", permille) == cap


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, SIZE_MS["hour"] - 1))
def test_a_forecast_reaches_the_cap_in_its_window(used: int, cap: int, elapsed_ms: int) -> None:
    """At the rate so far the cap is reached then and not a millisecond later; or not before the window ends."""
    now_ms = NOON_MS + elapsed_ms
    left_ms = forecast_ms(used, cap, "hour", now_ms)
    elapsed_ms = max(1, elapsed_ms)
    if left_ms is None:
        assert used == 0 or used * SIZE_MS["hour"] <= cap * elapsed_ms
    else:
        assert used >= cap or used * (elapsed_ms + left_ms + 1) > cap * elapsed_ms
        assert left_ms < SIZE_MS["hour"]


def test_settings_name_their_caps() -> None:
    """Dollars become nano-dollars; each model and class has its own."""
    settings = BudgetSettings.model_validate(
        {
            "usd_per_day": 0.05,
            "tokens_per_minute": 9,
            "models": {"anthropic/claude-haiku-5-5": {"usd_per_hour": 0.01}},
            "classes": {"state": {"tokens_per_hour": 7}},
        }
    )
    pacing = PacingSettings(requests_per_minute=50, burst=0.05)
    terms = terms_of(settings, pacing, ["a/m"])
    assert terms.caps == {
        DAY: 50_000_000,
        "minute/all/tokens": 9,
        "hour/model/anthropic/claude-haiku-5-5/nano_usd": 10_000_000,
        "hour/class/state/tokens": 7,
    }
    assert (terms.floor_permille, terms.lease_ms) == (200, 120_000)
    assert terms.rates == {"a/m": Rates(Amounts(50), 50)}
