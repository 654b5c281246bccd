"""What the windows publish: one subject, one window, one revision."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, Count, DurationMs, EpochMs, Fraction, Kind, Name, Subject, Tone

Amount = Annotated[
    float, Meta(description="An exact sum on the 1e-8 grid, divided once into a double.")
]
Quoted = Annotated[float, Meta(description="A price or amount in the instrument's quote asset.")]


class MarketValues(Struct, frozen=True, kw_only=True, tag_field="kind", tag="market"):
    """An instrument's trades, across venues."""

    trades: Count
    open: Quoted
    """First price by (time, venue, id)."""
    high: Quoted
    low: Quoted
    close: Quoted
    """Last price by (time, venue, id)."""
    vwap: Quoted | None
    """Quote volume / volume; None where the volume rounds to 0 on the grid."""
    volume: Amount
    """Sum of sizes, in the base asset."""
    quote_volume: Amount
    """Sum of price x size, in the quote asset."""
    taker_buy_volume: Amount
    taker_buy_ratio: Fraction | None
    """Taker buy volume / volume."""
    signed_volume: Amount
    """Taker buys - taker sells, in the base asset."""
    log_return: float
    """ln(close / open)."""
    realised_variance: Annotated[float, Meta(ge=0)]
    """Sum of squared log returns between the last prices of successive non-empty panes."""
    largest_trade: Amount
    """Size of the largest trade."""
    venue_volume: dict[str, float]
    """Volume by venue."""
    venue_close: dict[str, float]
    """Last price by venue."""
    realised_volatility: Annotated[float, Meta(ge=0)] = 0.0
    """Square root of the realised variance."""
    trade_size_p50: Amount | None = None
    trade_size_p90: Amount | None = None
    trade_size_p99: Amount | None = None
    """Quantiles of the trades' sizes, within 1 %."""
    venue_share: dict[str, Fraction] = {}
    """Volume / volume of all venues, by venue; empty where the volume rounds to 0 on the grid."""
    venue_spread: Annotated[float, Meta(ge=0)] | None = None
    """(Highest - lowest) / mean of the two, of the venues' last prices; None with one venue."""


class VolumeValues(Struct, frozen=True, kw_only=True, tag_field="kind", tag="volume"):
    """An asset's turnover as reported."""

    flow: Amount
    """Sum of the closed candles' volume, in the asset."""
    flow_samples: Count
    level: Amount | None
    """Sum over venues of each one's last rolling turnover, in the asset; None without samples."""
    level_venues: list[str]
    """The venues whose level is in the sum."""
    concentration: Fraction | None
    """Herfindahl-Hirschman index of the flow over venues; None without flow."""
    flow_change: float | None = None
    """Flow / flow of the span before - 1, of the venues in both; None without any."""
    level_change: float | None = None
    """Level / level of the span before - 1, of the venues' instruments in both; None without any."""


class SocialValues(Struct, frozen=True, kw_only=True, tag_field="kind", tag="social"):
    """What was posted about an asset."""

    posts: Count
    bot_posts: Count
    engagement: Count
    tone_mean: Tone
    tone_stdev: Annotated[float, Meta(ge=0)]
    """Population standard deviation of the tone."""
    distinct_posts: Count = 0
    """Different texts: values of the first 16 bits of their simhash."""
    unique_authors: Count = 0
    """Exact below 4,096, estimated above."""


class DevelopmentValues(Struct, frozen=True, kw_only=True, tag_field="kind", tag="development"):
    """What happened in an asset's repositories, bots left out."""

    events: Count
    """All acts but forks, stars and comments."""
    commits: Count
    pull_requests: Count
    releases: Count
    issues: Count
    bot_events: Count
    unique_authors: Count = 0
    """Of what counts as an event; exact below 4,096, estimated above."""


Values = MarketValues | VolumeValues | SocialValues | DevelopmentValues


class Completeness(Struct, frozen=True, kw_only=True):
    """Whether the window saw everything, by gap marks and source clocks alone."""

    state: Literal["complete", "holed", "unverifiable"]
    """Unverifiable: some venue's ids cannot prove that nothing is missing."""
    holed_fraction: Fraction = 0.0
    """Share of the window's time inside known gaps."""
    holed_venues: list[str] = []
    missing_sources: list[Name] = []
    """Sources of this subject whose clock had not reached the window's end."""
    unverified_duplicates: bool = False
    """The memory of seen ids did not reach back far enough for an event of this window."""


class Score(Struct, frozen=True, kw_only=True):
    """How unusual a value is against the subject's own last windows of this size."""

    z: float
    """(value - median) / (1.4826 x median absolute deviation)."""
    median: float


class Aggregate(Struct, frozen=True, kw_only=True, tag_field="type", tag="aggregate"):
    """One window of one subject. A later epoch replaces the earlier ones, and in it a later revision."""

    aggregate_id: Annotated[
        str,
        Meta(
            max_length=200,
            description="kind/subject/window_ms/step_ms/window_start_ms/revision, and /eN in epoch N > 0",
        ),
    ]
    asset: AssetId
    subject: Subject
    window_start_ms: EpochMs
    window_ms: DurationMs
    step_ms: DurationMs
    """Equal to window_ms where windows tumble, smaller where they hop."""
    revision: Count
    reason: Literal["closed", "corrected", "replay_start"]
    """Why it is published: its end has passed; it changed since; it may be partial."""
    completeness: Completeness
    values: Values
    scores: dict[str, Score] = {}
    history_n: Count = 0
    """How many earlier windows the scores rest on."""
    epoch: Count = 0
    """Rises when the raw topics are folded anew, by other rules."""

    @property
    def kind(self) -> Kind:
        """The kind of metric, which is the tag of its values."""
        return KIND_OF[type(self.values)]

    @property
    def edition(self) -> tuple[int, int]:
        """What is compared among records of one window: the greatest epoch, then revision, counts."""
        return self.epoch, self.revision

    @property
    def window_end_ms(self) -> int:
        """The first instant after the window."""
        return self.window_start_ms + self.window_ms


KIND_OF: dict[type, Kind] = {
    MarketValues: "market",
    VolumeValues: "volume",
    SocialValues: "social",
    DevelopmentValues: "development",
}


def aggregate_id(
    kind: Kind,
    subject: str,
    *,
    window_ms: int,
    step_ms: int,
    start_ms: int,
    revision: int,
    epoch: int = 0,
) -> str:
    """Return the id of one revision of one window: a function of what it is, nothing else."""
    made = f"{kind}/{subject}/{window_ms}/{step_ms}/{start_ms}/{revision}"
    return f"{made}/e{epoch}" if epoch else made
