"""One partition of one raw topic, folded: records in, aggregates, late events and dead letters out.

A pure function of the records in offset order: no clock, no I/O. Whatever the batches, checkpoints or
crashes, the same records give the same outputs. The specification is docs/windows.md.
"""

from topics import ContractError, Heartbeat, Kind

from .blocks import Block, empty_block
from .checks import check_event, check_heartbeat, check_mark, check_route
from .clock import Clock
from .counters import Counters
from .history import KEPT_MAX, row_of
from .intake import EventIn, Mark, RecordIn, TradeIn, id_of, place_of, reader_of
from .kinds import CORRECTION_TICK_MS, KIND_RULES, WindowSize
from .outputs import Output, aggregate_of, late_of, letter_of
from .schedule import Schedule, Window
from .seen import Digests, Verdict
from .subject import Subject
from .timeline import Timeline


class Fold:
    """The state of one partition of one raw topic, and what it has to publish since last asked."""

    def __init__(
        self, kind: Kind, partition: int, *, partitions: int, subjects_max: int, epoch: int = 0
    ) -> None:
        """Begin with nothing read."""
        self.kind: Kind = kind
        self.partition, self.epoch = partition, epoch
        self.rules = KIND_RULES[kind]
        self.first_offset: int | None = None
        """Of the first record folded: the counters begin there."""
        self.next_offset: int | None = None
        """Of the record to be folded next; None before the first."""
        self.clock = Clock(source_idle_ms=self.rules.source_idle_ms)
        self.counters = Counters()
        self.subjects: dict[str, Subject] = {}
        self.schedule = Schedule()
        self.digests = Digests()
        self.outputs: list[Output] = []
        self.published = 0
        """Aggregates published since the fold was made."""
        self.dirty_subjects: set[str] = set()
        self.dirty_blocks: set[tuple[str, int]] = set()
        self.dirty_history: set[tuple[str, WindowSize, int]] = set()
        """Subject, size and slot."""
        self._block_starts: Timeline[str] = Timeline()
        self._watched: set[str] = set()
        """Subjects that may be forgotten though no block of theirs expires."""
        self._fading: Timeline[str] = Timeline()
        """Subjects of which only histories are left, by when those expire."""
        self._partitions = partitions
        self._subjects_max = subjects_max
        self._read = reader_of(kind).decode

    def feed(self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes) -> None:
        """Fold the next record. ``timestamp_ms`` is the log's.

        Raises:
            ValueError: The offset is not the next one: folding on would lose what lies between.
        """
        if self.next_offset is None:
            self.first_offset = offset
        elif offset != self.next_offset:
            msg = f"{self.kind}/{self.partition}: offset {self.next_offset} is next, not {offset}"
            raise ValueError(msg)
        self.next_offset = offset + 1
        try:
            self._take(self._read(value), offset, timestamp_ms, key, value)
        except ContractError as refused:
            self.counters.dead_letters += 1
            self.outputs.append(
                letter_of(
                    self.kind,
                    self.partition,
                    refused,
                    offset=offset,
                    timestamp_ms=timestamp_ms,
                    key=key,
                    value=value,
                )
            )

    def _take(
        self, record: RecordIn, offset: int, timestamp_ms: int, key: bytes | None, value: bytes
    ) -> None:
        if isinstance(record, Heartbeat):
            self._beat(record, timestamp_ms)
        elif isinstance(record, Mark):
            self._mark(record, key)
        else:
            self._event(record, offset, key, value)

    # Events

    def _event(self, event: EventIn, offset: int, key: bytes | None, value: bytes) -> None:
        subject = self._known(event.subject, key)
        check_event(event)
        watermark_ms = self.clock.watermark_ms
        if watermark_ms is not None and event.event_ms < watermark_ms - self.rules.horizon_ms:
            self.counters.late += 1
            late = late_of(
                self.rules,
                self.partition,
                event,
                offset=offset,
                value=value,
                watermark_ms=watermark_ms,
            )
            self.outputs.append(late)
            return
        subject = subject or self._new_subject(event.subject)
        place = place_of(event)
        if beyond := subject.room(event.source, place):
            msg = f"{event.subject}: {beyond} is one too many"
            raise ContractError(msg, reason="venues_max")
        self.dirty_subjects.add(subject.name)
        numbers = subject.numbers(place)
        sequence = event.sequence if isinstance(event, TradeIn) else None
        if sequence is None:
            verdict = self.digests.add(id_of(event), event.event_ms)
        else:
            verdict = numbers.add(sequence)
        if verdict is Verdict.DUPLICATE:
            self.counters.duplicates += 1
            return
        subject.saw(event.source, event.event_ms, proven=sequence is not None)
        self._apply(subject, event, unsure=verdict is Verdict.UNSURE)

    def _known(self, name: str, key: bytes | None) -> Subject | None:
        subject = self.subjects.get(name)
        if subject is None or subject.key != key:
            check_route(self.kind, name, key, self.partition, self._partitions)
        return subject

    def _new_subject(self, name: str) -> Subject:
        if len(self.subjects) >= self._subjects_max:
            msg = f"{name} would be subject {self._subjects_max + 1} of its partition"
            raise ContractError(msg, reason="subjects_max")
        return self.admit(Subject(name))

    def admit(self, subject: Subject) -> Subject:
        """Keep a subject until it is forgotten."""
        self.subjects[subject.name] = subject
        self.dirty_subjects.add(subject.name)
        self._watched.add(subject.name)
        return subject

    def _apply(self, subject: Subject, event: EventIn, *, unsure: bool) -> None:
        self.counters.applied += 1
        start_ms = event.event_ms // self.rules.block_ms * self.rules.block_ms
        block = subject.blocks.get(start_ms)
        watermark_ms = self.clock.watermark_ms
        if block is None or (watermark_ms is not None and event.event_ms < watermark_ms):
            self.counters.corrected += self._touch(subject, event.event_ms)
        if block is None:
            block = empty_block(self.kind)
            self.hold(subject, start_ms, block)
        block.add(event, self.rules)
        block.unsure |= unsure
        self.dirty_blocks.add((subject.name, start_ms))

    def hold(self, subject: Subject, start_ms: int, block: Block) -> None:
        """Keep a block until it expires."""
        subject.blocks[start_ms] = block
        self._block_starts.add(start_ms, subject.name)

    def _touch(self, subject: Subject, event_ms: int) -> bool:
        """Expect the windows of an instant, or note their change; return whether any had ended."""
        any_ended = False
        for window in self.windows_holding(subject.name, event_ms, event_ms + 1):
            if self.has_ended(window):
                any_ended = True
                self.schedule.change(window, published=bool(self._blocks(subject, window)))
            else:
                self.schedule.open(window)
        return any_ended

    def windows_holding(self, name: str, from_ms: int, to_ms: int) -> list[Window]:
        """Return every window of a subject that shares an instant with [from_ms, to_ms)."""
        return [
            Window(start_ms, name, size)
            for size in self.rules.sizes
            for start_ms in size.starts_holding(from_ms, to_ms)
        ]

    def has_ended(self, window: Window) -> bool:
        """Return whether the watermark has reached a window's end."""
        watermark_ms = self.clock.watermark_ms
        return watermark_ms is not None and window.end_ms <= watermark_ms

    # Marks and time

    def _mark(self, mark: Mark, key: bytes | None) -> None:
        subject = self._known(mark.subject, key)
        check_mark(mark)
        subject = subject or self._new_subject(mark.subject)
        self.counters.marks += 1
        subject.mark(mark)
        self._watched.add(subject.name)
        self.dirty_subjects.add(subject.name)
        watermark_ms = self.clock.watermark_ms
        if watermark_ms is None:
            return
        from_ms = max(mark.from_ms, watermark_ms - self.rules.horizon_ms)
        for window in self.windows_holding(
            subject.name, from_ms, min(mark.to_ms + 1, watermark_ms)
        ):
            if self.has_ended(window) and self._blocks(subject, window):
                self.schedule.change(window, published=True)

    def _beat(self, heartbeat: Heartbeat, timestamp_ms: int) -> None:
        check_heartbeat(heartbeat, timestamp_ms)
        if self.clock.full(heartbeat.source):
            msg = f"{heartbeat.source} would be one source too many"
            raise ContractError(msg, reason="sources_max")
        self.counters.heartbeats += 1
        before = self.clock.watermark_ms
        watermark_ms = self.clock.beat(heartbeat)
        if watermark_ms is None or watermark_ms == before:
            return
        for window in self.schedule.take_ended(watermark_ms):
            self._publish(window, 0)
        if before is None or watermark_ms // CORRECTION_TICK_MS == before // CORRECTION_TICK_MS:
            return
        for window, revision in self.schedule.take_pending():
            self._publish(window, revision)
        self._expire(watermark_ms)

    def _expire(self, watermark_ms: int) -> None:
        """Forget what no window can need any more. Only after corrections, so that none is pending."""
        self.schedule.forget_before(watermark_ms - self.rules.horizon_ms)
        self.digests.forget_before(watermark_ms - self.rules.dedupe_ms)
        keep_ms = watermark_ms - self.rules.retention_ms
        expired = self._block_starts.take_until(keep_ms - self.rules.block_ms)
        for start_ms, name in expired:
            del self.subjects[name].blocks[start_ms]
            self.dirty_blocks.add((name, start_ms))
        faded = {name for _, name in self._fading.take_until(watermark_ms)}
        for name in sorted({name for _, name in expired} | self._watched | faded):
            if name in self.subjects:
                self._forget(self.subjects[name], keep_ms, watermark_ms)

    def _forget(self, subject: Subject, keep_ms: int, watermark_ms: int) -> None:
        if subject.forget_gaps_before(keep_ms):
            self.dirty_subjects.add(subject.name)
        if subject.record.gaps:
            return
        self._watched.discard(subject.name)
        if subject.blocks:
            return
        until_ms = subject.remembered_until_ms()
        if until_ms > watermark_ms:
            self._fading.add(until_ms, subject.name)
            return
        del self.subjects[subject.name]
        self.dirty_subjects.add(subject.name)
        for size, history in subject.histories.items():
            for entry in history.entries:
                self.dirty_history.add((subject.name, size, entry.number % KEPT_MAX))

    def _publish(self, window: Window, revision: int) -> None:
        subject = self.subjects[window.subject]
        self.published += 1
        aggregate = aggregate_of(
            self.kind,
            subject,
            window,
            revision=revision,
            epoch=self.epoch,
            clock=self.clock,
            blocks=self._blocks(subject, window),
            before=self._blocks_before(subject, window),
        )
        self.outputs.append(aggregate)
        if revision == 0 and aggregate.reason != "replay_start":
            history = subject.history(window.size)
            entry = history.add(window.start_ms, row_of(self.kind, aggregate.values))
            self.dirty_history.add((subject.name, window.size, entry.number % KEPT_MAX))

    def _blocks(self, subject: Subject, window: Window) -> list[Block]:
        return subject.blocks_between(window.start_ms, window.end_ms, self.rules.block_ms)

    def _blocks_before(self, subject: Subject, window: Window) -> list[Block]:
        if not self.rules.compares:
            return []
        from_ms = window.start_ms - window.size.window_ms
        return subject.blocks_between(from_ms, window.start_ms, self.rules.block_ms)
