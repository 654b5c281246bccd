"""What an operator writes of market alerts: rules in TOML. docs/alerts.md explains each key."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from streams.windows.kinds import KIND_RULES, WindowSize
from topics import Kind
from topics.metrics import SCORED
from topics.units import ASSET_PATTERN, INSTRUMENT_PATTERN, NAME_PATTERN, Severity

from .evidence import judgeable
from .headline import refusal_of, span_words

RULES_MAX = 64
"""Rules in force: each is judged for every subject it selects."""
CONDITIONS_MAX = 8
"""Of one rule: a headline that explains more is read by nobody."""
SELECTED_MAX = 1_000
"""Assets or subjects that one rule names; a rule that is for more is for all."""
RULE_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
"""Of a rule's name: it stands in ids, keys and metrics. (Pydantic's `$` is the end of the text.)"""
_SPAN_S_MAX = 7 * 86_400
"""Of a duration: what is older than the raw topics are kept cannot be tried on them."""

Span = Literal["1m", "5m", "1h"]
SPAN_MS: dict[Span, int] = {"1m": 60_000, "5m": 300_000, "1h": 3_600_000}
Threshold = Annotated[float, Field(allow_inf_nan=False)]
_Asset = Annotated[str, StringConstraints(pattern=ASSET_PATTERN.replace(r"(?!\n)", ""))]
_Instrument = Annotated[str, StringConstraints(pattern=INSTRUMENT_PATTERN.replace(r"(?!\n)", ""))]
_Receiver = Annotated[str, StringConstraints(pattern=NAME_PATTERN.replace(r"(?!\n)", ""))]


def _no_analysis(kind: object) -> object:
    if kind in {"analysis", "analyses"}:
        msg = (
            "a rule reads windows only. An analysis says when it was made, not when the market was so: taken from"
            " another topic, an alert would depend on which of the two a worker read first. Who shall be told only of"
            " what an analysis bears out is a receiver with analysis_severity_min"
        )
        raise ValueError(msg)
    return kind


_WindowKind = Annotated[Kind, BeforeValidator(_no_analysis)]


class _Branch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConditionSettings(_Branch):
    """One metric of one family of windows against a threshold."""

    kind: _WindowKind
    window: Span
    step: Span | None = None
    """Where windows hop; None: they tumble."""
    metric: str = Field(min_length=1, max_length=64)
    """A name of the catalogue (docs/metrics.md), of one number."""
    of: Literal["value", "score", "change"] = "value"
    """Score: the robust z of the value against the subject's own last windows. Change: value / that of the window just
    before - 1, of windows that tumble."""
    above: Threshold | None = None
    """It holds from a value greater than this on..."""
    clear_below: Threshold | None = None
    """...until one less than this. None: the threshold itself, without hysteresis."""
    below: Threshold | None = None
    """Or: it holds from a value less than this on..."""
    clear_above: Threshold | None = None
    """...until one greater than this."""
    base_above: Threshold | None = None
    """Of a change: where the window before had no more than this, it does not hold. Few are soon twice as many."""
    age_s: int | None = Field(default=None, ge=1, le=_SPAN_S_MAX)
    """How far a window may lie behind before it is missing. None: three steps and the kind's usual lateness."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for why in (self._family(), self._metric(), self._threshold(), self._age()):
            if why is not None:
                raise ValueError(why)
        return self

    def _family(self) -> str | None:
        window_ms = SPAN_MS[self.window]
        step_ms = window_ms if self.step is None else SPAN_MS[self.step]
        sizes = KIND_RULES[self.kind].sizes
        if self.of == "change" and step_ms != window_ms:
            return "of: a change is of windows that tumble; leave out step"
        if WindowSize(window_ms, step_ms) in sizes:
            return None
        there = ", ".join(_size_words(size) for size in sizes)
        return f"window, step: {self.kind} has windows of {there}"

    def _metric(self) -> str | None:
        names = SCORED[self.kind] if self.of == "score" else judgeable(self.kind)
        if self.metric in names:
            return None
        what = "scores of" if self.of == "score" else "numbers"
        return f"metric: {self.kind} has the {what} {', '.join(names)}, not {self.metric[:64]!r}"

    def _threshold(self) -> str | None:
        if (self.above is None) == (self.below is None):
            return "above, below: give one of the two"
        if self.above is None and self.clear_below is not None:
            return "clear_below: it goes with above"
        if self.below is None and self.clear_above is not None:
            return "clear_above: it goes with below"
        if self.base_above is not None and self.of != "change":
            return "base_above: it goes with a change"
        return self._order()

    def _order(self) -> str | None:
        if (
            self.above is not None
            and self.clear_below is not None
            and self.clear_below > self.above
        ):
            return f"clear_below: at most above, {self.above:g}"
        if (
            self.below is not None
            and self.clear_above is not None
            and self.clear_above < self.below
        ):
            return f"clear_above: at least below, {self.below:g}"
        return None

    def _age(self) -> str | None:
        step_s = SPAN_MS[self.step or self.window] // 1_000
        if self.age_s is None or self.age_s >= step_s:
            return None
        return f"age_s: at least {step_s}, the step: the latest window would be missing before the next one ends"


