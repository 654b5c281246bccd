"""What the view remembers of the topics: the latest whole, a day in points, everything bounded. PURE.

Records of different logs may come in any order: what is remembered is the same, as long as no bound is reached
(and at the bounds of what is kept by log time even then). A record that was read before changes nothing.
"""

from collections import Counter
from typing import TypeVar

from topics import (
    KINDS,
    TOPICS,
    Aggregate,
    Alert,
    Analysis,
    Control,
    Decision,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Late,
    Notification,
    Status,
    Tally,
    raw_topic,
)
from topics.marks import GapMark

from .alert_book import AlertBook
from .counts import Counts
from .cursor import Ring
from .gaps import GapBook
from .newest import Kept, Newest
from .series import DAY_MS, SeriesBook
from .shown import LateShown, Letter, Place

WINDOWS_MAX = 5_000
"""Latest windows kept whole, one of each kind, subject and size."""
ANALYSES_MAX = 5_000
"""Kept whole: 50 a day of each of 100 assets."""
DECISIONS_MAX = 10_000
LETTERS_MAX = 5_000
LATE_MAX = 1_000
NOTIFICATIONS_MAX = 5_000
SAID_MAX = 20_000
"""Ids of analyses remembered, and places of what was decided on, so that one that is said again counts once: more
than can be in flight in a crash, and than there are analyses and decisions."""
STATUSES_MAX = 2_000
FEEDS_MAX = 5_000
REASONS_MAX = 200
"""Reasons of dead letters that are counted apart; the others together."""

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
        self.newest_event_ms: dict[Kind, int] = {}
        """Greatest event time seen, by kind."""
        self.latest: dict[tuple[Kind, str, int], Aggregate] = {}
        """The newest window of each kind, subject and size, by its greatest edition."""
        self.statuses: dict[tuple[str, str, str], Status] = {}
        """By role, instance and part; expired ones too."""
        self.feeds: dict[tuple[str, str], FeedStatus] = {}
        """By venue and subject."""
        self.ring = Ring()
        self.series_book = SeriesBook(keep_ms)
        self.alert_book = AlertBook()
        self.gap_book = GapBook()
        self.kept_analyses: Newest[Analysis] = Newest(ANALYSES_MAX, keep_ms)
        self.kept_decisions: Newest[Decision] = Newest(DECISIONS_MAX, keep_ms)
        self.kept_letters: Newest[Letter] = Newest(LETTERS_MAX, keep_ms)
        self.kept_late: Newest[LateShown] = Newest(LATE_MAX, keep_ms)
        self.kept_notifications: Newest[Notification] = Newest(NOTIFICATIONS_MAX, keep_ms)
        self.analyses_by_id: dict[str, Kept[Analysis]] = {}
        self.decisions_by_id: dict[str, Kept[Decision]] = {}
        self.replaced: dict[str, tuple[str, str]] = {}
        """By id of an analysis, the id of the one that took its place, and that one's status."""
        self.latest_places: dict[tuple[Kind, str, int], Place] = {}
        self.feed_places: dict[tuple[str, str], Place] = {}
        self.letter_reasons: Counter[tuple[str, str]] = Counter()
        """Dead letters by stage and reason."""
        self._said: dict[str, None] = {}
        self._decided: dict[tuple[int, int], None] = {}
        self._placed = 0

    @property
    def analyses(self) -> list[Analysis]:
        """Return the analyses kept, in the order they were logged."""
        return [kept.item for kept in self.kept_analyses]

    def take(self, event: object, place: Place | None = None, at_ms: int | None = None) -> None:
        """Take one event of any topic; of a kind the view does not show it is passed over.

        ``place`` is where its record stands, ``at_ms`` when it was logged. Without them it is one more record of a log
        of its own.
        """
        if place is None:
            place = Place(_TOPICS.get(type(event), "other"), 0, self._placed)
            self._placed += 1
        if not self.ring.is_new(place):
            return
        at = _time_of(event) if at_ms is None else at_ms
        match event:
            case Aggregate():
                self._aggregate(event, place, at)
            case Analysis():
                self._analysis(event, place, at)
            case Decision():
                self._decision(event, place, at)
            case Tally():
                self.counts.tallied += event.folded + event.uninteresting
            case Alert():
                self.alert_book.put(event, place, at)
                self.ring.put("alerts", event.alert_id, event.asset, place, at)
            case _:
                self._other(event, place, at)

    def take_raw(self, kind: Kind, event_ms: int, place: Place | None = None) -> None:
        """Count a raw event."""
        if place is not None and not self.ring.is_new(place):
            return
        self.counts.raw_events += 1
        self.newest_event_ms[kind] = max(event_ms, self.newest_event_ms.get(kind, 0))

    def take_dead_letter(self, letter: Letter | None = None) -> None:
        """Count a dead letter, and remember what its headers say; without any it only counts."""
        if letter is None:
            self.counts.dead_letters += 1
            return
        if not self.ring.is_new(letter.place):
            return
        self.counts.dead_letters += 1
        reason = letter.stage, letter.reason
        if reason not in self.letter_reasons and len(self.letter_reasons) >= REASONS_MAX:
            reason = letter.stage, "others"
        self.letter_reasons[reason] += 1
        self.kept_letters.put(Kept(letter.at_ms, letter.place, letter))
        self.ring.put("deadletters", letter.letter_id, "", letter.place, letter.at_ms)

    def take_unreadable(self, place: Place | None = None) -> None:
        """Count a record that is not what its topic's contract says."""
        if place is None or self.ring.is_new(place):
            self.counts.unreadable += 1

    def take_evicted(self, offsets: int) -> None:
        """Count offsets that were deleted before they were read."""
        self.counts.evicted += offsets

    def begin_anew(self, topic: str, partition: int, offset: int) -> None:
        """Take it that a log is another one from now on, and read from an offset."""
        self.ring.begin_anew(topic, partition, offset)

    def _other(self, event: object, place: Place, at_ms: int) -> None:
        match event:
            case Status():
                key = (event.role, event.instance, event.part)
                self._keep(self.statuses, key, event, STATUSES_MAX)
                self.ring.put("status", "/".join(key), "", place, at_ms)
            case FeedStatus():
                feed = (event.venue, event.subject)
                self._keep(self.feeds, feed, event, FEEDS_MAX)
                self._beside(self.feed_places, feed, place, self.feeds)
                self.ring.put("feed.status", "/".join(feed), _asset(event.subject), place, at_ms)
            case Control():
                self.ring.put("control", event.subject, "", place, at_ms)
            case Notification():
                self.kept_notifications.put(Kept(at_ms, place, event))
                self.ring.put("notifications", event.alert_id, event.asset, place, at_ms)
            case Late():
                self.counts.late += 1
                self.kept_late.put(Kept(at_ms, place, _late(event, place)))
                self.ring.put("late", event.event_id, event.asset, place, at_ms)
            case Heartbeat():
                self.counts.heartbeats += 1
            case GapDetected() | GapFilled() | GapPermanent():
                self._gap(event, place, at_ms)
            case _:
                pass

    def _gap(self, mark: GapMark, place: Place, at_ms: int) -> None:
        match mark:
            case GapDetected():
                self.counts.gaps_detected += 1
            case GapFilled():
                self.counts.gaps_filled += 1
            case GapPermanent():
                self.counts.gaps_permanent += 1
        kind = _KINDS.get(place.topic, "market")
        self.gap_book.put(mark, kind, place)
        self.ring.put(place.topic, mark.gap_id, _asset(mark.subject), place, at_ms)

    def _aggregate(self, aggregate: Aggregate, place: Place, at_ms: int) -> None:
        self.counts.aggregates += 1
        self.counts.revisions += aggregate.revision > 0
        self.series_book.put(aggregate, place)
        self.ring.put("aggregates", aggregate.aggregate_id, aggregate.asset, place, at_ms)
        if aggregate.step_ms != aggregate.window_ms:
            return
        key = (aggregate.kind, aggregate.subject, aggregate.window_ms)
        known = self.latest.get(key)
        age = (aggregate.window_start_ms, aggregate.edition)
        if known is None or age > (known.window_start_ms, known.edition):
            self._keep(self.latest, key, aggregate, WINDOWS_MAX)
            self._beside(self.latest_places, key, place, self.latest)

    def _analysis(self, analysis: Analysis, place: Place, at_ms: int) -> None:
        if not _first_time(self._said, analysis.analysis_id):
            return
        self.counts.analyses += 1
        self.counts.by_model += analysis.origin != "rules"
        self.counts.said_again += analysis.origin.startswith("cache")
        kept = Kept(at_ms, place, analysis)
        self.analyses_by_id[analysis.analysis_id] = kept
        if analysis.supersedes is not None:
            self.replaced[analysis.supersedes] = analysis.analysis_id, analysis.status
        for gone in self.kept_analyses.put(kept):
            self.analyses_by_id.pop(gone.item.analysis_id, None)
            self.replaced.pop(gone.item.supersedes or "", None)
        self.ring.put("analyses", analysis.analysis_id, analysis.asset, place, at_ms)

    def _decision(self, decision: Decision, place: Place, at_ms: int) -> None:
        self.counts.decisions += 1
        if decision.decision_id not in self.decisions_by_id:
            kept = Kept(at_ms, place, decision)
            self.decisions_by_id[decision.decision_id] = kept
            for gone in self.kept_decisions.put(kept):
                self.decisions_by_id.pop(gone.item.decision_id, None)
            self.ring.put("decisions", decision.decision_id, decision.asset, place, at_ms)
        key = (decision.aggregates_partition, decision.last_offset)
        if decision.alert_id is None and _first_time(self._decided, key):
            self.counts.decided += 1

    def _keep(self, kept: dict[P, E], key: P, event: E, most: int) -> None:
        """Put an event last; the first, longest not heard of, makes room."""
        kept.pop(key, None)
        if len(kept) >= most:
            del kept[next(iter(kept))]
            self.counts.forgotten += 1
        kept[key] = event

    @staticmethod
    def _beside(places: dict[P, Place], key: P, place: Place, kept: dict[P, E]) -> None:
        """Remember where what is kept stands."""
        places[key] = place
        if len(places) > len(kept):
            for gone in places.keys() - kept.keys():
                del places[gone]


def _first_time(said: dict[P, None], key: P) -> bool:
    if key in said:
        return False
    if len(said) >= SAID_MAX:
        del said[next(iter(said))]
    said[key] = None
    return True


_KINDS: dict[str, Kind] = {raw_topic(kind): kind for kind in KINDS}
_TOPICS = {event: topic.name for topic in reversed(TOPICS) for event in topic.events}
"""Of a mark the market's, the first that has such."""


def _asset(subject: str) -> str:
    return subject.partition("/")[0]


def _time_of(event: object) -> int:
    """Return when an event that says nothing of its log time was written."""
    for name in ("produced_ms", "decided_ms", "at_ms"):
        if (found := getattr(event, name, None)) is not None:
            return int(found)
    return 0


def _late(late: Late, place: Place) -> LateShown:
    return LateShown(
        kind=late.kind,
        asset=late.asset,
        subject=late.subject,
        event_id=late.event_id,
        window_start_ms=late.window_start_ms,
        window_ms=late.window_ms,
        lateness_ms=late.lateness_ms,
        raw=Place(f"raw.{late.kind}", late.partition, late.offset),
        place=place,
    )
