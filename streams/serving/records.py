"""What the view hands out of the log itself: places, windows, gaps, feeds, dead letters. PURE. Times are milliseconds."""

from typing import Literal, NamedTuple

from msgspec import Struct

from topics import FeedStatus, Kind, Late, Severity, raw_topic


class Place(NamedTuple):
    """Where a record stands in the log."""

    topic: str
    """The catalogue's name, without a prefix."""
    partition: int
    offset: int


class SeriesKey(NamedTuple):
    """One row of windows: of one kind, subject and size."""

    kind: Kind
    subject: str
    window_ms: int
    step_ms: int
    """Less than the window where windows hop."""


class Point(Struct, frozen=True, kw_only=True):
    """One window in short, by its greatest edition; the whole record stands at its place."""

    start_ms: int
    window_ms: int
    step_ms: int
    edition: tuple[int, int]
    """Epoch and revision."""
    values: dict[str, float | None]
    """By the metric catalogue's names; None where the window has no such value."""
    scores: dict[str, float]
    """z by metric; only those there are."""
    state: Literal["complete", "holed", "unverifiable"]
    holed_fraction: float
    missing_sources: tuple[str, ...]
    place: Place

    @property
    def end_ms(self) -> int:
        """The first instant after the window."""
        return self.start_ms + self.window_ms


class GapShown(Struct, frozen=True, kw_only=True):
    """A gap of a feed as it stands."""

    gap_id: str
    kind: Kind
    source: str
    venue: str
    subject: str
    from_ms: int
    to_ms: int
    state: Literal["open", "filled", "permanent"]
    ids_missing: int | None = None
    reason: str = ""
    at_ms: int
    """When its latest mark was logged."""
    place: Place


class FeedRow(Struct, frozen=True, kw_only=True):
    """A feed as it may be believed now, with its latest gaps."""

    feed: FeedStatus
    state: str
    """As `FeedStatus.state`, or `not heard from`."""
    age_ms: int | None
    """Since its last event, in the market's time; None: there was none."""
    gaps: tuple[GapShown, ...]
    """Open ones first, then the newest."""
    place: Place


class Letter(Struct, frozen=True, kw_only=True):
    """What is known of a dead letter without its bytes."""

    letter_id: str
    place: Place
    reason: str
    message: str
    stage: str
    role: str
    attempt: int
    time_ms: int
    """Of the record refused: its log time, or when it was received."""
    at_ms: int
    """When it was logged as a dead letter."""
    bytes: int
    """Of the value kept."""
    length: int
    """Of the original value."""
    truncated: bool
    origin: Place | None
    """Where the record stood; None: a collector refused it before it stood anywhere."""
    key: str
    """The original key as text, cut."""


class LateShown(Struct, frozen=True, kw_only=True):
    """An event too late for every window; the event itself stands at the place."""

    kind: Kind
    asset: str
    subject: str
    event_id: str
    window_start_ms: int
    window_ms: int
    lateness_ms: int
    raw: Place
    place: Place


class Transition(Struct, frozen=True, kw_only=True):
    """One state an alert came into, or came to be told in again (severity, degraded)."""

    state: Literal["firing", "cleared", "retracted"]
    severity: Severity
    headline: str
    degraded: bool
    as_of_ms: int
    at_ms: int
    """When it was logged."""
    place: Place


class Bound(Struct, frozen=True, kw_only=True):
    """How full one part of the view is."""

    name: str
    now: int
    most: int
    forgotten: int
    """What had to make room for others before its time."""


def late_of(late: Late, place: Place) -> LateShown:
    """Return what is told of an event that was too late, whose record stands at a place."""
    return LateShown(
        kind=late.kind,
        asset=late.asset,
        subject=late.subject,
        event_id=late.event_id,
        window_start_ms=late.window_start_ms,
        window_ms=late.window_ms,
        lateness_ms=late.lateness_ms,
        raw=Place(raw_topic(late.kind), late.partition, late.offset),
        place=place,
    )


def written_ms(event: object) -> int:
    """Return when an event that says nothing of its log time was written."""
    for name in ("produced_ms", "decided_ms", "at_ms"):
        if (found := getattr(event, name, None)) is not None:
            return int(found)
    return 0