class RuleSettings(_Branch):
    """One rule: when it fires for a subject, and what it says."""

    severity: Severity
    headline: str = Field(min_length=1, max_length=120)
    """A template: words, and slots that code fills ({subject}, {value}, {threshold}, ...)."""
    conditions: tuple[ConditionSettings, ...] = Field(min_length=1, max_length=CONDITIONS_MAX)
    match: Literal["all", "any"] = "all"
    """Which of the conditions must hold."""
    assets: tuple[_Asset, ...] = Field(default=(), max_length=SELECTED_MAX)
    """Assets it is for; with `subjects`, either. None of both: all."""
    subjects: tuple[_Instrument, ...] = Field(default=(), max_length=SELECTED_MAX)
    """Instruments it is for, of a rule with a condition on the market."""
    for_s: int = Field(default=0, ge=0, le=_SPAN_S_MAX)
    """It must hold this long in event time before it fires."""
    cool_down_s: int = Field(default=0, ge=0, le=_SPAN_S_MAX)
    """After it cleared it does not fire again so soon, in event time."""
    data_gap_s: int = Field(default=600, ge=60, le=_SPAN_S_MAX)
    """When it could not be judged for this long, or for `for_s` if that is longer, a data gap is raised."""
    audience: tuple[_Receiver, ...] = Field(default=(), max_length=16)
    """Receivers by name; none: whoever receives its severity."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.subjects and all(condition.kind != "market" for condition in self.conditions):
            msg = "subjects: no condition is on the market; choose by assets"
            raise ValueError(msg)
        judged = [condition.of for condition in self.conditions]
        if (why := refusal_of(self.headline, judged)) is not None:
            msg = f"headline: {why}"
            raise ValueError(msg)
        return self


def _size_words(size: WindowSize) -> str:
    words = span_words(size.window_ms)
    return words if size.step_ms == size.window_ms else f"{words} by {span_words(size.step_ms)}"


class AlertsSettings(_Branch):
    """Market alerts, the branch `streams.alerts`."""

    defaults: bool = True
    """Whether the rules that ship are in force too. A rule of the same name takes the place of one."""
    without: tuple[str, ...] = ()
    """Of the rules that ship, those that are not."""
    files: tuple[Path, ...] = ()
    """Files of rules, tables `[rules.NAME]`; the working directory's where relative."""
    rules: dict[Annotated[str, StringConstraints(pattern=RULE_PATTERN)], RuleSettings] = Field(
        default_factory=dict, max_length=RULES_MAX
    )
    """Rules by name; they take the place of a file's."""
    instances_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """Rules times subjects kept in one partition; a subject beyond is counted and not judged."""
    kinds_apart_s: int = Field(default=3_600, ge=60, le=_SPAN_S_MAX)
    """How far a kind's windows may lie behind those of the partition's other kinds before it counts as silent."""

    @model_validator(mode="after")
    def _shipped_or_not(self) -> Self:
        if self.without and not self.defaults:
            msg = "`without` leaves out some of the rules that ship, but `defaults` is false: none of them is in force"
            raise ValueError(msg)
        return self
