"""What the analyst says: the model's words, or the rules'. Code wrote every number in it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, Count, DurationMs, EpochMs, Fraction, NanoUsd, Severity, Subject, Word

Product = Literal["state", "deep_dive"]
Origin = Literal["model", "model_other_provider", "model_cheaper", "cache", "cache_stale", "rules"]
Direction = Literal["up", "down", "flat", "mixed"]
Confidence = Literal["low", "medium", "high"]


class Trigger(Struct, frozen=True, kw_only=True):
    """Why the asset was looked at."""

    reasons: list[Word]
    alert_id: str | None = None


class Outlook(Struct, frozen=True, kw_only=True):
    """A checkable guess, scored later by `tapereader evaluate`; alerts never read it."""

    direction: Literal["up", "down", "unclear"]
    horizon_ms: DurationMs
    probability: Fraction


class Fact(Struct, frozen=True, kw_only=True):
    """One number the text may use, with where it comes from."""

    metric: Annotated[str, Meta(max_length=64, description="Its name in the metric catalogue.")]
    value: float
    unit: str
    quote: str | None = None
    window_ms: DurationMs
    baseline: float | None = None
    """What is usual: the median of the windows before."""
    z: float | None = None
    sample_size: Count = 0
    """How many windows the baseline rests on."""
    subject: Subject
    aggregate_id: Annotated[str, Meta(max_length=200)]
    revision: Count
    window_end_ms: EpochMs | None = None
    """When its window ended, of one that a reason stands on and that was not the latest any more; None of a latest."""


class DataQuality(Struct, frozen=True, kw_only=True):
    """What the reader must know of the data behind the words."""

    completeness: Literal["complete", "holed", "unverifiable"]
    stale_feeds: list[str] = []
    short_history: bool = False
    words: str = ""


class Analysis(Struct, frozen=True, kw_only=True, tag_field="type", tag="analysis"):
    """One statement about one asset. Of several with one id, the one at the lowest offset counts."""

    analysis_id: Annotated[
        str, Meta(max_length=200, description="product/asset/as_of_ms/count of supersessions")
    ]
    asset: AssetId
    product: Product
    status: Literal["current", "superseded", "withdrawn"] = "current"
    supersedes: str | None = None
    """The id of the analysis whose place this takes; that one stands no more."""
    revised_by: Annotated[str, Meta(max_length=200)] | None = None
    """What made it supersede another: the id of the aggregate that was revised, or of the alert that was retracted."""
    as_of_ms: EpochMs
    """The end of the newest window it read."""
    produced_ms: EpochMs
    valid_until_ms: EpochMs
    trigger: Trigger
    headline: Annotated[str, Meta(min_length=1, max_length=120)]
    text: Annotated[str, Meta(min_length=1, max_length=4000)]
    severity: Severity
    confidence: Confidence
    confidence_basis: Annotated[str, Meta(max_length=400)]
    observed_direction: Direction
    """Filled by code from the facts."""
    outlook: Outlook | None = None
    changed: list[str] = []
    """What is different since the last one."""
    compared_with: str | None = None
    """The last one: the id of the analysis that `changed` is told against."""
    facts: list[Fact]
    data_quality: DataQuality
    origin: Origin
    origin_reason: Word
    simulated: bool = False
    """True when the model was the simulated one."""
    model: str | None = None
    prompt_version: str | None = None
    rules_version: str | None = None
    narrative_age_ms: Annotated[int, Meta(ge=0)] | None = None
    """How old the words were that were said again; None of words of its own."""
    narrative_attempt_id: Annotated[str, Meta(max_length=200)] | None = None
    """The attempt whose answer they are. Its cost is that of the analysis it was made for."""
    input_tokens: Count = 0
    output_tokens: Count = 0
    cost_nano_usd: NanoUsd = 0
    attempt_ids: list[str] = []


def analysis_id(product: Product, asset: str, as_of_ms: int, supersessions: int = 0) -> str:
    """Return the id of an analysis: a function of what it is about, not of who answered."""
    return f"{product}/{asset}/{as_of_ms}/{supersessions}"
