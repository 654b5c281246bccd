"""Observations into the records to send: validation, gap marks, heartbeats, feed status. PURE.

Every event that comes in goes out as a raw record or as a dead letter: frames' events = sent + refused.
"""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from topics import (
    BY_NAME,
    ContractError,
    DeadLetter,
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    Kind,
    PostDeleted,
    RawEvent,
    Trade,
    asset_of,
    encode,
    event_id,
    partition_of,
    raw_topic,
)
from topics.catalog import RECORD_BYTES_MAX
from topics.codec import encode_checked
from topics.deadletter import to_record
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .continuity import Continuity
from .feeds import FEEDS_MAX, ROLE, Feeds
from .fitness import VALUE_BYTES_MAX, Fitness
from .port import Link, Lost, Observation, Refused, Through
from .recall import Recall

AHEAD_MS_MAX = 60_000
"""An event this much later than its receipt has a wrong time."""
PROMISE_AHEAD_MS_MAX = 10_000
"""A promise is not told before the log's time is so near: the fold would refuse it."""
EVENT_MS_MIN = 1_230_940_800_000
"""2009-01-03, the first block of the first chain."""
RAW_BYTES_MAX = RECORD_BYTES_MAX - 64 * 1024
"""Of one raw record: a batch of one must stay below the broker's limit."""
LETTER_MS_MAX = 253_402_300_799_999
"""The end of 9999: no calendar time of a letter can be later."""


class Tally(Struct):
    """What a source's events became."""

    sent: int = 0
    refused: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_permanent: int = 0
    deletions: int = 0
    """Posts told to be taken back; no events."""


