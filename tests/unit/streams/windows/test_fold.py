"""The fold against a second implementation of its specification, and against itself cut anywhere."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.windows import Fold, restore, take_entries
from streams.windows.history import KEPT_MAX
from tests.audited import assert_audited, recomputed
from tests.strategies.logs import logs
from topics import KINDS, DeadLetter, Kind, encode

LOGGED_MS = 2_000_000_000_000
PARTITIONS = 1
Record = tuple[bytes | None, bytes]


def fold(kind: Kind) -> Fold:
    return Fold(kind, 0, partitions=PARTITIONS, subjects_max=100)


def run(kind: Kind, log: list[Record]) -> Fold:
    folded = fold(kind)
    for offset, (key, value) in enumerate(log):
        folded.feed(offset, LOGGED_MS, key, value)
    return folded


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None)
def test_it_says_what_the_specification_says(kind: Kind, data: st.DataObject) -> None:
    """Ids, order, revisions, reasons, completeness, values, late events and counters: all of it."""
    log = data.draw(logs(kind))
    folded = run(kind, log)
    second, expected = recomputed(kind, log, LOGGED_MS)
    assert [o for o in folded.outputs if isinstance(o, DeadLetter)] == []
    assert_audited(folded.outputs, expected)
    assert msgspec.structs.asdict(folded.counters) == second.counts
    assert folded.counters.total() == len(log)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None)
def test_no_cut_of_its_life_changes_what_it_publishes(kind: Kind, data: st.DataObject) -> None:
    """State written at any points and read back by a new fold gives the same bytes, in the same order."""
    log = data.draw(logs(kind))
    cuts = data.draw(st.sets(st.integers(0, len(log)), max_size=4))
    whole = [encode(output) for output in run(kind, log).outputs]
    entries: dict[bytes, bytes] = {}
    said: list[bytes] = []
    folded = fold(kind)
    for offset, (key, value) in enumerate(log):
        if offset in cuts:
            for entry, body in take_entries(folded, PARTITIONS):
                if body is None:
                    entries.pop(entry, None)
                else:
                    entries[entry] = body
            said += [encode(output) for output in folded.outputs]
            folded = fold(kind)
            restore(folded, entries, PARTITIONS)
            assert folded.next_offset in (None, offset)
        folded.feed(offset, LOGGED_MS, key, value)
    said += [encode(output) for output in folded.outputs]
    assert said == whole


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None)
def test_state_holds_nothing_that_a_fresh_look_would_not(kind: Kind, data: st.DataObject) -> None:
    """Tombstones match what was written: the entries left are those a fold restored from them writes again."""
    log = data.draw(logs(kind))
    entries: dict[bytes, bytes] = {}
    folded = fold(kind)
    for offset, (key, value) in enumerate(log):
        folded.feed(offset, LOGGED_MS, key, value)
        for entry, body in take_entries(folded, PARTITIONS):
            if body is None:
                assert entry in entries
                del entries[entry]
            else:
                entries[entry] = body
    live = {f"0|{kind}|subject|{name}".encode() for name in folded.subjects}
    live |= {
        f"0|{kind}|block|{name}|{start}".encode()
        for name, subject in folded.subjects.items()
        for start in subject.blocks
    }
    live |= {
        f"0|{kind}|window|{w.subject}|{w.size.window_ms}/{w.size.step_ms}|{w.start_ms}".encode()
        for w in folded.schedule.revisions
    }
    live |= {
        f"0|{kind}|history|{name}|{size.window_ms}/{size.step_ms}|{entry.number % KEPT_MAX}".encode()
        for name, subject in folded.subjects.items()
        for size, history in subject.histories.items()
        for entry in history.entries
    }
    kept = {entry for entry in entries if b"|seen|" not in entry and not entry.endswith(b"|meta")}
    assert kept == live
