"""What an operator writes of market alerts: rules in TOML. docs/alerts.md explains each key."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from topics import Kind
from topics.units import ASSET_PATTERN, INSTRUMENT_PATTERN, NAME_PATTERN, Severity

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


class _Branch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConditionSettings(_Branch):
    """One metric of one family of windows against a threshold."""

    kind: Kind
    window: Span
    step: Span | None = None
    """Where windows hop; None: they tumble."""
    metric: str = Field(min_length=1, max_length=64)
    """A name of the catalogue (docs/metrics.md), of one number."""
    of: Literal["value", "score"] = "value"
    """Score: the robust z of the value against the subject's own last windows."""
    above: Threshold | None = None
    """It holds from a value greater than this on..."""
    clear_below: Threshold | None = None
    """...until one less than this. None: the threshold itself, without hysteresis."""
    below: Threshold | None = None
    """Or: it holds from a value less than this on..."""
    clear_above: Threshold | None = None
    """...until one greater than this."""
    age_s: int | None = Field(default=None, ge=1, le=_SPAN_S_MAX)
    """How far a window may lie behind before it is missing. None: three steps and the kind's usual lateness."""


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
