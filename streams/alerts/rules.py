"""Rules as they are judged: settings with every span in milliseconds and every default filled in. PURE."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct

from streams.windows.kinds import KIND_RULES, WindowSize
from topics import KINDS, Kind, asset_of
from topics.units import Severity

from .settings import SPAN_MS, ConditionSettings, RuleSettings

VERSION = 1
"""Rises when the same windows would give other alerts: what stands is then cleared, as by a change of the rule."""
AGE_STEPS = 3
SLACK_MS: dict[Kind, int] = {
    "market": 60_000,
    "volume": 300_000,
    "social": 300_000,
    "development": 900_000,
}
"""How far a kind's windows usually lie behind the market's: the lateness of its sources, with some room."""

Family = tuple[Kind, WindowSize]


class Condition(Struct, frozen=True, kw_only=True):
    """One metric of one family of windows against a threshold."""

    kind: Kind
    size: WindowSize
    metric: str
    of: Literal["value", "score", "change"]
    rising: bool
    """Whether it holds above the threshold; else below."""
    threshold: float
    clear: float | None
    """Until where it goes on holding; None: the threshold itself."""
    base_above: float | None
    """Of a change: the window before must have had more."""
    age_ms: int

    def begins(self, value: float) -> bool:
        """Return whether it holds at a value, whatever was before."""
        return value > self.threshold if self.rising else value < self.threshold

    def ends(self, value: float) -> bool:
        """Return whether it does not hold at a value, whatever was before; between the two it goes on as it was."""
        if self.clear is None:
            return not self.begins(value)
        return value < self.clear if self.rising else value > self.clear


class Rule(Struct, frozen=True, kw_only=True):
    """One rule in force."""

    name: str
    severity: Severity
    headline: str
    conditions: tuple[Condition, ...]
    match: Literal["all", "any"]
    assets: frozenset[str]
    subjects: frozenset[str]
    for_ms: int
    cool_down_ms: int
    gap_ms: int
    """How long it bears not to be judged: past it a data gap is raised."""
    audience: tuple[str, ...]

    @property
    def of_instruments(self) -> bool:
        """Whether it is judged for each instrument; else for each asset."""
        return any(condition.kind == "market" for condition in self.conditions)

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of windows it reads."""
        return frozenset(condition.kind for condition in self.conditions)

    @property
    def step_ms(self) -> int:
        """The longest step of its windows: what one judgement can say of time."""
        return max(condition.size.step_ms for condition in self.conditions)

    def selects(self, subject: str) -> bool:
        """Return whether it is for a subject."""
        if not self.assets and not self.subjects:
            return True
        return subject in self.subjects or asset_of(subject) in self.assets

    @property
    def digest(self) -> str:
        """A digest of what it judges by. Words, severity, receivers and selection may change under a standing alert."""
        judged = [VERSION, self.conditions, self.match, self.for_ms, self.cool_down_ms, self.gap_ms]
        return sha256(msgspec.json.encode(judged)).hexdigest()[:16]


def compiled(rules: Mapping[str, RuleSettings]) -> tuple[Rule, ...]:
    """Return rules as they are judged, by name."""
    return tuple(_rule(name, rules[name]) for name in sorted(rules))


def families_of(rules: Iterable[Rule]) -> set[Family]:
    """Return the families of windows that rules read."""
    return {(c.kind, c.size) for rule in rules for c in rule.conditions}


def _rule(name: str, told: RuleSettings) -> Rule:
    conditions = tuple(_condition(one) for one in told.conditions)
    for_ms = told.for_s * 1_000
    # One window that cannot be judged is no news before the next one should have come; nor two, where each is
    # compared with the one before.
    borne_ms = max(c.size.step_ms * (2 if c.of == "change" else 1) for c in conditions)
    return Rule(
        name=name,
        severity=told.severity,
        headline=told.headline,
        conditions=conditions,
        match=told.match,
        assets=frozenset(told.assets),
        subjects=frozenset(told.subjects),
        for_ms=for_ms,
        cool_down_ms=told.cool_down_s * 1_000,
        gap_ms=max(for_ms, told.data_gap_s * 1_000, borne_ms),
        audience=told.audience,
    )


def _condition(told: ConditionSettings) -> Condition:
    window_ms = SPAN_MS[told.window]
    size = WindowSize(window_ms, window_ms if told.step is None else SPAN_MS[told.step])
    rising = told.above is not None
    threshold, clear = (told.above, told.clear_below) if rising else (told.below, told.clear_above)
    usual_ms = AGE_STEPS * size.step_ms + SLACK_MS[told.kind]
    return Condition(
        kind=told.kind,
        size=size,
        metric=told.metric,
        of=told.of,
        rising=rising,
        threshold=0.0 if threshold is None else threshold,
        clear=clear,
        base_above=told.base_above,
        age_ms=usual_ms if told.age_s is None else told.age_s * 1_000,
    )


FAMILIES: frozenset[Family] = frozenset(
    (kind, size) for kind in KINDS for size in KIND_RULES[kind].sizes
)
"""Every family of windows there is."""
