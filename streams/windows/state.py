"""A fold into the entries of its changelog, and back.

Keys are `partition|kind|what|...`, so that one changelog holds every kind of a partition:

======================================  =====================================================
`p|kind|meta`                           offsets, clock, counters, versions
`p|kind|subject|SUBJECT`                sources, sequence numbers, gaps
`p|kind|block|SUBJECT|START`            a block
`p|kind|window|SUBJECT|SIZE/STEP|START` a window that was published more or less than once
`p|kind|seen|CHUNK`                     digests of ids
`p|kind|history|SUBJECT|SIZE/STEP|SLOT` a window as it was first published
======================================  =====================================================
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

import msgspec
from msgspec import Struct

from topics import Kind, PipelineError
from topics.metrics import METRICS

from .clock import Clock
from .counters import Counters
from .fold import Fold
from .grid import GRID
from .history import HISTORY_MAX, HISTORY_MIN, KEPT_MAX, History
from .history import Entry as HistoryEntry
from .kinds import CORRECTION_TICK_MS, KIND_RULES, WindowSize
from .schedule import Revision, Window
from .seen import Digests
from .subject import Subject, SubjectRecord

FOLD_VERSION = 5
"""Rises when the same records would give other outputs."""

Entry = tuple[bytes, bytes | None]
"""Key and value of a changelog record; None is a tombstone."""
Rest = tuple[str, bytes]
"""What of a key comes after `p|kind|what|`, and the value."""

_encode = msgspec.json.encode


class StateError(PipelineError):
    """State that this fold must not go on with; the message says what to do."""


class Meta(Struct):
    """What state keeps of the fold itself."""

    fold_version: int
    rules_digest: str
    first_offset: int | None
    next_offset: int | None
    clock: Clock
    counters: Counters
    digests_floor_ms: int


def rules_digest(kind: Kind, partitions: int) -> str:
    """Return a digest of everything beside the code that the outputs depend on."""
    catalogue = [(m.name, m.formula, m.grid, m.scored) for m in METRICS if m.kind == kind]
    history = [HISTORY_MAX, HISTORY_MIN, KEPT_MAX]
    rules = msgspec.json.encode(
        [KIND_RULES[kind], CORRECTION_TICK_MS, partitions, catalogue, GRID, history]
    )
    return sha256(rules).hexdigest()[:16]


def take_entries(fold: Fold, partitions: int) -> Iterator[Entry]:
    """Yield what has changed since the last call, the meta entry last."""
    head = f"{fold.partition}|{fold.kind}|"

    def key(rest: str) -> bytes:
        return (head + rest).encode()

    for name in sorted(fold.dirty_subjects):
        subject = fold.subjects.get(name)
        yield key(f"subject|{name}"), None if subject is None else _encode(subject.record)
    for name, start_ms in sorted(fold.dirty_blocks):
        subject = fold.subjects.get(name)
        block = None if subject is None else subject.blocks.get(start_ms)
        yield key(f"block|{name}|{start_ms}"), None if block is None else _encode(block)
    for window in sorted(fold.schedule.touched):
        size = f"{window.size.window_ms}/{window.size.step_ms}"
        revision = fold.schedule.revisions.get(window)
        yield (
            key(f"window|{window.subject}|{size}|{window.start_ms}"),
            None if revision is None else _encode(revision),
        )
    for name, window_size, slot in sorted(fold.dirty_history):
        subject = fold.subjects.get(name)
        history = None if subject is None else subject.histories.get(window_size)
        entries = () if history is None else history.entries
        entry = next((e for e in reversed(entries) if e.number % KEPT_MAX == slot), None)
        yield (
            key(f"history|{name}|{window_size.window_ms}/{window_size.step_ms}|{slot}"),
            None if entry is None else _encode(entry),
        )
    chunk_number = fold.next_offset or 0
    if chunk := fold.digests.take_chunk(chunk_number):
        yield key(f"seen|{chunk_number}"), _encode(chunk)
    for number in fold.digests.take_dead_chunks():
        yield key(f"seen|{number}"), None
    fold.dirty_subjects.clear()
    fold.dirty_blocks.clear()
    fold.dirty_history.clear()
    fold.schedule.touched.clear()
    yield key("meta"), _encode(_meta(fold, partitions))


def _meta(fold: Fold, partitions: int) -> Meta:
    return Meta(
        fold_version=FOLD_VERSION,
        rules_digest=rules_digest(fold.kind, partitions),
        first_offset=fold.first_offset,
        next_offset=fold.next_offset,
        clock=fold.clock,
        counters=fold.counters,
        digests_floor_ms=fold.digests.floor_ms,
    )


def restore(fold: Fold, entries: Mapping[bytes, bytes], partitions: int) -> None:
    """Give a new fold the state its entries hold; entries of other folds are passed over.

    Raises:
        StateError: The state was written by another version or other rules.
    """
    mine: dict[str, list[Rest]] = {}
    head = f"{fold.partition}|{fold.kind}|".encode()
    for key in [key for key in entries if key.startswith(head)]:
        what, _, rest = key[len(head) :].decode().partition("|")
        mine.setdefault(what, []).append((rest, entries[key]))
    if "meta" not in mine:
        return
    _restore_meta(fold, _only(mine["meta"]), partitions)
    for rest, value in mine.get("subject", ()):
        (name,) = rest.split("|")
        fold.admit(Subject(fold.kind, name, msgspec.json.decode(value, type=SubjectRecord)))
    _restore_blocks(fold, mine.get("block", ()))
    for rest, value in mine.get("window", ()):
        name, size, start_ms = rest.split("|")
        fold.schedule.restore(
            Window(int(start_ms), name, _size(size)), msgspec.json.decode(value, type=Revision)
        )
    _restore_histories(fold, mine.get("history", ()))
    for number, value in mine.get("seen", ()):
        fold.digests.restore(int(number), msgspec.json.decode(value, type=list[tuple[int, int]]))
    fold.dirty_subjects.clear()


def _restore_meta(fold: Fold, value: bytes, partitions: int) -> None:
    meta = msgspec.json.decode(value, type=Meta)
    expected = rules_digest(fold.kind, partitions)
    if (meta.fold_version, meta.rules_digest) != (FOLD_VERSION, expected):
        msg = (
            f"the state of {fold.kind} partition {fold.partition} was written by fold version "
            f"{meta.fold_version} with rules {meta.rules_digest}; this is version {FOLD_VERSION} with "
            f"rules {expected}. Go back to the old version and settings, or fold the raw topics anew: "
            f"`tapereader streams rebuild --epoch {fold.epoch + 1}`"
        )
        raise StateError(msg)
    fold.first_offset, fold.next_offset = meta.first_offset, meta.next_offset
    fold.clock, fold.counters = meta.clock, meta.counters
    fold.digests = Digests(meta.digests_floor_ms)


def _restore_blocks(fold: Fold, blocks: Iterable[Rest]) -> None:
    """Hold the blocks again, and expect the windows of theirs that have not ended."""
    open_of: dict[int, list[tuple[int, WindowSize]]] = {}  # by start: many subjects share it
    for rest, value in blocks:
        name, start = rest.split("|")
        start_ms = int(start)
        fold.hold(fold.subjects[name], start_ms, value)
        if start_ms not in open_of:
            open_of[start_ms] = [
                (window.start_ms, window.size)
                for window in fold.windows_holding(name, start_ms, start_ms + 1)
                if not fold.has_ended(window)
            ]
        for at_ms, size in open_of[start_ms]:
            fold.schedule.open(Window(at_ms, name, size))


def _restore_histories(fold: Fold, entries: Iterable[Rest]) -> None:
    """Collect each history's windows; most of state's entries are these."""
    decoder = msgspec.json.Decoder(HistoryEntry)
    found: dict[str, list[HistoryEntry]] = {}
    for rest, value in entries:
        owner, _, _ = rest.rpartition("|")
        found.setdefault(owner, []).append(decoder.decode(value))
    for owner, held in found.items():
        name, size = owner.split("|")
        fold.subjects[name].histories[_size(size)] = History(held)


def _size(text: str) -> WindowSize:
    window_ms, step_ms = map(int, text.split("/"))
    return WindowSize(window_ms, step_ms)


def _only(values: list[Rest]) -> bytes:
    ((_, value),) = values
    return value
