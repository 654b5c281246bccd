"""State written and read back, and refused when it is not ours."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from streams.windows import Fold, StateError, restore, state, take_entries
from streams.windows.kinds import KIND_RULES
from topics import Heartbeat, encode
from topics.metrics import METRICS

from .test_bad_input import AT_MS, trade


def folded(kind: str = "market") -> Fold:
    fold = Fold(kind, 0, partitions=1, subjects_max=10)  # type: ignore[arg-type]
    fold.feed(0, AT_MS, None, encode(Heartbeat(source="alpha", epoch=0, through_ms=AT_MS - 5_000)))
    fold.feed(1, AT_MS, b"BTC", encode(trade()))
    return fold


def corrected() -> Fold:
    """A fold whose state holds an entry of every sort: history, a late revision, ids without numbers."""
    fold = folded()
    for offset, (key, event) in enumerate(
        [
            (b"BTC", trade(2, event_ms=AT_MS + 60_000, received_ms=AT_MS + 60_000)),
            (None, Heartbeat(source="alpha", epoch=0, through_ms=AT_MS + 120_000)),
            (b"BTC", trade(9, sequence=None, event_ms=AT_MS + 30_000)),
            (b"BTC", trade(10, sequence=None, event_ms=AT_MS + 110_000)),
            (None, Heartbeat(source="alpha", epoch=0, through_ms=AT_MS + 130_000)),
        ],
        2,
    ):
        fold.feed(offset, AT_MS + 130_000, key, encode(event))
    return fold


def entries_of(fold: Fold, partitions: int = 1) -> dict[bytes, bytes]:
    return {key: value for key, value in take_entries(fold, partitions) if value is not None}


def test_meta_is_written_last() -> None:
    """What it says is committed with it, and after it in the log."""
    keys = [key for key, _ in take_entries(folded(), 1)]
    assert keys[-1] == b"0|market|meta"
    assert b"0|market|meta" not in keys[:-1]


def test_nothing_changed_is_only_meta() -> None:
    """Clean entries are not written twice."""
    fold = folded()
    list(take_entries(fold, 1))
    assert [key for key, _ in take_entries(fold, 1)] == [b"0|market|meta"]


def test_a_block_with_a_name_of_too_many_parts_is_refused_at_once() -> None:
    entries = entries_of(corrected())
    key = next(key for key in entries if b"|block|" in key)
    with pytest.raises(ValueError, match="unpack"):
        restore(
            Fold("market", 0, partitions=1, subjects_max=10),
            {**entries, key + b"|more": entries[key]},
            1,
        )


def test_a_restored_block_is_read_when_it_is_asked_for_and_not_before() -> None:
    """Most only wait for the end of their hour; a restart does not wait for them."""
    fold = corrected()
    entries = entries_of(fold)
    (first, *_), blocks = list(fold.subjects["BTC/USD"].blocks), fold.subjects["BTC/USD"].blocks
    again = Fold("market", 0, partitions=1, subjects_max=10)
    restore(again, {key: b"?" if b"|block|" in key else v for key, v in entries.items()}, 1)
    unread = again.subjects["BTC/USD"].blocks
    assert sorted(unread) == sorted(blocks)
    with pytest.raises(msgspec.DecodeError):
        unread.get(first)
    restore(again, entries, 1)
    assert again.subjects["BTC/USD"].blocks.get(first) == blocks.get(first)
    assert again.subjects["BTC/USD"].blocks.get(first - 60_000) is None


@pytest.mark.parametrize("change", ["version", "rules", "partitions"])
def test_state_of_other_rules_is_refused(change: str) -> None:
    """Going on would give numbers that nobody can recompute."""
    entries = entries_of(folded())
    meta = json.loads(entries[b"0|market|meta"])
    if change == "version":
        meta["fold_version"] += 1
    elif change == "rules":
        meta["rules_digest"] = "0" * 16
    entries[b"0|market|meta"] = json.dumps(meta).encode()
    fold = Fold("market", 0, partitions=2 if change == "partitions" else 1, subjects_max=10)
    with pytest.raises(StateError, match="market partition 0 was written by"):
        restore(fold, entries, 2 if change == "partitions" else 1)


RULE_CHANGES: dict[str, dict[str, Any]] = {
    "pane": {"pane_ms": 20_000},
    "block": {"block_ms": 30_000},
    "size": {"sizes": KIND_RULES["market"].sizes[1:]},
    "horizon": {"horizon_ms": 660_000},
    "source idle": {"source_idle_ms": 31_000},
    "dedupe": {"dedupe_ms": 130_000},
    "comparison": {"compares": True},
}


@pytest.mark.parametrize(
    "change",
    [*RULE_CHANGES, "tick", "history", "scale", "formula", "grid", "scored", "metric", "order"],
)
def test_state_is_refused_once_a_rule_is_another(
    monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Any span of a kind, or the catalogue; with the two ways out, the epoch to rebuild in among them."""
    entries = entries_of(folded())
    if change in RULE_CHANGES:
        rules = replace(KIND_RULES["market"], **RULE_CHANGES[change])
        monkeypatch.setitem(KIND_RULES, "market", rules)
    elif change == "tick":
        monkeypatch.setattr(state, "CORRECTION_TICK_MS", 20_000)
    elif change == "history":
        monkeypatch.setattr(state, "HISTORY_MAX", 100)
    elif change == "scale":
        monkeypatch.setattr(state, "GRID", 10**9)
    else:
        (first, *rest) = [metric for metric in METRICS if metric.kind == "market"]
        other = {
            "formula": [replace(first, formula="another"), *rest],
            "grid": [replace(first, grid=1e-9), *rest],
            "scored": [replace(first, scored=not first.scored), *rest],
            "metric": rest,
            "order": [*rest, first],
        }[change]
        monkeypatch.setattr(state, "METRICS", other)
    fold = Fold("market", 0, partitions=1, subjects_max=10, epoch=3)
    with pytest.raises(StateError) as refused:
        restore(fold, entries, 1)
    words = str(refused.value)
    assert "Go back to the old version and settings" in words
    assert "`tapereader streams rebuild --epoch 4`" in words


