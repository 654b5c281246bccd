"""Scores and what they rest on: the subject's own windows as they were first published."""

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.windows import Fold, restore, take_entries
from streams.windows.history import (
    HISTORY_MAX,
    HISTORY_MIN,
    KEPT_MAX,
    NORMAL,
    Entry,
    History,
    scores_of,
)
from tests.audited import assert_audited, recomputed
from topics import Aggregate, Heartbeat, Kind, Post, RepositoryEvent, Score, Trade, encode

MIN = 60_000
T0 = 1_700_000_000_000 // 3_600_000 * 3_600_000
LOGGED_MS = T0 + 10**12


def row(value: float | None) -> tuple[float | None, ...]:
    """A market row with one value that matters."""
    return (value, None, None, None)


def test_a_score_by_hand() -> None:
    """Median 15.5, absolute deviations 0.5 to 14.5 twice each: their median is 7.5."""
    reference = [row(float(n)) for n in range(1, 31)]
    scores = scores_of("market", row(38.0), reference)
    assert scores == {"volume": Score(z=(38.0 - 15.5) / (1.4826 * 7.5), median=15.5)}
    assert NORMAL == 1.4826


def test_too_few_or_all_the_same_have_no_score() -> None:
    """At the bound, and where half of the values are one."""
    few = [row(float(n)) for n in range(HISTORY_MIN - 1)]
    assert scores_of("market", row(1.0), few) == {}
    assert scores_of("market", row(1.0), [*few, row(None)]) == {}
    assert scores_of("market", row(1.0), [*few, row(5.0)]) != {}
    assert scores_of("market", row(None), [*few, row(5.0)]) == {}
    same = [row(3.0)] * 20 + [row(float(n)) for n in range(10, 20)]
    assert scores_of("market", row(9.0), same) == {}


