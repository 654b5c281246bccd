"""What the API replies: the contracts and what the view says of them, with links. The OpenAPI document is made of these.

Beside each reply stands `now_ms`, the server's clock: an age is `now_ms` minus an `as_of_ms`, `at_ms` or `logged_ms`.
Text in a reply may be strangers': show it as plain text.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from streams.serving.shown import (
    AlertShown,
    AnalysisShown,
    DecisionShown,
    FeedRow,
    GapShown,
    Money,
    Path,
    Place,
    Point,
    Standing,
    Summary,
    Words,
)
from topics import (
    Aggregate,
    Control,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    PostDeleted,
    RawEvent,
)
from topics.units import EpochMs

from .measured import Measure

Next = Annotated[
    str | None,
    Meta(description="The cursor of the page that follows; null where nothing follows now."),
]
Links = Annotated[
    dict[str, str | list[str]],
    Meta(description="Paths on this server: pages for people, and addresses of the API."),
]


class SummaryReply(Struct, frozen=True, kw_only=True):
    """The pipeline in one sentence, and the findings behind it."""

    summary: Summary
    links: Links


class AssetItem(Struct, frozen=True, kw_only=True):
    """An asset and how it stands."""

    standing: Standing
    links: Links


class AssetsReply(Struct, frozen=True, kw_only=True):
    """Assets, by name."""

    items: list[AssetItem]
    next: Next


class LatestWindow(Struct, frozen=True, kw_only=True):
    """The newest window of one kind, subject and size."""

    aggregate: Aggregate
    place: Place
    measures: dict[str, Measure]
    """What each of its values is in."""
    links: Links


class Row(Struct, frozen=True, kw_only=True):
    """A row of windows, as `/series` is asked for it."""

    kind: Kind
    subject: str
    window_ms: int
    step_ms: int
    """Less than the window where windows hop."""


class AssetReply(Struct, frozen=True, kw_only=True):
    """One asset: how it stands, what is measured of it, and its newest windows."""

    standing: Standing | None
    """Null where nothing but an analysis or an alert is known."""
    series: list[Row]
    """The rows of windows there are to ask `/series` for."""
    latest: list[LatestWindow]
    links: Links


class SeriesReply(Struct, frozen=True, kw_only=True):
    """Windows of one row, the oldest first."""

    row: Row
    measures: dict[str, Measure]
    """What each of `values` is in."""
    items: list[Point]
    next: Next
    links: Links


class AggregateReply(Struct, frozen=True, kw_only=True):
    """One revision of one window, whole."""

    aggregate: Aggregate
    place: Place
    latest: bool
    """False: a later revision or epoch of this window is known."""
    measures: dict[str, Measure]
    links: Links


class AnalysisItem(Struct, frozen=True, kw_only=True):
    """An analysis as it stands."""

    shown: AnalysisShown
    words: Words
    """Whose words it is in."""
    links: Links


class AnalysesReply(Struct, frozen=True, kw_only=True):
    """Analyses, the newest first."""

    items: list[AnalysisItem]
    next: Next


class PathReply(Struct, frozen=True, kw_only=True):
    """How an analysis came to be."""

    path: Path
    links: Links


class DecisionItem(Struct, frozen=True, kw_only=True):
    """What became of a candidate."""

    shown: DecisionShown
    links: Links


class DecisionsReply(Struct, frozen=True, kw_only=True):
    """Decisions, the newest first."""

    items: list[DecisionItem]
    next: Next


class AlertItem(Struct, frozen=True, kw_only=True):
    """An alert with its transitions, and what people did about it."""

    shown: AlertShown
    fires: bool
    asks: bool
    """It fires, and nobody has acknowledged or muted it."""
    links: Links


class AlertsReply(Struct, frozen=True, kw_only=True):
    """Alerts, the newest first."""

    items: list[AlertItem]
    next: Next


class FeedsReply(Struct, frozen=True, kw_only=True):
    """Feeds by venue and subject, with their gaps."""

    items: list[FeedRow]
    next: Next


class GapsReply(Struct, frozen=True, kw_only=True):
    """Gaps of all feeds, the newest first."""

    items: list[GapShown]
    next: Next


class MoneyReply(Struct, frozen=True, kw_only=True):
    """What was spent on models, and what may be. Amounts are in billionths of a US dollar."""

    money: Money
    unit: Literal["nano_usd"] = "nano_usd"


class ControlsReply(Struct, frozen=True, kw_only=True):
    """Operators' acts in force, the newest first."""

    items: list[Control]


class RawItem(Struct, frozen=True, kw_only=True):
    """A raw event or a gap mark, and where it stands."""

    event: RawEvent | PostDeleted | GapDetected | GapFilled | GapPermanent | Heartbeat
    place: Place
    logged_ms: EpochMs


class RawReply(Struct, frozen=True, kw_only=True):
    """Raw events and gap marks of one subject in a span of event time, in the order of the log."""

    kind: Kind
    subject: str
    from_ms: EpochMs
    to_ms: EpochMs
    """The first instant that is not asked for."""
    items: list[RawItem]
    next_offset: int | None
    """Of a range that was cut: ask again with it as `after`."""
    begins_late: bool
    """The log no longer has the begin of the span."""
    words: str
    """What is missing, in a sentence; empty if nothing is known to be."""
    links: Links


class ReadyReply(Struct, frozen=True, kw_only=True):
    """Whether the API may be relied on."""

    ready: bool
    words: str


REPLIES: tuple[type[Struct], ...] = (
    SummaryReply,
    AssetsReply,
    AssetReply,
    SeriesReply,
    AggregateReply,
    AnalysesReply,
    AnalysisItem,
    PathReply,
    DecisionsReply,
    DecisionItem,
    AlertsReply,
    AlertItem,
    FeedsReply,
    GapsReply,
    MoneyReply,
    ControlsReply,
    RawReply,
    ReadyReply,
)
