"""The latest of everything, out of the topics: one view behind every picture. PURE and bounded."""

from collections import deque

from msgspec import Struct

from topics import (
    Aggregate,
    Analysis,
    Decision,
    FeedStatus,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Late,
    Status,
    Tally,
)

SUBJECTS_MAX = 5_000
"""Subjects whose latest window is kept; further ones are counted only."""
ANALYSES_MAX = 500
STATUSES_MAX = 2_000
FEEDS_MAX = 5_000


class Counts(Struct):
    """How many of each have been seen since the view began."""

    raw_events: int = 0
    heartbeats: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_permanent: int = 0
    late: int = 0
    dead_letters: int = 0
    aggregates: int = 0
    revisions: int = 0
    analyses: int = 0
    by_model: int = 0
    decisions: int = 0
    tallied: int = 0
    unreadable: int = 0


class View:
    """Takes what the topics say, in the order it comes, and remembers the latest."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.counts = Counts()
        self.newest_event_ms: dict[Kind, int] = {}
        """Greatest event time seen, by kind."""
        self.latest: dict[tuple[Kind, str, int], Aggregate] = {}
        """The newest window of each kind, subject and size, by its highest revision."""
        self.analyses: deque[Analysis] = deque(maxlen=ANALYSES_MAX)
        self.statuses: dict[tuple[str, str, str], Status] = {}
        self.feeds: dict[tuple[str, str], FeedStatus] = {}

    def take(self, event: object) -> None:
        """Take one event of any topic; of a kind the view does not show it is passed over."""
        match event:
            case Aggregate():
                self._aggregate(event)
            case Analysis():
                self._analysis(event)
            case Decision():
                self.counts.decisions += 1
            case Tally():
                self.counts.tallied += event.folded + event.uninteresting
            case Late():
                self.counts.late += 1
            case Status():
                self._status(event)
            case FeedStatus():
                self._feed(event)
            case _:
                self._raw(event)

    def take_dead_letter(self) -> None:
        """Count a dead letter; what it holds is nobody's to read here."""
        self.counts.dead_letters += 1

    def take_unreadable(self) -> None:
        """Count a record that is not what its topic's contract says."""
        self.counts.unreadable += 1

    def part(self, role: str, part: str, now_ms: int) -> Status | None:
        """Return a role's freshest status of one part that has not expired; None if there is none."""
        found = [
            status
            for (r, _, p), status in self.statuses.items()
            if r == role and p == part and status.expires_ms > now_ms
        ]
        return max(found, key=lambda status: status.at_ms, default=None)

    def _raw(self, event: object) -> None:
        counts = self.counts
        match event:
            case Heartbeat():
                counts.heartbeats += 1
            case GapDetected():
                counts.gaps_detected += 1
            case GapFilled():
                counts.gaps_filled += 1
            case GapPermanent():
                counts.gaps_permanent += 1
            case _:
                pass

    def take_raw(self, kind: Kind, event_ms: int) -> None:
        """Count a raw event."""
        self.counts.raw_events += 1
        self.newest_event_ms[kind] = max(event_ms, self.newest_event_ms.get(kind, 0))

    def _aggregate(self, aggregate: Aggregate) -> None:
        self.counts.aggregates += 1
        self.counts.revisions += aggregate.revision > 0
        if aggregate.step_ms != aggregate.window_ms:
            return
        place = (aggregate.kind, aggregate.subject, aggregate.window_ms)
        known = self.latest.get(place)
        if known is None and len(self.latest) >= SUBJECTS_MAX:
            return
        age = (aggregate.window_start_ms, aggregate.revision)
        if known is None or age >= (known.window_start_ms, known.revision):
            self.latest[place] = aggregate

    def _analysis(self, analysis: Analysis) -> None:
        self.counts.analyses += 1
        self.counts.by_model += analysis.origin != "rules"
        self.analyses.append(analysis)

    def _status(self, status: Status) -> None:
        place = (status.role, status.instance, status.part)
        if place in self.statuses or len(self.statuses) < STATUSES_MAX:
            self.statuses[place] = status

    def _feed(self, feed: FeedStatus) -> None:
        place = (feed.venue, feed.subject)
        if place in self.feeds or len(self.feeds) < FEEDS_MAX:
            self.feeds[place] = feed
