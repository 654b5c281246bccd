"""Since when a target has not been covered, as the log says."""

from streams.collectors.social.resuming import open_since
from topics import GapDetected, GapFilled

T0 = 1_700_000_000_000


def detected(target: str, from_ms: int) -> GapDetected:
    gap_id = f"rss/BTC/{target}/{from_ms}"
    return GapDetected(
        gap_id=gap_id, subject="BTC", source="s", venue="rss", from_ms=from_ms, to_ms=T0
    )


def filled(gap: GapDetected) -> GapFilled:
    return GapFilled(
        gap_id=gap.gap_id, subject="BTC", source="s", venue="rss", from_ms=gap.from_ms, to_ms=T0
    )


def test_an_open_gap_of_the_target_reaches_further_back_than_the_promise() -> None:
    gap = detected("a", T0 - 9)
    assert open_since([], "a", T0) == T0
    assert open_since([gap, detected("a", T0 - 5)], "a", T0) == T0 - 9
    assert open_since([gap], "b", T0) == T0
    assert open_since([gap, filled(gap)], "a", T0) == T0
