"""What the log says of whoever ran a source before."""

from streams.collectors.coverage import Coverage
from streams.collectors.development.takeover import Takeover
from topics import GapDetected, GapMark, Heartbeat

T0 = 1_790_000_000_000
LATENESS_MS = 600_000


def told(*targets: str) -> list[GapMark]:
    """Return the gaps that coverage tells of these targets."""
    asked = Coverage("github", "github", hold_ms=1_000, lateness_ms=LATENESS_MS)
    for target in targets:
        asked.follow(target, ("BTC", "ETH"), T0)
    return asked.advance(T0 + 5_000)[0]


def beat(through_ms: int) -> Heartbeat:
    return Heartbeat(source="github", epoch=1, through_ms=through_ms)


def test_without_a_past_nothing_is_known() -> None:
    takeover = Takeover("github", lateness_ms=LATENESS_MS)
    takeover.take([])
    assert takeover.covered_ms is None
    assert takeover.open_gap("acme/coin", ("BTC",)) is None


def test_the_greatest_promise_says_how_far_all_was_seen() -> None:
    takeover = Takeover("github", lateness_ms=LATENESS_MS)
    takeover.take([beat(T0 + 5), beat(T0)])
    assert takeover.covered_ms == T0 + 5 + LATENESS_MS


def test_a_gap_is_its_targets_until_it_is_ended() -> None:
    takeover = Takeover("github", lateness_ms=LATENESS_MS)
    one, _ = marks = told("acme/coin")
    takeover.take(marks)
    assert takeover.open_gap("acme/coin", ("BTC", "ETH")) == one
    assert takeover.open_gap("acme/other", ("BTC", "ETH")) is None
    assert Takeover("other", lateness_ms=0).open_gap("acme/coin", ("BTC",)) is None
    asked = Coverage("github", "github", hold_ms=1_000, lateness_ms=LATENESS_MS)
    asked.follow("acme/coin", ("BTC", "ETH"), T0)
    asked.advance(T0 + 5_000)
    takeover.take(asked.covered("acme/coin", T0 + 6_000))
    assert takeover.open_gap("acme/coin", ("BTC", "ETH")) is None
    assert all(isinstance(mark, GapDetected) for mark in marks)
