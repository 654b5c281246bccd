"""One partition of one raw topic, folded: records in, aggregates, late events and dead letters out.

A pure function of the records in offset order: no clock, no I/O. Whatever the batches, checkpoints or
crashes, the same records give the same outputs. The specification is docs/windows.md.
"""

from typing import cast

from topics import ContractError, Heartbeat, Kind, PostDeleted
from topics.record import Labels, LogRecord

from .blocks import Block, empty_block
from .checks import check_event, check_heartbeat, check_mark, check_names, check_route
from .clock import Clock
from .columns import Lane
from .counters import Counters
from .forgetting import expire
from .history import KEPT_MAX, row_of
from .intake import EventIn, Logged, Mark, RecordIn, TradeIn, id_of, place_of, reader_of
from .kinds import CORRECTION_TICK_MS, KIND_RULES, WindowSize
from .market import MarketBlock
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
        self.block_starts: Timeline[str] = Timeline()
        self.watched: set[str] = set()
        """Subjects that may be forgotten though no block of theirs expires."""
        self.fading: Timeline[str] = Timeline()
        """Subjects of which only histories are left, by when those expire."""
        self._partitions = partitions
        self._subjects_max = subjects_max
        self.reader = reader_of(kind)

    def feed(
        self, offset: int, timestamp_ms: int, key: bytes | None, value: bytes, headers: Labels = ()
    ) -> None:
        """Fold the next record. ``timestamp_ms`` is the log's; only a redriven record has headers.

        Raises:
            ValueError: The offset is not the next one: folding on would lose what lies between.
        """
        self.go_on(offset, 1)
        logged = Logged(offset, timestamp_ms, key, value, headers)
        try:
            record = self.reader.decode(value)
        except ContractError as refused:
            self._refuse(refused, logged)
        else:
            self.take(record, logged, self.clock.watermark_ms)

    def go_on(self, offset: int, count: int) -> None:
        """Note that so many records from an offset on are folded.

        Raises:
            ValueError: The offset is not the next one.
        """
        if self.next_offset is None:
            self.first_offset = offset
        elif offset != self.next_offset:
            msg = f"{self.kind}/{self.partition}: offset {self.next_offset} is next, not {offset}"
            raise ValueError(msg)
        self.next_offset = offset + count

    def take(self, record: RecordIn, logged: LogRecord, watermark_ms: int | None) -> None:
        """Take a record as it was read. ``watermark_ms`` is the watermark at its place in the log."""
        try:
            if isinstance(record, Heartbeat):
                self._beat(record, logged.timestamp)
            elif isinstance(record, Mark):
                self._mark(record, logged.key)
            elif isinstance(record, PostDeleted):
                self._deletion(record, logged.key)
            else:
                self._event(record, logged, watermark_ms)
        except ContractError as refused:
            self._refuse(refused, logged)

    def _refuse(self, refused: ContractError, logged: LogRecord) -> None:
        self.counters.dead_letters += 1
        self.outputs.append(letter_of(self.kind, self.partition, refused, logged))

    # Events

    def _event(self, event: EventIn, logged: LogRecord, watermark_ms: int | None) -> None:
        place = place_of(event)
        known = self.subjects.get(event.subject)
        # Trades are many: of one whose source and venue are known here the names were looked at before.
        if not (isinstance(event, TradeIn) and known and known.knows(event.source, place)):
            check_names(event)
        subject = self._known(event.subject, logged.key)
        check_event(event)
        if watermark_ms is not None and event.event_ms < watermark_ms - self.rules.horizon_ms:
            self.counters.late += 1
            self.outputs.append(late_of(self.rules, self.partition, event, logged, watermark_ms))
            return
        subject = subject or self._new_subject(event.subject)
        if beyond := subject.room(event.source, place):
            msg = f"{event.subject}: {beyond} is one too many"
            raise ContractError(msg, reason="venues_max")
        self.count(subject, place, event)

    def count(self, subject: Subject, place: str, event: EventIn) -> None:
        """Take an event that nothing is wrong with: as a duplicate, or into its block."""
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
        return self.admit(Subject(self.kind, name))

    def admit(self, subject: Subject) -> Subject:
        """Keep a subject until it is forgotten."""
        self.subjects[subject.name] = subject
        self.dirty_subjects.add(subject.name)
        self.watched.add(subject.name)
        return subject

    def _apply(self, subject: Subject, event: EventIn, *, unsure: bool) -> None:
        self.counters.applied += 1
        start_ms = event.event_ms // self.rules.block_ms * self.rules.block_ms
        block, ended = self.open_block(subject, start_ms)
        self.counters.corrected += ended
        block.add(event, self.rules)
        block.unsure |= unsure

    def count_lane(self, subject: Subject, lane: Lane) -> None:
        """Take trades that nothing is wrong with, whose numbers go on where those seen at the venue end."""
        subject.numbers(lane.venue).extend(lane.trades)
        subject.saw(lane.source, lane.first_ms, proven=True)
        self.dirty_subjects.add(subject.name)
        self.counters.applied += lane.trades
        block_ms, pane_ms = self.rules.block_ms, self.rules.pane_ms
        for cell in lane.cells:
            block, ended = self.open_block(subject, cell.pane * pane_ms // block_ms * block_ms)
            cast("MarketBlock", block).add_cell(lane.venue, cell)
            if ended:
                self.counters.corrected += cell.trades

    def open_block(self, subject: Subject, start_ms: int) -> tuple[Block, bool]:
        """Return the block that begins at a time, to be changed, and whether a window that holds it has ended.

        Its windows are expected, or noted as changed. They are the same for every event of a block.
        """
        self.dirty_blocks.add((subject.name, start_ms))
        block = subject.blocks.get(start_ms)
        watermark_ms = self.clock.watermark_ms
        past = watermark_ms is not None and start_ms + self.rules.block_ms <= watermark_ms
        ended = self._touch(subject, start_ms) if block is None or past else False
        if block is None:
            block = empty_block(self.kind)
            self.hold(subject, start_ms, block)
        return block, ended

    def hold(self, subject: Subject, start_ms: int, block: Block | bytes) -> None:
        """Keep a block, or what one was written as, until it expires."""
        subject.blocks[start_ms] = block
        self.block_starts.add(start_ms, subject.name)

    def _touch(self, subject: Subject, start_ms: int) -> bool:
        """Expect the windows of a block, or note their change; return whether any had ended."""
        any_ended = False
        for window in self.windows_holding(subject.name, start_ms, start_ms + 1):
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
        self.watched.add(subject.name)
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

    def _deletion(self, deletion: PostDeleted, key: bytes | None) -> None:
        """Count that a post was taken back: it was made, so no number of a window changes."""
        self._known(deletion.subject, key)
        self.counters.marks += 1

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
        expire(self, watermark_ms)

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
        return subject.blocks.between(window.start_ms, window.end_ms, self.rules.block_ms)

    def _blocks_before(self, subject: Subject, window: Window) -> list[Block]:
        if not self.rules.compares:
            return []
        from_ms = window.start_ms - window.size.window_ms
        return subject.blocks.between(from_ms, window.start_ms, self.rules.block_ms)