class Outbound:
    """The records of one source."""

    def __init__(self, source: str, kind: Kind, broker: BrokerSettings, *, epoch: int) -> None:
        """Begin with nothing seen. ``epoch`` rises with each process that takes the source over."""
        self.tally = Tally()
        self.through_ms: int | None = None
        """The source's time so far, behind every event taken."""
        self.last_event_ms = 0
        """The greatest event time that was sent; 0 before the first."""
        self._source, self._kind, self._broker, self._epoch = source, kind, broker, epoch
        self._topic = broker.topic(raw_topic(kind))
        self._check = BY_NAME[raw_topic(kind)].decoder().decode
        self._continuity = Continuity()
        self._feeds = Feeds(source, broker)
        self._fitness = Fitness()
        self._places: dict[str, tuple[int, bytes]] = {}
        """Partition and key by subject."""
        self.link = Link(state="connecting")
        """The state of the connection behind the source."""
        self._since_ms = 0
        """Its first promise: it says since when the source speaks, and must not be lost to a later one."""
        self._beaten_ms: int | None = None

    def resume(self, recall: Recall) -> list[GapMark]:
        """Go on, before anything is taken, where the log says that the source had come; return the marks it still owes."""
        self._continuity = recall.continuity
        for event in recall.lasts():
            self._feeds.event(event, sent=0)
        return recall.owed()

    def take_all(self, observations: Iterable[Observation], now_ms: int) -> list[OutRecord]:
        """Take observations and return what is to be sent for them, in order."""
        records: list[OutRecord] = []
        sure = self._fitness.sure
        for observation in observations:
            if type(observation) is not Trade or not (
                sure(observation) and self._sent_at_once(observation, records)
            ):
                records += self.take(observation, now_ms)
        return records

    def take(self, observation: Observation, now_ms: int) -> list[OutRecord]:
        """Take one observation and return what is to be sent for it, in order."""
        records: list[OutRecord] = []
        match observation:
            case Link():
                self.link = observation
                self._feeds.changed(now_ms)
            case Through():
                records = self._through(observation.through_ms, now_ms)
            case Refused():
                self.tally.refused += observation.events
                records = [self._letter(observation)]
            case GapDetected() | GapFilled() | GapPermanent():
                self._continuity.apply(observation)
                records = [self._mark(observation)]
            case PostDeleted():
                records = self._deletion(observation)
            case Lost():
                records = [self._mark(mark) for mark in self._continuity.lose(observation)]
            case _:
                records = self._event(observation)
        return records

    def _through(self, through_ms: int, now_ms: int) -> list[OutRecord]:
        if self.through_ms is None:
            self.through_ms = self._since_ms = through_ms
            return self.heartbeats(now_ms)
        self.through_ms = max(self.through_ms, through_ms)
        return []

    def heartbeats(self, now_ms: int, *, closed: bool = False) -> list[OutRecord]:
        """Return a heartbeat for every partition; nothing if time has not moved and the source is not closing.

        Of a venue whose clock is far ahead of ours, no more is promised than the log's time allows.
        """
        through_ms = self._tellable_ms(now_ms + PROMISE_AHEAD_MS_MAX)
        beaten_ms = self._beaten_ms
        if through_ms is None or (beaten_ms is not None and through_ms <= beaten_ms and not closed):
            return []
        self._beaten_ms = through_ms
        value = encode(
            Heartbeat(
                source=self._source,
                epoch=self._epoch,
                through_ms=through_ms,
                state="closed" if closed else "open",
            )
        )
        return [OutRecord(self._topic, p, None, value) for p in range(self._broker.partitions)]

    def _tellable_ms(self, latest_ms: int) -> int | None:
        """Return the promise that can be made now, or None as long as there is none."""
        if self.through_ms is None or self._since_ms > latest_ms:
            return None
        return self._since_ms if self._beaten_ms is None else min(self.through_ms, latest_ms)

    def feed_statuses(self, now_ms: int, *, every: bool, closed: bool = False) -> list[OutRecord]:
        """Return the status of each feed that changed since it was last told, or of every feed."""
        return self._feeds.statuses(self.link, self._continuity, now_ms, every=every, closed=closed)

    def _sent_at_once(self, trade: Trade, records: list[OutRecord]) -> bool:
        """Add a trade that need not be read back, and what follows from it; return whether that was so."""
        try:
            value = encode_checked(trade)
        except ContractError:
            return False
        if len(value) > VALUE_BYTES_MAX or not _is_timely(trade):
            return False
        self._note(trade)
        records.append(self._record(trade.subject, value))
        if marks := self._continuity.observe(trade):
            records += [self._mark(mark) for mark in marks]
        return True

    def _note(self, event: RawEvent) -> None:
        self.tally.sent += 1
        if event.event_ms > self.last_event_ms:  # noqa: PLR1730 - `max` costs thrice as much
            self.last_event_ms = event.event_ms
        self._feeds.event(event)

    def _event(self, event: RawEvent) -> list[OutRecord]:
        checked = self._checked(event, event_id(event))
        if isinstance(checked, Refused):
            self.tally.refused += 1
            return [self._letter(checked)]
        self._note(event)
        records = [self._record(event.subject, checked)]
        if isinstance(event, Trade):
            self._fitness.learn(event)
            records += [self._mark(mark) for mark in self._continuity.observe(event)]
        return records

    def _deletion(self, deletion: PostDeleted) -> list[OutRecord]:
        named = f"post.deleted|{deletion.subject}|{deletion.platform}|{deletion.post_id}"
        checked = self._checked(deletion, named)
        if isinstance(checked, Refused):
            return [self._letter(checked)]
        self.tally.deletions += 1
        return [self._record(deletion.subject, checked)]

    def _checked(self, event: RawEvent | PostDeleted, named: str) -> bytes | Refused:
        """Return an event as it is sent, or why it cannot be."""
        value = b""
        try:
            value = encode(event)
            self._refuse_unfit(event, value)
        except (ContractError, msgspec.MsgspecError) as error:
            return Refused(
                reason=error.reason if isinstance(error, ContractError) else "invalid",
                message=str(error),
                original=value,
                # An id that cannot be written must not keep its letter from being written.
                origin=f"{self._source}/{named}".encode(errors="replace").decode(),
                # A source that makes no event may make no time either.
                received_ms=event.received_ms if type(event.received_ms) is int else 0,
            )
        return value

    def _refuse_unfit(self, event: RawEvent | PostDeleted, value: bytes) -> None:
        if len(value) > RAW_BYTES_MAX:
            msg = f"{len(value)} bytes; at most {RAW_BYTES_MAX} fit into a record"
            raise ContractError(msg, reason="too_large")
        self._check(value)  # a struct made in code has been checked by nobody
        if not _is_timely(event):
            msg = (
                f"event_ms {event.event_ms} is before 2009-01-03 or more than {AHEAD_MS_MAX} ms after"
                f" its receipt at {event.received_ms}"
            )
            raise ContractError(msg, reason="absurd_time")

    def _record(self, subject: str, value: bytes) -> OutRecord:
        place = self._places.get(subject)
        if place is None:
            asset = asset_of(subject)
            place = (partition_of(asset, self._broker.partitions), asset.encode())
            if len(self._places) < FEEDS_MAX:
                self._places[subject] = place
        return OutRecord(self._topic, place[0], place[1], value)

    def _letter(self, refused: Refused) -> OutRecord:
        letter = DeadLetter(
            reason=refused.reason,
            message=refused.message,
            stage="collect",
            role=ROLE,
            key=None,
            value=refused.original,
            time_ms=min(refused.received_ms, LETTER_MS_MAX),
            origin=refused.origin,
        )
        key, value, told = to_record(letter)
        partition = partition_of(self._source, self._broker.partitions)
        return OutRecord(self._broker.topic("deadletters"), partition, key, value, told)

    def _mark(self, mark: GapMark) -> OutRecord:
        if isinstance(mark, GapDetected):
            self.tally.gaps_detected += 1
        elif isinstance(mark, GapFilled):
            self.tally.gaps_filled += 1
        else:
            self.tally.gaps_permanent += 1
        self._feeds.mark(mark)
        return self._record(mark.subject, encode(mark))


def _is_timely(event: RawEvent | PostDeleted) -> bool:
    return EVENT_MS_MIN <= event.event_ms <= event.received_ms + AHEAD_MS_MAX
