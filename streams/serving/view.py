"""The latest of everything, out of the topics: one view behind every picture. PURE and bounded."""

from collections import Counter, deque
from typing import TypeVar

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

WINDOWS_MAX = 5_000
"""Latest windows kept, one of each kind, subject and size."""
ANALYSES_MAX = 500
SAID_MAX = 10_000
"""Ids of analyses remembered, and places of what was decided on, so that one that is said again counts once: more
than can be in flight in a crash."""
STATUSES_MAX = 2_000
FEEDS_MAX = 5_000
FEED_HEARD_MS = 30_000
"""A collector tells every feed each 10 s; one not told three times belongs to a collector that is gone."""

P = TypeVar("P")
E = TypeVar("E")


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
    """Each id once: of several with one id the first counts."""
    by_model: int = 0
    """Analyses in a model's words,"""
    said_again: int = 0
    """and of these in words that it had said before, of the same state."""
    decisions: int = 0
    """Records; after a crash of the agent those in flight come twice."""
    decided: int = 0
    """Aggregates that decisions account for. A revision of several analyses has one for each; an alert's has none."""
    tallied: int = 0
    unreadable: int = 0
    evicted: int = 0
    """Offsets that the broker had deleted before they were read."""
    forgotten: int = 0
    """Windows, parts and feeds that had to make room for others."""