def test_a_change_of_another_kind_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind's state goes by its own rules."""
    entries = entries_of(folded())
    monkeypatch.setitem(KIND_RULES, "social", replace(KIND_RULES["social"], pane_ms=1_000))
    monkeypatch.setattr(state, "METRICS", [m for m in METRICS if m.name != "posts"])
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    restore(fold, entries, 1)
    assert fold.counters.total() == 2


def test_entries_of_other_folds_are_passed_over() -> None:
    """One changelog holds every kind, and partition 1 is not partition 11."""
    entries = entries_of(folded())
    others = {key.replace(b"0|", b"10|", 1): value for key, value in entries.items()}
    fold = Fold("market", 0, partitions=1, subjects_max=10)
    restore(fold, others, 1)
    assert fold.counters.total() == 0
    restore(fold, entries | others, 1)
    assert fold.counters.total() == fold.next_offset == 2
    assert list(fold.subjects) == ["BTC/USD"]


def test_windows_that_were_open_are_expected_again_and_no_others() -> None:
    """Also where many blocks begin at one time, and before the first heartbeat, when none has ended."""
    for fold in (folded(), corrected(), Fold("market", 0, partitions=1, subjects_max=10)):
        first = fold.next_offset or 0
        for n, asset in enumerate(("ETH", "SOL")):
            at_ms = AT_MS - 60_000 * n
            event = trade(subject=f"{asset}/USD", event_ms=at_ms, received_ms=at_ms)
            fold.feed(first + n, AT_MS, asset.encode(), encode(event))
        again = Fold("market", 0, partitions=1, subjects_max=10)
        restore(again, entries_of(fold), 1)
        assert len(again.schedule) == len(fold.schedule) > 0
        due = [f.schedule.take_ended(AT_MS + 10**9) for f in (fold, again)]
        assert due[0] == due[1]


@pytest.mark.parametrize("what", ["meta", "subject", "window", "history", "seen"])
def test_an_entry_that_cannot_be_read_is_refused_at_once(what: str) -> None:
    """A value cut short, one of another shape, a name with a part too many. Of blocks the names alone."""
    entries = entries_of(corrected())
    key = next(key for key in entries if key.split(b"|")[2] == what.encode())
    for value in (entries[key][:-1], b'"another"', b""):
        with pytest.raises(msgspec.DecodeError):
            restore(Fold("market", 0, partitions=1, subjects_max=10), entries | {key: value}, 1)
    if what != "meta":
        odd = {key + b"|more": entries.pop(key)}
        with pytest.raises(ValueError, match=r"unpack|invalid literal"):
            restore(Fold("market", 0, partitions=1, subjects_max=10), entries | odd, 1)
