"""What the view hands out: plain frozen records. PURE. All times are milliseconds since the epoch.

Text in them came through topics: it is data, never markup, and whoever shows it shows it as plain text.
"""

from typing import Literal

from msgspec import Struct

from topics import Alert, Analysis, Control, Decision, Feedback, Notification, Severity

from .records import (
    FeedRow,
    GapShown,
    LateShown,
    Letter,
    Place,
    Point,
    SeriesKey,
    Transition,
)

__all__ = [
    "AlertShown",
    "AnalysisShown",
    "Budget",
    "DecisionShown",
    "FeedRow",
    "Finding",
    "GapShown",
    "LateShown",
    "Letter",
    "Money",
    "Path",
    "PathStep",
    "Place",
    "Point",
    "SeriesKey",
    "Spent",
    "Standing",
    "State",
    "Summary",
    "Transition",
    "Words",
]

State = Literal["well", "degraded", "broken"]
Words = Literal["model", "rules", "code"]
"""Whose words a headline is in: a model's, the rules analyst's, or an alert rule's."""


class AnalysisShown(Struct, frozen=True, kw_only=True):
    """An analysis as it stands now. ``analysis.status`` is what it said of itself when it was written."""

    analysis: Analysis
    place: Place
    at_ms: int
    """When it was logged."""
    standing: Literal["current", "superseded", "withdrawn"]
    """Withdrawn: what it said no longer holds, by its own word or by that of the one that took its place."""
    replaced_by: str | None = None
    """The id of the analysis that took its place."""
    feedback: tuple[Feedback, ...] = ()
    """What people think of it: the last word of each, the newest first, at most a few."""

    @property
    def words(self) -> Words:
        """Whose words it is in."""
        return "rules" if self.analysis.origin == "rules" else "model"


class DecisionShown(Struct, frozen=True, kw_only=True):
    """A decision, and where it stands."""

    decision: Decision
    place: Place
    at_ms: int


class AlertShown(Struct, frozen=True, kw_only=True):
    """The latest of an alert, how it came there, and what people did about it."""

    alert: Alert
    place: Place
    at_ms: int
    """When the latest was logged."""
    transitions: tuple[Transition, ...]
    """The oldest first, the last is the latest; of many the first and the last ones."""
    transitions_left_out: int = 0
    latest: bool = True
    """False: the rule has fired anew for this subject since, so that this one is over whatever it said last."""
    acknowledged: Control | None = None
    muted: Control | None = None
    """In force at the time asked for."""
    analysis_ids: tuple[str, ...] = ()
    """Of analyses that speak of it, the newest first."""
    notifications: tuple[Notification, ...] = ()
    """Whom it was told to, or why not; the newest first, at most a few."""

    @property
    def fires(self) -> bool:
        """Whether it fires now."""
        return self.latest and self.alert.state == "firing"

    @property
    def asks(self) -> bool:
        """Whether it fires and nobody has acknowledged or muted it."""
        return self.fires and self.acknowledged is None and self.muted is None


class Standing(Struct, frozen=True, kw_only=True):
    """How one asset stands now."""

    asset: str
    severity: Severity
    headline: str
    """Of the worst unacknowledged alert, else of the analysis that holds, else of the data; never empty."""
    words: Words
    """Whose words the headline is in."""
    as_of_ms: int | None
    """The end of the newest window the headline rests on; None: there is none."""
    data_end_ms: int | None
    """The end of the asset's newest window."""
    data_age_ms: int | None
    """How long ago that was, in the market's time."""
    stale: bool
    quality: Literal["complete", "holed", "unverifiable", "none"]
    quality_words: str
    alerts: tuple[AlertShown, ...]
    """Firing ones, those that ask first, then by severity."""
    unacknowledged: int
    analysis_id: str | None
    """The analysis that holds, if any."""
    simulated: bool = False
    """The headline is a simulated model's."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    state: Literal["degraded", "broken"]
    what: str
    """Of a closed list (`role`, `feed`, `lag`, `breaker`, `budget`, ...), and after a slash which one."""
    words: str
    """One sentence, no full stop at its end."""
    action: str
    """What to do."""
    since_ms: int | None


class Summary(Struct, frozen=True, kw_only=True):
    """The pipeline in one sentence."""

    state: State
    sentence: str
    """All well, or what is wrong, since when, and what to do."""
    since_ms: int | None
    """Since when the worst is so."""
    action: str
    """What to do; empty when all is well."""
    findings: tuple[Finding, ...]
    """The worst first."""
    now_ms: int


class Spent(Struct, frozen=True, kw_only=True):
    """What analyses of one name cost."""

    name: str
    cost_nano_usd: int
    analyses: int
    input_tokens: int
    output_tokens: int


class Budget(Struct, frozen=True, kw_only=True):
    """One budget as its owner last told it, in nano-dollars."""

    scope: str
    state: str
    words: str
    spent_nano_usd: int | None
    reserved_nano_usd: int | None
    cap_nano_usd: int | None
    """None: not told."""
    window_end_ms: int | None
    to_cap_ms: int | None
    """From ``told_ms``, at the present pace of its ledger; None: not in this window, or unknown."""
    since_ms: int
    """Since when it is in this state."""
    told_ms: int
    stale: bool
    """Its owner has not told it in time, or not since its day ended."""
    is_nearly_spent: bool
    """Most of it is, or the cap is near at the present burn."""


class Money(Struct, frozen=True, kw_only=True):
    """What was spent on models."""

    budgets: tuple[Budget, ...]
    spent_nano_usd: int
    """Of the analyses kept since ``since_ms``."""
    since_ms: int
    burn_nano_usd_per_h: int
    """What the ledgers booked in this hour, or analyses of the last one cost if that is more."""
    by: dict[str, tuple[Spent, ...]]
    """asset, model, prompt, origin, product: the dearest first."""


class PathStep(Struct, frozen=True, kw_only=True):
    """One station of a decision."""

    station: Literal["aggregates", "gate", "inbox", "cache", "call", "verdict", "published"]
    words: str
    """In a sentence."""
    done: bool
    """False: it was not come to."""


class Path(Struct, frozen=True, kw_only=True):
    """How an analysis came to be."""

    analysis_id: str
    analysis: AnalysisShown | None
    decision: DecisionShown | None
    """None where the view no longer, or not yet, knows it."""
    aggregates: tuple[tuple[str, Place | None], ...]
    """Ids of what its facts are of, each with its place where the view has it."""
    reasons: tuple[str, ...]
    alerts: tuple[str, ...]
    coalesced_from: tuple[DecisionShown, ...]
    """Candidates that it took over."""
    coalesced_into: str | None
    outcome: str | None
    """called, cached, coalesced, shed or rules."""
    outcome_reason: str | None
    item_key: str | None
    """The journal's item: with it the analysis can be replayed."""
    attempt_ids: tuple[str, ...]
    model: str | None
    prompt_version: str | None
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int
    steps: tuple[PathStep, ...]
