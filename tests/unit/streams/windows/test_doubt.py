"""Duplicates at the bounds of what is remembered: found up to them; beyond, counted, and their windows say so."""

from decimal import Decimal
from typing import Any

import pytest

from deploy.audit import seen as audited_seen
from streams.windows import Fold, restore, seen, take_entries
from streams.windows.seen import INTERVALS_MAX
from tests.audited import assert_audited, recomputed
from topics import Aggregate, Heartbeat, Trade, encode

MIN = 60_000
T0 = 1_700_000_000_000 // 3_600_000 * 3_600_000
LOGGED_MS = T0 + 10**9
Log = list[tuple[bytes | None, bytes]]


def trade(name: int, at: int, sequence: int | None) -> tuple[bytes | None, bytes]:
    value = Trade(
        subject="BTC/USD",
        source="one",
        venue="alpha",
        trade_id=str(name),
        event_ms=at,
        received_ms=at,
        price=Decimal(10),
        size=Decimal(1),
        side="buy",
        sequence=sequence,
    )
    return b"BTC", encode(value)


def beat(at: int) -> tuple[bytes | None, bytes]:
    return None, encode(Heartbeat(source="one", epoch=0, through_ms=at))


def folded(log: Log, *, restart_each: int | None = None) -> Fold:
    """The fold of a log, which the audit agrees with; its state written and read back every so many records."""
    entries: dict[bytes, bytes] = {}
    outputs: list[Any] = []
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    for offset, (key, value) in enumerate(log):
        if restart_each and offset and offset % restart_each == 0:
            for name, state in take_entries(fold, 1):
                entries.pop(name, None) if state is None else entries.update({name: state})
            outputs += fold.outputs
            fold = Fold("market", 0, partitions=1, subjects_max=10)
            restore(fold, entries, 1)
        fold.feed(offset, LOGGED_MS, key, value)
    fold.outputs = outputs + fold.outputs
    _, expected = recomputed("market", log, LOGGED_MS)
    assert_audited(fold.outputs, expected)
    return fold


def minutes(fold: Fold) -> dict[int, tuple[int, bool]]:
    """Of each minute: its trades, and whether it doubts them."""
    return {
        (o.window_start_ms - T0) // MIN: (
            o.values.trades,  # type: ignore[union-attr]
            o.completeness.unverified_duplicates,
        )
        for o in fold.outputs
        if isinstance(o, Aggregate) and o.window_ms == MIN
    }


def islands(number: int) -> Log:
    """Sequence numbers with a hole behind each, the first in minute 0 and the others in minute 1."""
    return [trade(2 * n, T0 + (MIN if n else 0), 2 * n) for n in range(number)]


@pytest.mark.parametrize("restart_each", [None, 1, 50])
def test_as_many_intervals_as_are_kept_hide_no_duplicate(restart_each: int | None) -> None:
    """Each number again: every one is found, and nothing is doubted."""
    once = islands(INTERVALS_MAX)
    fold = folded([beat(T0), *once, *once, beat(T0 + 2 * MIN)], restart_each=restart_each)
    assert (fold.counters.applied, fold.counters.duplicates) == (INTERVALS_MAX, INTERVALS_MAX)
    assert minutes(fold) == {0: (1, False), 1: (INTERVALS_MAX - 1, False)}


@pytest.mark.parametrize("restart_each", [None, 1, 50])
def test_a_duplicate_beyond_the_intervals_counts_and_its_window_doubts(
    restart_each: int | None,
) -> None:
    """One interval more, and the lowest is forgotten: its number counts again, in a window that says so."""
    once = islands(INTERVALS_MAX + 1)
    fold = folded([beat(T0), *once, *once, beat(T0 + 2 * MIN)], restart_each=restart_each)
    assert fold.counters.duplicates == INTERVALS_MAX
    assert minutes(fold) == {0: (2, True), 1: (INTERVALS_MAX, False)}


@pytest.mark.parametrize("restart_each", [None, 1, 5])
@pytest.mark.parametrize(("kept", "found"), [(12, 12), (11, 8)])
def test_duplicates_at_and_beyond_the_bound_of_digests(
    monkeypatch: pytest.MonkeyPatch, kept: int, found: int, restart_each: int | None
) -> None:
    """Twelve ids, four in each of three spans of ten seconds, and all of them again.

    Where twelve are kept every copy is found. Where eleven are, the oldest span goes, and its copies count.
    """
    monkeypatch.setattr(seen, "DIGESTS_MAX", kept)
    monkeypatch.setattr(audited_seen, "DIGESTS_MAX", kept)
    once = [trade(n, T0 + MIN - 10_000 + n // 4 * 10_000 + n % 4, None) for n in range(12)]
    fold = folded([beat(T0), *once, *once, beat(T0 + 2 * MIN)], restart_each=restart_each)
    assert fold.counters.duplicates == found
    assert minutes(fold) == {0: (4 + 12 - found, found < 12), 1: (8, False)}


@pytest.mark.parametrize("restart_each", [None, 1])
@pytest.mark.parametrize(
    ("watermark_ms", "found"), [(130_000, 1), (139_999, 1), (140_000, 0), (150_000, 0)]
)
def test_ids_are_remembered_for_two_minutes_and_the_span_they_are_in(
    watermark_ms: int, found: int, restart_each: int | None
) -> None:
    """At the tick that brings W two minutes past the end of their ten seconds they are forgotten, and doubted."""
    copy = trade(1, T0 + 19_999, None)
    beats = [beat(T0 + at) for at in range(0, watermark_ms, 10_000)]
    log = [beats[0], copy, *beats[1:], beat(T0 + watermark_ms), copy, beat(T0 + 5 * MIN)]
    fold = folded(log, restart_each=restart_each)
    assert fold.counters.duplicates == found
    assert minutes(fold) == {0: (2 - found, not found)}


def test_the_bound_of_digests_is_a_million() -> None:
    """Of one partition, in both programs."""
    assert seen.DIGESTS_MAX == audited_seen.DIGESTS_MAX == 1_000_000
    assert seen.INTERVALS_MAX == audited_seen.INTERVALS_MAX == 64