class View:
    """Takes what the topics say, in the order it comes, and remembers the latest.

    What was longest not heard of makes room where a bound is reached, so that the view stays a view of now.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.counts = Counts()
        self.newest_event_ms: dict[Kind, int] = {}
        """Greatest event time seen, by kind."""
        self.latest: dict[tuple[Kind, str, int], Aggregate] = {}
        """The newest window of each kind, subject and size, by its highest revision."""
        self.analyses: deque[Analysis] = deque(maxlen=ANALYSES_MAX)
        self.statuses: dict[tuple[str, str, str], Status] = {}
        """By role, instance and part; expired ones too."""
        self.feeds: dict[tuple[str, str], FeedStatus] = {}
        """By venue and subject."""
        self._said: dict[str, None] = {}
        self._decided: dict[tuple[int, int], None] = {}

    def take(self, event: object) -> None:
        """Take one event of any topic; of a kind the view does not show it is passed over."""
        match event:
            case Aggregate():
                self._aggregate(event)
            case Analysis():
                self._analysis(event)
            case Decision():
                self._decision(event)
            case Tally():
                self.counts.tallied += event.folded + event.uninteresting
            case Late():
                self.counts.late += 1
            case Status():
                place = (event.role, event.instance, event.part)
                self._keep(self.statuses, place, event, STATUSES_MAX)
            case FeedStatus():
                self._keep(self.feeds, (event.venue, event.subject), event, FEEDS_MAX)
            case _:
                self._mark(event)

    def take_raw(self, kind: Kind, event_ms: int) -> None:
        """Count a raw event."""
        self.counts.raw_events += 1
        self.newest_event_ms[kind] = max(event_ms, self.newest_event_ms.get(kind, 0))

    def take_dead_letter(self) -> None:
        """Count a dead letter; what it holds is nobody's to read here."""
        self.counts.dead_letters += 1

    def take_unreadable(self) -> None:
        """Count a record that is not what its topic's contract says."""
        self.counts.unreadable += 1

    def take_evicted(self, offsets: int) -> None:
        """Count offsets that were deleted before they were read."""
        self.counts.evicted += offsets

    def parts(self, role: str, part: str, now_ms: int) -> list[Status]:
        """Return what is told of a part, or of all below it (`breaker`), and has not expired; the freshest first."""
        found = [s for s in self._told(role, part) if s.expires_ms > now_ms]
        return sorted(found, key=lambda status: status.at_ms, reverse=True)

    def part(self, role: str, part: str, now_ms: int) -> Status | None:
        """Return a role's freshest status of one part that has not expired; None if there is none."""
        return next((s for s in self.parts(role, part, now_ms) if s.part == part), None)

    def last_told(self, role: str, part: str) -> Status | None:
        """Return the freshest status of a part, or of all below it, expired or not; None if it was never told."""
        return max(self._told(role, part), key=lambda status: status.at_ms, default=None)

    def windows(self, kind: Kind, window_ms: int) -> list[Aggregate]:
        """Return the latest windows of one kind and size: the newest first, then by subject."""
        found = [a for (k, _, size), a in self.latest.items() if (k, size) == (kind, window_ms)]
        return sorted(found, key=lambda a: (-a.window_start_ms, a.subject))

    def readings(self, most: int, event_now_ms: int) -> list[Analysis]:
        """Return the newest analyses nobody took back, newest first.

        Up to half of them are severe ones that still hold, so that calm ones do not push these out.
        """
        replaced = {a.supersedes for a in self.analyses}
        current = [
            a for a in self.analyses if a.status == "current" and a.analysis_id not in replaced
        ]
        holding = [
            a
            for a in current
            if a.severity in ("warning", "critical") and a.valid_until_ms > event_now_ms
        ]
        severe = holding[max(0, len(holding) - most // 2) :]
        held = {a.analysis_id for a in severe}
        others = [a for a in current if a.analysis_id not in held]
        newest = others[max(0, len(others) - most + len(severe)) :]
        return sorted(severe + newest, key=lambda a: (a.as_of_ms, a.produced_ms), reverse=True)

    def feed_states(self, now_ms: int) -> Counter[str]:
        """Return how many feeds are in each state; `not heard from` where a feed's collector is gone."""
        return Counter(feed_state(feed, now_ms) for feed in self.feeds.values())

    def _told(self, role: str, part: str) -> list[Status]:
        return [
            status
            for (r, _, p), status in self.statuses.items()
            if r == role and (p == part or p.startswith(part + "/"))
        ]

    def _mark(self, event: object) -> None:
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

    def _aggregate(self, aggregate: Aggregate) -> None:
        self.counts.aggregates += 1
        self.counts.revisions += aggregate.revision > 0
        if aggregate.step_ms != aggregate.window_ms:
            return
        place = (aggregate.kind, aggregate.subject, aggregate.window_ms)
        known = self.latest.get(place)
        age = (aggregate.window_start_ms, aggregate.edition)
        if known is None or age >= (known.window_start_ms, known.edition):
            self._keep(self.latest, place, aggregate, WINDOWS_MAX)

    def _analysis(self, analysis: Analysis) -> None:
        if analysis.analysis_id in self._said:
            return
        if len(self._said) >= SAID_MAX:
            del self._said[next(iter(self._said))]
        self._said[analysis.analysis_id] = None
        self.counts.analyses += 1
        self.counts.by_model += analysis.origin != "rules"
        self.counts.said_again += analysis.origin.startswith("cache")
        self.analyses.append(analysis)

    def _decision(self, decision: Decision) -> None:
        self.counts.decisions += 1
        place = (decision.aggregates_partition, decision.last_offset)
        if decision.alert_id is not None or place in self._decided:
            return
        if len(self._decided) >= SAID_MAX:
            del self._decided[next(iter(self._decided))]
        self._decided[place] = None
        self.counts.decided += 1

    def _keep(self, kept: dict[P, E], place: P, event: E, most: int) -> None:
        """Put an event last; the first, longest not heard of, makes room."""
        kept.pop(place, None)
        if len(kept) >= most:
            del kept[next(iter(kept))]
            self.counts.forgotten += 1
        kept[place] = event


def feed_state(feed: FeedStatus, now_ms: int) -> str:
    """Return a feed's state as it may be believed now: what closed stays closed."""
    silent = now_ms - feed.at_ms > FEED_HEARD_MS and feed.state != "closed"
    return "not heard from" if silent else feed.state