@given(number=st.integers(0, 2 * KEPT_MAX), at=st.integers(0, 2 * KEPT_MAX))
def test_a_correction_is_scored_against_what_its_first_publication_was(
    number: int, at: int
) -> None:
    """As long as all of that is kept; then against nothing."""
    history, first = History(), {}
    for n in range(number):
        first[n] = history.last()
        history.add(n * MIN, row(float(n)))
    kept = {entry.start_ms // MIN for entry in history.entries}
    if at < number:
        whole = kept >= set(range(max(0, at - HISTORY_MAX), at + 1))
        assert history.before(at * MIN) == (first[at] if whole else [])
    else:
        assert history.before(at * MIN) == []
    assert len(history.entries) <= KEPT_MAX
    assert len(history.last()) <= HISTORY_MAX


def test_entries_come_back_in_order() -> None:
    """State has them by slot."""
    history = History()
    for n in range(KEPT_MAX + 5):
        history.add(n, row(float(n)))
    entries = list(history.entries)
    random.Random(1).shuffle(entries)
    again = History(entries)
    assert list(again.entries) == list(history.entries)
    assert again.add(9, row(1.0)) == Entry(KEPT_MAX + 5, 9, row(1.0))


def long_log(minutes: int, seed: int) -> list[tuple[bytes | None, bytes]]:
    """A trade or three a minute, some late enough for a correction, a heartbeat a half minute."""
    chance, number = random.Random(seed), 0
    log: list[tuple[bytes | None, bytes]] = []
    log.append((None, encode(Heartbeat(source="one", epoch=0, through_ms=T0))))
    for half in range(2 * minutes):
        now = T0 + half * MIN // 2
        for _ in range(chance.randrange(1, 4)):
            number += 1
            back = chance.choice([0, 0, 0, 0, 90_000, 400_000])
            at = max(T0, now - back) + chance.randrange(MIN // 2)
            trade = Trade(
                subject="BTC/USD",
                source="one",
                venue="alpha",
                trade_id=str(number),
                event_ms=at,
                received_ms=at,
                price=Decimal(chance.randrange(90, 110)),
                size=Decimal(chance.randrange(1, 50)) / 4,
                side=chance.choice(["buy", "sell"]),
                sequence=number,
            )
            log.append((b"BTC", encode(trade)))
        beat = Heartbeat(source="one", epoch=0, through_ms=now + MIN // 2)
        log.append((None, encode(beat)))
    return log


@pytest.mark.no_cover
@pytest.mark.parametrize("seed", [1, 2])
def test_a_long_log_says_what_the_specification_says(seed: int) -> None:
    """Scores and all, over more windows than a history keeps, and after a restart in the middle."""
    log = long_log(KEPT_MAX + 60, seed)
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    _, expected = recomputed("market", log, LOGGED_MS)
    entries: dict[bytes, bytes] = {}
    outputs = []
    for offset, (key, value) in enumerate(log):
        if offset % 97 == 0:
            for entry, state in take_entries(fold, 1):
                if state is None:
                    entries.pop(entry, None)
                else:
                    entries[entry] = state
        if offset and offset % 194 == 0 and offset % 97 == 0:
            outputs += fold.outputs
            fold = Fold("market", 0, partitions=1, subjects_max=10)
            restore(fold, entries, 1)
        fold.feed(offset, LOGGED_MS, key, value)
    outputs += fold.outputs
    assert_audited(outputs, expected)
    scored = [o for o in outputs if isinstance(o, Aggregate) and o.scores]
    assert len(scored) > KEPT_MAX
    assert {o.history_n for o in scored if o.window_ms == MIN} >= {HISTORY_MIN, HISTORY_MAX}
    assert any(o.revision and o.scores for o in scored)
    slots = [key for key in entries if b"|history|BTC/USD|60000/60000|" in key]
    assert len(slots) == KEPT_MAX


def counted_log(kind: Kind, hours: int) -> list[tuple[bytes | None, bytes]]:
    """Some posts or some acts every five minutes: their scores are medians of whole numbers."""
    chance, log = random.Random(hours), list[tuple[bytes | None, bytes]]()
    for number in range(hours * 60):
        at = T0 + number * MIN
        for one in range(chance.randrange(1, 5)):
            common: dict[str, Any] = {"subject": "BTC", "source": "one", "event_ms": at + one}
            common["received_ms"] = at
            author, name = f"{chance.randrange(5):016x}", f"{number}-{one}"
            event: Post | RepositoryEvent = Post(
                **common,
                platform="forum",
                post_id=name,
                author=author,
                text="words",
                language="en",
                tone=chance.uniform(-1, 1),
                tone_version="t1",
                engagement=chance.randrange(100),
                simhash=f"{chance.randrange(2**64):016x}",
            )
            if kind == "development":
                event = RepositoryEvent(
                    **common, author=author, repository="a/b", event_id=name, act="commit"
                )
            log.append((b"BTC", encode(event)))
        beat = Heartbeat(source="one", epoch=0, through_ms=at + MIN)
        log.append((None, encode(beat)))
    return log


@pytest.mark.parametrize(("kind", "hours"), [("social", 4), ("development", 36)])
def test_a_restart_shows_in_no_byte_of_a_score(kind: Kind, hours: int) -> None:
    """Of counts too, whose history comes back from state as other numbers than it went."""
    log = counted_log(kind, hours)
    once, again = (Fold(kind, 0, partitions=1, subjects_max=10) for _ in range(2))
    entries: dict[bytes, bytes] = {}
    outputs: list[bytes] = []
    for offset, (key, value) in enumerate(log):
        once.feed(offset, LOGGED_MS, key, value)
        if offset % 300 == 299:
            entries |= {e: state for e, state in take_entries(again, 1) if state is not None}
            outputs += map(encode, again.outputs)
            again = Fold(kind, 0, partitions=1, subjects_max=10)
            restore(again, entries, 1)
        again.feed(offset, LOGGED_MS, key, value)
    outputs += map(encode, again.outputs)
    assert outputs == [encode(output) for output in once.outputs]
    assert sum(b'"z":' in output for output in outputs) > 3


def test_a_subject_is_forgotten_when_its_history_is() -> None:
    """A day of windows after the last one; then nothing of it is left, in memory or in state."""
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    log = long_log(3, 1)
    for offset, (key, value) in enumerate(log):
        fold.feed(offset, LOGGED_MS, key, value)
    entries = {name for name, state in take_entries(fold, 1) if state is not None}
    hour = 3_600_000
    # The last to expire are hourly windows: 288 hours after the end of the last one.
    for at, known in ((T0 + 2 * hour, True), (T0 + 288 * hour, True), (T0 + 290 * hour, False)):
        beat = Heartbeat(source="one", epoch=0, through_ms=at)
        fold.feed(fold.next_offset or 0, LOGGED_MS * 2, None, encode(beat))
        assert ("BTC/USD" in fold.subjects) == known, at
        for name, state in take_entries(fold, 1):
            (entries.discard if state is None else entries.add)(name)
    assert entries == {b"0|market|meta"}
