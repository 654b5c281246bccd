"""What an analysis foretells, and what the baselines would have foretold of the same facts. PURE.

All foretell one event: that the instrument the analysis is about stands higher at the end of the horizon than at its
begin. A forecast is the probability of that; a direction nobody is sure of is one half.
"""

from msgspec import Struct

from agents.answer.reading import WINDOWS_MS, Told, told_of
from agents.answer.rules import EVEN, ODDS, VERSION, analyse
from agents.decide.candidate import Candidate
from topics import Analysis, Outlook
from topics.analysis import Product

BASELINES = ("flat", "momentum", "rules")
"""flat: always one half; momentum: what went up goes on up; rules: the rules analyst of this version."""
RULES_VERSION = VERSION


class Voice(Struct, frozen=True, order=True):
    """Who foretells: one prompt of one model, or one version of the rules."""

    product: Product
    name: str
    """The model's, or `rules`."""
    version: str
    """The prompt's, or the rules'."""
    simulated: bool = False
    """The model was our own fake: its scores prove the scorer, and say nothing of a model."""

    @property
    def is_model(self) -> bool:
        """Whether a model was asked."""
        return self.name != "rules"


class Forecast(Struct, frozen=True, kw_only=True):
    """The probability of a rise, as it was said and as the baselines have it."""

    analysis_id: str
    asset: str
    subject: str
    """The instrument that leads its facts."""
    known_ms: int
    """Nothing that happened from here on was known: when it was produced, or the end of what it read if that is later."""
    horizon_ms: int
    said: float
    momentum: float
    rules: float


def voice_of(analysis: Analysis) -> Voice:
    """Return who said an analysis."""
    if analysis.origin == "rules":
        return Voice(analysis.product, "rules", analysis.rules_version or "unknown")
    model, prompt = analysis.model or "unknown", analysis.prompt_version or "unknown"
    return Voice(analysis.product, model, prompt, simulated=analysis.simulated)


def forecast_of(analysis: Analysis) -> Forecast | str:
    """Return what an analysis foretells, or a word for why it foretells nothing."""
    if analysis.status != "current":
        return analysis.status
    if analysis.outlook is None:
        return "no_outlook"
    told, outlook = told_of(analysis.facts), analysis.outlook
    if told.lead is None:
        return "no_price"
    return Forecast(
        analysis_id=analysis.analysis_id,
        asset=analysis.asset,
        subject=told.lead,
        # Where the market's clock runs ahead of ours, what it read may end after it was said.
        known_ms=max(analysis.produced_ms, analysis.as_of_ms),
        horizon_ms=outlook.horizon_ms,
        said=rise_of(outlook),
        momentum=_momentum(told, outlook.horizon_ms),
        rules=rise_of(analyse(candidate_of(analysis)).outlook),
    )


def rise_of(outlook: Outlook | None) -> float:
    """Return the probability of a rise that an outlook stands for."""
    if outlook is None or outlook.direction == "unclear":
        return EVEN
    return outlook.probability if outlook.direction == "up" else 1.0 - outlook.probability


def candidate_of(analysis: Analysis) -> Candidate:
    """Return the candidate that an analysis is of, as far as words and questions are made of one."""
    return Candidate(
        candidate_id=analysis.analysis_id,
        asset=analysis.asset,
        product=analysis.product,
        as_of_ms=analysis.as_of_ms,
        severity=analysis.severity,
        reasons=tuple(analysis.trigger.reasons),
        facts=tuple(analysis.facts),
        quality=analysis.data_quality,
        aggregate_ids=(),
        partition=0,
        offsets=(),
        tenure=0,
        enqueued_s=0.0,
        deadline_s=0.0,
    )


def _momentum(told: Told, horizon_ms: int) -> float:
    """Return what the longest price change within the last horizon foretells, by the odds that rules give."""
    moves = (told.value("return", w) for w in reversed(WINDOWS_MS) if w <= horizon_ms)
    move = next((one for one in moves if one is not None), 0.0)
    if move == 0.0:
        return EVEN
    return ODDS if move > 0 else 1.0 - ODDS
