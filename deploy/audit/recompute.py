"""One partition of one raw topic, folded a second time: docs/windows.md, sections 3 to 8.

A function of its records in offset order. What is kept is what can still be asked for: section 8.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from .catalogue import INEXACT, SCORED
from .clock import Clock
from .form import MARKS, Record, RefusedError, read
from .kinds import RULES, TICK_MS, Window
from .outputs import Expected, aggregate_id, aggregate_of, late_of, letter_of
from .routing import check_route, check_sense
from .scores import TOLERANCE, Close, History, scores_of
from .seen import Digests, Sequences, Verdict, event_id, place_of
from .subject import Block, Subject
from .values import entry_of, values_of

COUNTED = ("heartbeats", "marks", "applied", "duplicates", "late", "dead_letters")
"""Each record is counted in exactly one of these."""


class Recomputation:
    """What one partition's records must have given."""

    def __init__(
        self, kind: str, partition: int, *, partitions: int, subjects_max: int, epoch: int = 0
    ) -> None:
        """Begin with nothing read. ``epoch`` is that of a rebuild; it is part of the ids."""
        self.kind, self.partition = kind, partition
        self.counts = dict.fromkeys((*COUNTED, "corrected"), 0)
        self.clock = Clock(RULES[kind].idle_ms)
        self.subjects: dict[str, Subject] = {}
        self._rules = RULES[kind]
        self._partitions, self._subjects_max, self._epoch = partitions, subjects_max, epoch
        self._digests = Digests()
        self._revisions: dict[Window, int] = {}
        """The last number of windows published more or less than once; -1 for none."""
        self._changed: set[Window] = set()
        self._blocks_kept_ms = 0
        self._outputs: list[Expected] = []
        self._offset = 0

    def feed(
        self,
        offset: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes | None]] = (),
    ) -> list[Expected]:
        """Fold the next record, and return what must have been written because of it, in order."""
        self._outputs, self._offset = [], offset
        try:
            record = read(self.kind, value)
            if record["type"] == "heartbeat":
                self._heartbeat(record, timestamp_ms)
            elif record["type"] in MARKS:
                self._mark(record, key)
            elif record["type"] == "post.deleted":
                self._deletion(record, key)
            else:
                self._event(record, key, value)
        except RefusedError as refused:
            self.counts["dead_letters"] += 1
            letter = letter_of(
                self.kind,
                self.partition,
                refused.reason,
                offset=offset,
                timestamp_ms=timestamp_ms,
                key=key,
                value=value,
                told=headers,
            )
            self._outputs.append(letter)
        return self._outputs

    # Events: section 3, steps 3 to 8

    def _event(self, event: Record, key: bytes | None, value: bytes) -> None:
        name, event_ms, watermark_ms = event["subject"], event["event_ms"], self.clock.watermark_ms
        check_route(self.kind, name, key, self.partition, self._partitions)
        check_sense(event)
        if watermark_ms is not None and event_ms < watermark_ms - self._rules.horizon_ms:
            self.counts["late"] += 1
            place = (self._offset, value, watermark_ms - event_ms)
            self._outputs.append(late_of(self.kind, self._rules, self.partition, event, place))
            return
        subject = self._known(name)
        subject.check_room(event["source"], place_of(event))
        verdict = self._seen(subject, event)
        if verdict == "duplicate":
            self.counts["duplicates"] += 1
            return
        self._apply(name, subject, event, unsure=verdict == "unsure")

    def _known(self, name: str) -> Subject:
        subject = self.subjects.get(name)
        if subject is None:
            if len(self.subjects) >= self._subjects_max:
                raise RefusedError(reason="subjects_max")
            subject = self.subjects[name] = Subject()
        return subject

    def _seen(self, subject: Subject, event: Record) -> Verdict:
        place = place_of(event)
        if place not in subject.places:
            subject.places[place] = Sequences()
        if event.get("sequence") is None:
            return self._digests.add(event_id(event), event["event_ms"])
        return subject.places[place].add(event["sequence"])

    def _apply(self, name: str, subject: Subject, event: Record, *, unsure: bool) -> None:
        event_ms = event["event_ms"]
        self.counts["applied"] += 1
        subject.show(event["source"], event_ms, proven=event.get("sequence") is not None)
        watermark_ms = self.clock.watermark_ms
        if watermark_ms is not None and event_ms < watermark_ms:
            ended = [
                w for w in self._windows(name, event_ms, event_ms + 1) if w.end_ms <= watermark_ms
            ]
            for window in ended:
                self._change(window, published=bool(self._blocks(subject, window)))
            self.counts["corrected"] += bool(ended)
        start_ms = event_ms // self._rules.block_ms * self._rules.block_ms
        block = subject.blocks.get(start_ms)
        if block is None:
            block = subject.blocks[start_ms] = Block()
        block.entries.append(entry_of(event, self.counts["applied"]))
        block.unsure |= unsure

    def _windows(self, name: str, from_ms: int, to_ms: int) -> Iterator[Window]:
        return self._rules.holding(name, from_ms, to_ms)

    def _blocks(self, subject: Subject, window: Window) -> list[Block]:
        return subject.blocks_of(window.start_ms, window.end_ms, self._rules.block_ms)

    def _change(self, window: Window, *, published: bool) -> None:
        self._revisions.setdefault(window, 0 if published else -1)
        self._changed.add(window)

    # Gap marks: section 3a, and 7

    def _mark(self, mark: Record, key: bytes | None) -> None:
        name = mark["subject"]
        check_route(self.kind, name, key, self.partition, self._partitions)
        if mark["to_ms"] < mark["from_ms"]:
            raise RefusedError(reason="invalid")
        subject = self._known(name)
        self.counts["marks"] += 1
        subject.mark(mark)
        watermark_ms = self.clock.watermark_ms
        if watermark_ms is None:
            return
        from_ms = max(mark["from_ms"], watermark_ms - self._rules.horizon_ms)
        for window in self._windows(name, from_ms, min(mark["to_ms"] + 1, watermark_ms)):
            if window.end_ms <= watermark_ms and self._blocks(subject, window):
                self._change(window, published=True)

    def _deletion(self, deletion: Record, key: bytes | None) -> None:
        """Count a post that was taken back: section 3b."""
        check_route(self.kind, deletion["subject"], key, self.partition, self._partitions)
        self.counts["marks"] += 1

    # Time: section 4

    def _heartbeat(self, heartbeat: Record, timestamp_ms: int) -> None:
        before_ms = self.clock.watermark_ms
        self.clock.beat(heartbeat, timestamp_ms)
        self.counts["heartbeats"] += 1
        watermark_ms = self.clock.watermark_ms
        if watermark_ms is None or watermark_ms == before_ms:
            return
        for window in sorted(self._ended(before_ms, watermark_ms)):
            self._publish(window, 0)
        if before_ms is None or before_ms // TICK_MS == watermark_ms // TICK_MS:
            return
        for window in sorted(self._changed):
            self._revisions[window] += 1
            self._publish(window, self._revisions[window])
        self._changed.clear()
        self._forget(watermark_ms)

    def _ended(self, before_ms: int | None, watermark_ms: int) -> set[Window]:
        """Return the windows with events that end in (before_ms, watermark_ms]."""
        block_ms, ended = self._rules.block_ms, set()
        if before_ms is not None and before_ms // block_ms == watermark_ms // block_ms:
            return set()  # every window ends where a block does
        for name, subject in self.subjects.items():
            for start_ms in subject.blocks:
                if start_ms >= watermark_ms:
                    continue
                for window in self._windows(name, start_ms, start_ms + block_ms):
                    if window.end_ms <= watermark_ms and (
                        before_ms is None or window.end_ms > before_ms
                    ):
                        ended.add(window)
        return ended

    def _publish(self, window: Window, revision: int) -> None:
        subject = self.subjects[window.subject]
        blocks = self._blocks(subject, window)
        partial = subject.may_be_partial(window, self.clock)
        values = self._values(subject, window, blocks)
        names = SCORED[self.kind]
        row = tuple(values[name] for name in names)
        history = subject.histories.setdefault((window.window_ms, window.step_ms), History())
        reference = [] if partial else history.reference(window.start_ms, revision)
        exact = [name not in INEXACT[self.kind] for name in names]
        if revision == 0 and not partial:
            history.add(window.start_ms, row)
        told = {
            "epoch": self._epoch,
            "reason": "replay_start" if partial else "corrected" if revision else "closed",
            "completeness": subject.completeness(window, self.clock, blocks),
            "values": {"kind": self.kind} | self._approximate(values),
            "scores": scores_of(names, row, reference, exact=exact),
            "history_n": len(reference),
        }
        name = aggregate_id(self.kind, window, revision, self._epoch)
        self._outputs.append(aggregate_of(name, window, revision, told, self._offset))

    def _values(self, subject: Subject, window: Window, blocks: list[Block]) -> dict[str, Any]:
        entries = [entry for block in blocks for entry in block.entries]
        span_ms = (window.start_ms - window.window_ms, window.start_ms)
        before = subject.blocks_of(*span_ms, self._rules.block_ms) if self.kind == "volume" else []
        earlier = [entry for block in before for entry in block.entries]
        return values_of(self.kind, entries, earlier, pane_ms=self._rules.pane_ms)

    def _approximate(self, values: dict[str, Any]) -> dict[str, Any]:
        """Say of what is not exact how far off another program may be."""
        return {
            name: Close(value, TOLERANCE * abs(value)) if name in INEXACT[self.kind] else value
            for name, value in values.items()
        }

    # Section 8

    def _forget(self, watermark_ms: int) -> None:
        keep_ms = watermark_ms - self._rules.retention_ms
        keep_ms_of_blocks = keep_ms // self._rules.block_ms * self._rules.block_ms
        expire = keep_ms_of_blocks > self._blocks_kept_ms
        self._blocks_kept_ms = keep_ms_of_blocks
        for name, subject in list(self.subjects.items()):
            if expire:
                for start_ms in [start for start in subject.blocks if start < keep_ms_of_blocks]:
                    del subject.blocks[start_ms]
            if subject.gaps:
                subject.gaps = {n: gap for n, gap in subject.gaps.items() if gap.to_ms > keep_ms}
            if subject.is_forgotten(watermark_ms):
                del self.subjects[name]
        past_ms = watermark_ms - self._rules.horizon_ms
        for window in [window for window in self._revisions if window.end_ms <= past_ms]:
            del self._revisions[window]
        self._digests.raise_floor(watermark_ms - self._rules.dedupe_ms)
