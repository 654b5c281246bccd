"""What the view remembers of the topics: the latest whole, a day in points, everything bounded. PURE.

Records of different logs may come in any order: what is remembered is the same, as long as no bound is reached
(and at the bounds of what is kept by log time even then). A record that was read before changes nothing.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from topics import (
    KINDS,
    TOPICS,
    Aggregate,
    Alert,
    Analysis,
    Control,
    Decision,
    Feedback,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Late,
    Notification,
    Redrive,
    Status,
    Tally,
    asset_of,
    raw_topic,
)
from topics.marks import GapMark

from .acts.standing import StandingActs
from .alert_book import AlertBook
from .analyst_book import AnalystBook
from .counts import Counts
from .gaps import GapBook
from .newest import Kept, Newest
from .once import Once
from .records import LateShown, Letter, Place, late_of, written_ms
from .ring import Ring
from .series_book import DAY_MS, SeriesBook

WINDOWS_MAX = 5_000
"""Latest windows kept whole, one of each kind, subject and size."""
LETTERS_MAX = 5_000
LATE_MAX = 1_000
NOTIFICATIONS_MAX = 5_000
STATUSES_MAX = 2_000
FEEDS_MAX = 5_000

P = TypeVar("P")
E = TypeVar("E")


class Memory:
    """Takes what the topics say, in the order it comes.

    What was longest not heard of makes room where a bound is reached, so that the view stays a view of now.
    """

    def __init__(self, *, keep_ms: int = DAY_MS) -> None:
        """Begin with nothing seen. ``keep_ms``: how long what is told by time is remembered."""
        self.keep_ms = keep_ms
        self.counts = Counts()
        self.made_room: Counter[str] = Counter()
        """Windows, parts and feeds that had to make room for others, by the name of their bound."""
        self.newest_event_ms: dict[Kind, int] = {}
        """Greatest event time seen, by kind."""
        self.newest_at_ms = 0
        """Greatest log time seen."""
        self.cut_ms: int | None = None
        """About when records were last deleted before they were read: the greatest log time then."""
        self.latest: dict[tuple[Kind, str, int], Aggregate] = {}
        """The newest window of each kind, subject and size, by its greatest edition."""
        self.statuses: dict[tuple[str, str, str], Status] = {}
        """By role, instance and part; expired ones too."""
        self.feeds: dict[tuple[str, str], FeedStatus] = {}
        """By venue and subject."""
        self.ring = Ring()
        self.series_book = SeriesBook(keep_ms)
        self.alert_book = AlertBook()
        self.analyst = AnalystBook(self.counts)
        self.gap_book = GapBook()
        self.standing_acts = StandingActs()
        self.kept_letters: Newest[Letter] = Newest(LETTERS_MAX)
        self.kept_late: Newest[LateShown] = Newest(LATE_MAX)
        self.kept_notifications: Newest[Notification] = Newest(NOTIFICATIONS_MAX)
        self.alert_notifications: dict[str, list[Kept[Notification]]] = {}
        self.latest_places: dict[tuple[Kind, str, int], Place] = {}
        self.feed_places: dict[tuple[str, str], Place] = {}
        self.notified: Once[str] = Once()
        """Ids of notifications."""
        self._takers: dict[type, Callable[[Any, Place, int], None]] = {
            Aggregate: self._aggregate,
            Alert: self._alert,
            Analysis: self._analysis,
            Control: self._act,
            Decision: self._decision,
            Feedback: self._act,
            FeedStatus: self._feed,
            GapDetected: self._gap,
            GapFilled: self._gap,
            GapPermanent: self._gap,
            Heartbeat: self._heartbeat,
            Late: self._late,
            Notification: self._notification,
            Redrive: self._act,
            Status: self._status,
            Tally: self._tally,
        }
        self._placed = 0

    @property
    def analyses(self) -> list[Analysis]:
        """Return the analyses kept, in the order they were logged."""
        return [kept.item for kept in self.analyst.analyses]

    def take(self, event: object, place: Place | None = None, at_ms: int | None = None) -> None:
        """Take one event of any topic; of a kind the view does not show it is passed over.

        ``place`` is where its record stands, ``at_ms`` when it was logged. Without them it is one more record of a log
        of its own, and makes no other one old.
        """
        if place is None:
            place = Place(_TOPICS.get(type(event), "other"), 0, self._placed)
            self._placed += 1
        if not self.ring.is_new(place):
            return
        taker = self._takers.get(type(event))
        if taker is not None:
            at = written_ms(event) if at_ms is None else at_ms
            self._pass_time(at, forget=at_ms is not None)
            taker(event, place, at)

    def take_raw(self, kind: Kind, event_ms: int, place: Place | None = None) -> None:
        """Count a raw event."""
        if place is not None and not self.ring.is_new(place):
            return
        self.counts.raw_events += 1
        self.newest_event_ms[kind] = max(event_ms, self.newest_event_ms.get(kind, 0))

    def take_dead_letter(self, letter: Letter | None = None, place: Place | None = None) -> None:
        """Count a dead letter, and remember what its headers say; one that says nothing only counts."""
        place = place if letter is None else letter.place
        if place is not None and not self.ring.is_new(place):
            return
        self.counts.dead_letters += 1
        if letter is None:
            return
        self._pass_time(letter.at_ms, forget=True)
        self.kept_letters.put(Kept(letter.at_ms, letter.place, letter))
        self.ring.put("deadletters", "")

    def take_deleted(self, name: str, key: str, place: Place) -> None:
        """Take it that a key of a compacted topic was deleted: a view that starts later never hears of it."""
        if not self.ring.is_new(place):
            return
        match name:
            case "control":
                self.standing_acts.delete(key)
            case "alerts":
                self.alert_book.delete(key)
            case "status":
                self.statuses = {k: s for k, s in self.statuses.items() if "/".join(k) != key}
            case "feed.status":
                self.feeds = {k: f for k, f in self.feeds.items() if "/".join(k) != key}
                self.feed_places = {k: p for k, p in self.feed_places.items() if k in self.feeds}
            case _:
                return
        self.ring.put(name, "")

    def take_unreadable(self, place: Place | None = None) -> None:
        """Count a record that is not what its topic's contract says."""
        if place is None or self.ring.is_new(place):
            self.counts.unreadable += 1

    def take_evicted(self, offsets: int) -> None:
        """Count offsets that were deleted before they were read."""
        self.counts.evicted += offsets
        self.cut_ms = self.newest_at_ms

    def begin_anew(self, topic: str, partition: int, offset: int) -> None:
        """Take it that a log is another one from now on, and read from an offset."""
        self.ring.begin_anew(topic, partition, offset)

    def _pass_time(self, at_ms: int, *, forget: bool) -> None:
        """Forget what is too old by the newest record of whatever log: what a view that starts now would not read."""
        if at_ms <= self.newest_at_ms:
            return
        self.newest_at_ms, since_ms = at_ms, at_ms - self.keep_ms
        if not forget:
            return
        self.analyst.forget_before(since_ms)
        self._forget_told(self.kept_notifications.forget_before(since_ms))
        self.kept_letters.forget_before(since_ms)
        self.kept_late.forget_before(since_ms)

    def _forget_told(self, told: list[Kept[Notification]]) -> None:
        for gone in told:
            left = self.alert_notifications[gone.item.alert_id]
            left.remove(gone)
            if not left:
                del self.alert_notifications[gone.item.alert_id]

    def _tally(self, tally: Tally, _place: Place, _at_ms: int) -> None:
        self.counts.tallied += tally.folded + tally.uninteresting

    def _heartbeat(self, _beat: Heartbeat, _place: Place, _at_ms: int) -> None:
        self.counts.heartbeats += 1

    def _analysis(self, analysis: Analysis, place: Place, at_ms: int) -> None:
        if self.analyst.put_analysis(analysis, place, at_ms):
            self.ring.put("analyses", analysis.asset)

    def _decision(self, decision: Decision, place: Place, at_ms: int) -> None:
        if self.analyst.put_decision(decision, place, at_ms):
            self.ring.put("decisions", decision.asset)

    def _alert(self, alert: Alert, place: Place, at_ms: int) -> None:
        self.alert_book.put(alert, place, at_ms)
        self.ring.put("alerts", alert.asset)

    def _act(self, act: Control | Feedback | Redrive, _place: Place, _at_ms: int) -> None:
        self.standing_acts.take(act)
        self.ring.put("control", "")

    def _status(self, status: Status, _place: Place, _at_ms: int) -> None:
        key = (status.role, status.instance, status.part)
        self._keep("statuses", self.statuses, key, status, STATUSES_MAX)
        self.ring.put("status", "")

    def _feed(self, feed: FeedStatus, place: Place, _at_ms: int) -> None:
        key = (feed.venue, feed.subject)
        self._keep("feeds", self.feeds, key, feed, FEEDS_MAX)
        self._beside(self.feed_places, key, place, self.feeds)
        self.ring.put("feed.status", asset_of(feed.subject))

    def _late(self, late: Late, place: Place, at_ms: int) -> None:
        self.counts.late += 1
        self.kept_late.put(Kept(at_ms, place, late_of(late, place)))
        self.ring.put("late", late.asset)

    def _notification(self, told: Notification, place: Place, at_ms: int) -> None:
        if not self.notified.first_time(told.notification_id):
            return
        kept = Kept(at_ms, place, told)
        self.alert_notifications.setdefault(told.alert_id, []).append(kept)
        self._forget_told(self.kept_notifications.put(kept))
        self.ring.put("notifications", told.asset)

    def _gap(self, mark: GapMark, place: Place, at_ms: int) -> None:
        if isinstance(mark, GapDetected):
            self.counts.gaps_detected += 1
        elif isinstance(mark, GapFilled):
            self.counts.gaps_filled += 1
        else:
            self.counts.gaps_permanent += 1
        kind = _KINDS.get(place.topic, "market")
        self.gap_book.put(mark, kind, place, at_ms)
        self.ring.put(place.topic, asset_of(mark.subject))

    def _aggregate(self, aggregate: Aggregate, place: Place, _at_ms: int) -> None:
        self.counts.aggregates += 1
        self.counts.revisions += aggregate.revision > 0
        self.series_book.put(aggregate, place)
        self.ring.put("aggregates", aggregate.asset)
        if aggregate.step_ms != aggregate.window_ms:
            return
        key = (aggregate.kind, aggregate.subject, aggregate.window_ms)
        known = self.latest.get(key)
        age = (aggregate.window_start_ms, aggregate.edition)
        if known is None or age > (known.window_start_ms, known.edition):
            self._keep("windows", self.latest, key, aggregate, WINDOWS_MAX)
            self._beside(self.latest_places, key, place, self.latest)

    def _keep(self, name: str, kept: dict[P, E], key: P, event: E, most: int) -> None:
        """Put an event last; the first, longest not heard of, makes room."""
        kept.pop(key, None)
        if len(kept) >= most:
            del kept[next(iter(kept))]
            self.counts.forgotten += 1
            self.made_room[name] += 1
        kept[key] = event

    @staticmethod
    def _beside(places: dict[P, Place], key: P, place: Place, kept: dict[P, E]) -> None:
        """Remember where what is kept stands."""
        places[key] = place
        if len(places) > len(kept):
            for gone in places.keys() - kept.keys():
                del places[gone]


_KINDS: dict[str, Kind] = {raw_topic(kind): kind for kind in KINDS}
_TOPICS = {event: topic.name for topic in reversed(TOPICS) for event in topic.events}
"""Of a mark the market's, the first that has such."""
