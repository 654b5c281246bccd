"""Pages are asked for again where that helps, and a hole ends with what could be had of it."""

from collections.abc import Sequence

import pytest

from streams.collectors.asking import DeniedError
from streams.collectors.market import filling
from streams.collectors.market.filling import ATTEMPTS_MAX, WAIT_S_MAX, fill
from streams.collectors.market.venues import Ask, Filled, Filling, Reply
from streams.collectors.port import SourceError
from topics import Trade

from .trading import trade

Answer = bytes | Exception


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "WAIT_FIRST_S", 0.001)
    monkeypatch.setattr(filling, "WAIT_MOST_S", 0.001)


def pages() -> Filling:
    """Ask for two pages, each with one trade."""
    found: list[Trade] = []
    for number in (1, 2):
        reply = yield Ask(endpoint="page", params={"number": number})
        if reply.body != b"page":
            return Filled(trades=found, whole=False, reason="unreadable page")
        found.append(trade(number))
    return Filled(trades=found, whole=True)


async def ask_for(answers: Sequence[Answer]) -> tuple[Filled, int]:
    """Return what comes of these answers, and how many were asked for."""
    left = list(answers)

    async def ask(_: Ask) -> Reply:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(body=answer, received_ms=0)

    filled = await fill(pages(), ask)
    return filled, len(answers) - len(left)


async def test_a_page_that_fails_is_asked_for_again() -> None:
    filled, asked = await ask_for([SourceError("503"), b"page", SourceError("cut"), b"page"])
    assert (filled.whole, len(filled.trades), asked) == (True, 2, 4)


async def test_what_was_had_before_a_page_that_never_comes_is_kept() -> None:
    """At the bound of attempts; why it did not come is said."""
    failures = [SourceError(f"failure {number}") for number in range(ATTEMPTS_MAX)]
    filled, asked = await ask_for([b"page", *failures, b"page"])
    assert (filled.whole, len(filled.trades), asked) == (False, 1, 1 + ATTEMPTS_MAX)
    assert filled.reason == f"failure {ATTEMPTS_MAX - 1}"


async def test_what_is_denied_is_not_asked_for_again() -> None:
    filled, asked = await ask_for([DeniedError("404 Not Found", 404), b"page"])
    assert (filled.reason, asked) == ("404 Not Found", 1)


@pytest.mark.parametrize(("wait_s", "asked"), [(0.01, 3), (WAIT_S_MAX + 1, 1)])
async def test_a_wait_that_is_asked_for_is_kept_unless_it_is_too_long(
    wait_s: float, asked: int
) -> None:
    filled, times = await ask_for([SourceError("429", wait_s=wait_s), b"page", b"page"])
    assert (filled.whole, times) == (asked == 3, asked)


async def test_a_page_that_cannot_be_read_ends_the_hole_with_the_venues_reason() -> None:
    filled, _ = await ask_for([b"page", b"<html>"])
    assert (filled.whole, filled.reason, len(filled.trades)) == (False, "unreadable page", 1)
