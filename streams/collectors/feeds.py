"""What is told of each feed of a source: PURE."""

from msgspec import Struct

from topics import FeedStatus, GapMark, GapPermanent, RawEvent, Trade, encode, partition_of
from topics.envelope import headers
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .continuity import Continuity
from .port import Link
from .recall import venue_of

ROLE = "collect"
FEEDS_MAX = 10_000
"""Feeds whose status is told; a further one sends its events all the same."""


class _Feed(Struct):
    venue: str
    subject: str
    since_ms: int
    last_event_ms: int
    last_received_ms: int
    events: int = 0
    gaps_permanent: int = 0
    told: bool = False


class Feeds:
    """The feeds of one source, a venue and subject each."""

    def __init__(self, source: str, broker: BrokerSettings) -> None:
        """Begin with none."""
        self._source, self._broker = source, broker
        self._feeds: dict[tuple[str, str], _Feed] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._feeds)

    def event(self, event: RawEvent, *, sent: int = 1) -> None:
        """Note an event, or one of before our start, of which none was ``sent`` by us."""
        place = (event.venue if type(event) is Trade else venue_of(event), event.subject)
        feed = self._feeds.get(place)
        if feed is None:
            if len(self._feeds) >= FEEDS_MAX:
                return
            feed = _Feed(*place, event.received_ms, event.event_ms, event.received_ms)
            self._feeds[place] = feed
        feed.events += sent
        # Of every trade, and `max` costs thrice as much.
        if event.event_ms > feed.last_event_ms:  # noqa: PLR1730
            feed.last_event_ms = event.event_ms
        if event.received_ms > feed.last_received_ms:  # noqa: PLR1730
            feed.last_received_ms = event.received_ms

    def mark(self, mark: GapMark) -> None:
        """Note a gap that was found or has ended."""
        feed = self._feeds.get((mark.venue, mark.subject))
        if feed is not None:
            feed.told = False
            feed.gaps_permanent += isinstance(mark, GapPermanent)

    def changed(self, now_ms: int) -> None:
        """Note that the connection behind them has changed."""
        for feed in self._feeds.values():
            feed.since_ms, feed.told = now_ms, False

    def statuses(
        self, link: Link, continuity: Continuity, now_ms: int, *, every: bool, closed: bool
    ) -> list[OutRecord]:
        """Return the status of each feed that changed since it was last told, or of every feed."""
        told = []
        for feed in self._feeds.values():
            if every or closed or not feed.told:
                feed.told = True
                told.append(self._record(feed, link, continuity, now_ms, closed=closed))
        return told

    def _record(
        self, feed: _Feed, link: Link, continuity: Continuity, now_ms: int, *, closed: bool
    ) -> OutRecord:
        status = FeedStatus(
            source=self._source,
            venue=feed.venue,
            subject=feed.subject,
            state="closed" if closed else link.state,
            reason=link.reason,
            since_ms=feed.since_ms,
            at_ms=now_ms,
            last_event_ms=feed.last_event_ms,
            last_received_ms=feed.last_received_ms,
            events=feed.events,
            gaps_open=continuity.open_gaps(feed.venue, feed.subject),
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
