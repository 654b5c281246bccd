"""Observations into the records to send: validation, gap marks, heartbeats, feed status. PURE.

Every event that comes in goes out as a raw record or as a dead letter: frames' events = sent + refused.
"""

import msgspec
from msgspec import Struct

from topics import (
    BY_NAME,
    ContractError,
    DeadLetter,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapMark,
    GapPermanent,
    Heartbeat,
    Kind,
    Post,
    RawEvent,
    RepositoryEvent,
    Trade,
    asset_of,
    encode,
    event_id,
    partition_of,
    raw_topic,
)
from topics.catalog import RECORD_BYTES_MAX
from topics.deadletter import to_record
from topics.envelope import headers
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .continuity import Continuity
from .port import Link, Lost, Observation, Refused, Through

ROLE = "collect"
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
FEEDS_MAX = 10_000
"""Feeds whose status is told; a further one sends its events all the same."""


class Tally(Struct):
    """What a source's events became."""

    sent: int = 0
    refused: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_permanent: int = 0


class _Feed(Struct):
    venue: str
    subject: str
    since_ms: int
    last_event_ms: int
    last_received_ms: int
    events: int = 0
    gaps_permanent: int = 0
    told: bool = False


class Outbound:
    """The records of one source."""

    def __init__(self, source: str, kind: Kind, broker: BrokerSettings, *, epoch: int) -> None:
        """Begin with nothing seen. ``epoch`` rises with each process that takes the source over."""
        self.tally = Tally()
        self.through_ms: int | None = None
        """The source's time so far, behind every event taken."""
        self._source, self._kind, self._broker, self._epoch = source, kind, broker, epoch
        self._topic = broker.topic(raw_topic(kind))
        self._check = BY_NAME[raw_topic(kind)].decoder().decode
        self._continuity = Continuity()
        self._feeds: dict[tuple[str, str], _Feed] = {}
        self.link = Link(state="connecting")
        """The state of the connection behind the source."""
        self._since_ms = 0
        """Its first promise: it says since when the source speaks, and must not be lost to a later one."""
        self._beaten_ms: int | None = None

    def take(self, observation: Observation, now_ms: int) -> list[OutRecord]:
        """Take one observation and return what is to be sent for it, in order."""
        match observation:
            case Through():
                if self.through_ms is None:
                    self.through_ms = self._since_ms = observation.through_ms
                    return self.heartbeats(now_ms)
                self.through_ms = max(self.through_ms, observation.through_ms)
                return []
            case Link():
                self.link = observation
                for feed in self._feeds.values():
                    feed.since_ms, feed.told = now_ms, False
                return []
            case Refused():
                self.tally.refused += observation.events
                return [self._letter(observation)]
            case GapDetected() | GapFilled() | GapPermanent():
                self._count(observation)
                return [self._record(observation.subject, encode(observation))]
            case Lost():
                return self._marked(self._continuity.lose(observation))
            case _:
                return self._event(observation)

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
        told = []
        for feed in self._feeds.values():
            if every or closed or not feed.told:
                feed.told = True
                told.append(self._feed_status(feed, now_ms, closed=closed))
        return told

    def _event(self, event: RawEvent) -> list[OutRecord]:
        value = b""
        try:
            value = encode(event)
            self._refuse_unfit(event, value)
        except (ContractError, msgspec.MsgspecError) as error:
            self.tally.refused += 1
            reason = error.reason if isinstance(error, ContractError) else "invalid"
            refused = Refused(
                reason=reason,
                message=str(error),
                original=value,
                # An id that cannot be written must not keep its letter from being written.
                origin=f"{self._source}/{event_id(event)}".encode(errors="replace").decode(),
                received_ms=event.received_ms,
            )
            return [self._letter(refused)]
        self.tally.sent += 1
        self._note(event)
        records = [self._record(event.subject, value)]
        if isinstance(event, Trade):
            records += self._marked(self._continuity.observe(event))
        return records

    def _marked(self, marks: list[GapMark]) -> list[OutRecord]:
        for mark in marks:
            self._count(mark)
        return [self._record(mark.subject, encode(mark)) for mark in marks]

    def _refuse_unfit(self, event: RawEvent, value: bytes) -> None:
        if len(value) > RAW_BYTES_MAX:
            msg = f"{len(value)} bytes; at most {RAW_BYTES_MAX} fit into a record"
            raise ContractError(msg, reason="too_large")
        self._check(value)  # a struct made in code has been checked by nobody
        if not EVENT_MS_MIN <= event.event_ms <= event.received_ms + AHEAD_MS_MAX:
            msg = (
                f"event_ms {event.event_ms} is before 2009-01-03 or more than {AHEAD_MS_MAX} ms after"
                f" its receipt at {event.received_ms}"
            )
            raise ContractError(msg, reason="absurd_time")

    def _record(self, subject: str, value: bytes) -> OutRecord:
        asset = asset_of(subject)
        partition = partition_of(asset, self._broker.partitions)
        return OutRecord(self._topic, partition, asset.encode(), value)

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

    def _count(self, mark: GapMark) -> None:
        feed = self._feeds.get((mark.venue, mark.subject))
        if isinstance(mark, GapDetected):
            self.tally.gaps_detected += 1
        elif isinstance(mark, GapFilled):
            self.tally.gaps_filled += 1
        else:
            self.tally.gaps_permanent += 1
            if feed is not None:
                feed.gaps_permanent += 1
        if feed is not None:
            feed.told = False

    def _note(self, event: RawEvent) -> None:
        place = (_venue_of(event), event.subject)
        feed = self._feeds.get(place)
        if feed is None:
            if len(self._feeds) >= FEEDS_MAX:
                return
            feed = _Feed(*place, event.received_ms, event.event_ms, event.received_ms)
            self._feeds[place] = feed
        feed.events += 1
        feed.last_event_ms = max(feed.last_event_ms, event.event_ms)
        feed.last_received_ms = max(feed.last_received_ms, event.received_ms)

    def _feed_status(self, feed: _Feed, now_ms: int, *, closed: bool) -> OutRecord:
        status = FeedStatus(
            source=self._source,
            venue=feed.venue,
            subject=feed.subject,
            state="closed" if closed else self.link.state,
            reason=self.link.reason,
            since_ms=feed.since_ms,
            at_ms=now_ms,
            last_event_ms=feed.last_event_ms,
            last_received_ms=feed.last_received_ms,
            events=feed.events,
            gaps_open=self._continuity.open_gaps(feed.venue, feed.subject),
            gaps_permanent=feed.gaps_permanent,
        )
        key = f"{feed.venue}/{feed.subject}"
        return OutRecord(
            self._broker.topic("feed.status"),
            partition_of(key, self._broker.partitions),
            key.encode(),
            encode(status),
            headers(
                event_id=f"{key}/{now_ms}", event_type="feed.status", source=ROLE, time_ms=now_ms
            ),
        )


def _venue_of(event: RawEvent) -> str:
    match event:
        case Trade():
            return event.venue
        case Post():
            return event.platform
        case RepositoryEvent():
            return event.source
        case _:
            return event.venue
