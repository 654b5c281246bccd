"""What is told of the difference between two analyses: bounded, in order, with the numbers as printed."""

from hypothesis import given
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.answer.changed import MOVED_MAX, changed_since, moved_most
from agents.settings import AgentSettings
from tests.strategies.aggregates import calm, histories, market, social
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate, Analysis, DataQuality, Trigger

ANALYST = Analyst(AgentSettings(), None, now_ms=lambda: 5)


def analysed(*windows: Aggregate, **changes: object) -> Analysis:
    """Return the rules' analysis of the last of these windows."""
    made = candidate_of(windows)
    return replace(ANALYST.decline(made, "no_model")[0], **changes)


def test_nothing_is_different_from_nothing_and_from_itself() -> None:
    """The first of an asset has no line, nor has one that says the same."""
    first = analysed(*calm(3))
    assert changed_since(None, first) == []
    assert changed_since(first, first) == []


def test_each_difference_has_its_line_in_order() -> None:
    """Direction, severity, reasons, numbers as printed, data."""
    before = analysed(*calm(12), severity="notice", trigger=Trigger(reasons=["state_first"]))
    after = analysed(
        *calm(12),
        market(number=12, last=96.0, low=95.5, volume=30.0),
        data_quality=DataQuality(completeness="holed", stale_feeds=["kraken"], short_history=True),
    )
    lines = changed_since(before, after)
    assert lines[:4] == [
        "direction was flat, is down",
        "severity was notice, is warning",
        "new reason: price_drop",
        "reason gone: state_first",
    ]
    assert "price change over 1m (BTC/USDT) was +0.00%, is -4.00%" in lines
    assert "volume over 1m (BTC/USDT) was 10 BTC, is 30 BTC" in lines
    assert lines[-3:] == [
        "data was complete, is holed",
        "feeds gone stale: kraken",
        "history was long enough, is short",
    ]
    assert "feeds back: kraken" in changed_since(after, before)


def test_of_many_reasons_the_first_are_named() -> None:
    """And the others are counted."""
    before = analysed(market(), trigger=Trigger(reasons=[]))
    after = replace(before, trigger=Trigger(reasons=[f"r{n}" for n in range(7)]))
    assert changed_since(before, after) == ["new reason: r0, r1, r2, r3, r4 and 2 more"]


def test_what_moved_most_comes_first_and_what_is_printed_alike_has_not_moved() -> None:
    """A hundredth of a percent more is less than half the volume; ten posts more than a thousand little."""
    before = analysed(market(first=100.0, last=100.01), social(posts=1_000)).facts
    after = analysed(market(first=100.0, last=100.02, volume=5.0), social(posts=1_010)).facts
    assert [new.metric for _, new in moved_most(before, after)] == [
        "volume",
        "return",
        "posts",
        "close",
    ]
    same = [replace(fact, value=fact.value * (1 + 1e-9)) for fact in before]
    assert moved_most(before, same) == []


@given(histories(), histories())
def test_it_is_short_whatever_was_said(one: list[Aggregate], other: list[Aggregate]) -> None:
    """A dozen lines of at most 250 characters, of printable words; the same whenever it is asked."""
    ours = [w for w in one if w.asset == "BTC"] or [market()]
    theirs = [w for w in other if w.asset == "BTC"] or [market()]
    before, after = analysed(*ours), analysed(*theirs)
    lines = changed_since(before, after)
    assert lines == changed_since(before, after)
    assert len(lines) <= 7 + MOVED_MAX
    assert all(line.isprintable() and len(line) <= 250 for line in lines)
    assert len(moved_most(before.facts, after.facts)) <= MOVED_MAX
