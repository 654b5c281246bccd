"""The fold against a second implementation of its specification, and against itself cut anywhere."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.windows import Fold, restore, take_entries
from streams.windows.history import KEPT_MAX
from tests.oracles.windows import Oracle
from tests.strategies.logs import logs
from topics import KINDS, Aggregate, DeadLetter, Kind, Late, encode
from topics.metrics import METRICS, TOLERANCE

LOGGED_MS = 2_000_000_000_000
PARTITIONS = 1
CLOSE = [metric.name for metric in METRICS if not metric.exact]
Record = tuple[bytes | None, bytes]


def fold(kind: Kind) -> Fold:
    return Fold(kind, 0, partitions=PARTITIONS, subjects_max=100)


def run(kind: Kind, log: list[Record]) -> Fold:
    folded = fold(kind)
    for offset, (key, value) in enumerate(log):
        folded.feed(offset, LOGGED_MS, key, value)
    return folded


def told(output: Any) -> dict[str, Any]:
    """An output as the oracle says it."""
    match output:
        case Late():
            return {"late": output.event_id, "lateness_ms": output.lateness_ms}
        case Aggregate():
            body = json.loads(encode(output))
            body["values"].pop("kind")
            return {
                "id": output.aggregate_id,
                "reason": output.reason,
                "completeness": body["completeness"],
                "values": body["values"],
                "scores": body["scores"],
                "history_n": body["history_n"],
            }
        case _:
            msg = f"unexpected {output}"
            raise AssertionError(msg)


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for name in CLOSE:
        if name in expected.get("values", {}):
            assert found["values"].pop(name) == pytest.approx(
                expected["values"].pop(name), rel=TOLERANCE, abs=1e-300
            )
        if name in expected.get("scores", {}):
            # A small difference of two values may be a large one of their distance from the median.
            assert found["scores"].pop(name) == pytest.approx(
                expected["scores"].pop(name), rel=1e-6, abs=1e-6
            )
    assert found == expected


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(deadline=None)
def test_it_says_what_the_specification_says(kind: Kind, data: st.DataObject) -> None:
    """Ids, order, revisions, reasons, completeness, values, late events and counters: all of it."""
    log = data.draw(logs(kind))
    folded, oracle = run(kind, log), Oracle(kind)
    for _, value in log:
        oracle.feed(value)
    assert [o for o in folded.outputs if isinstance(o, DeadLetter)] == []
    assert len(folded.outputs) == len(oracle.outputs)
    for output, expected in zip(folded.outputs, oracle.outputs, strict=True):
        assert_same(told(output), expected)
    for name, number in oracle.count.items():
        assert getattr(folded.counters, name) == number, name
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
