"""What the gate remembers of an asset: what it asked, what it owes, and what windows have shown. PURE."""

from msgspec import Struct, field

from agents.settings import GateSettings
from topics import Aggregate, Severity

from .candidate import worse
from .context import Baseline, Family, Labels, Noted
from .editions import Edition, window_of
from .findings import Ground, Held, findings
from .fingerprint import Fingerprint

MINUTE_MS = 60_000
OWED_MAX = 64
"""Findings of one asset that are owed to its next window; of more the oldest are let go."""
FOUND_MAX = 256
"""Windows of one asset of which is known what they have shown: those of 17 instruments, all of them over 15 minutes."""


class Shown(Struct):
    """What the editions of a window have shown."""

    edition: Edition
    """The last one that showed anything new."""
    end_ms: int
    grades: dict[str, Severity]
    """By reason, how severe at the worst."""
    held: Held
    """What was found in the family's window before, and"""
    usual: dict[str, Baseline]
    """what had been usual: a revision is looked at as the first edition was."""
    asked: frozenset[str] = frozenset()
    """The reasons for which it was asked about: what a revision makes of these supersedes what was said."""


class AssetGate(Struct):
    """What the gate remembers of an asset."""

    era: int = -1
    """Which span of `memory_s` this is the memory of."""
    since_ms: int = 0
    """When it began; what ended before it was decided on in the span before."""
    asked_ms: int | None = None
    """As-of time of its last deep dive."""
    severity: Severity = "info"
    """Of that one."""
    told: frozenset[str] = frozenset()
    """What was critical in its deep dives since it was last asked about rested."""
    state_ms: int | None = None
    """As-of time of its last state narrative or deep dive."""
    state: Fingerprint = field(default_factory=Fingerprint)
    """How it is."""
    said: Labels = ()
    """How it was when it was last spoken of."""
    held: dict[Family, Held] = {}
    """What was found in the last window of each family."""
    owed: tuple[Ground, ...] = ()
    """Worse than what was asked in the same minute, or found by a revision, and to be asked with the next window."""
    shown: dict[str, Shown] = {}
    """By window, what its editions have shown, of those that are not too old to ask."""

    def is_news(self, found: tuple[Ground, ...]) -> bool:
        """Return whether it is worse than what was asked last, or critical in another way."""
        is_worse = worse(severity_of(found), self.severity) != self.severity
        return is_worse or not critical_in(found) <= self.told

    def is_too_soon(self, as_of_ms: int) -> bool:
        """Return whether the asset was asked about in this minute or a later one, or may have been."""
        if as_of_ms < self.since_ms:
            return True
        return self.asked_ms is not None and as_of_ms < self.asked_ms + MINUTE_MS

    def ask(self, as_of_ms: int, found: tuple[Ground, ...], *, rested: bool) -> None:
        """Note that a deep dive is asked for."""
        critical = critical_in(found)
        self.told = critical if rested else self.told | critical
        self.asked_ms, self.severity, self.owed = as_of_ms, severity_of(found), ()
        for ground in found:
            if (known := self.shown.get(ground.window)) is not None:
                known.asked |= {ground.reason}

    def speak(self, as_of_ms: int) -> None:
        """Note that the asset is spoken of as it is. What was said of a later minute stays said."""
        self.state_ms = max(as_of_ms, self.state_ms or 0)
        self.said = self.state.labels

    def owe(self, found: tuple[Ground, ...]) -> int:
        """Owe these to the next window, and return how many are too many."""
        self.owed = found[-OWED_MAX:]
        return len(found) - len(self.owed)

    def revise_owed(self, aggregate: Aggregate, settings: GateSettings) -> None:
        """Look again for what is owed of a window: it is not told as it was, nor where it is no more."""
        self.owed = tuple(
            now
            for ground in self.owed
            if (now := _revised(ground, aggregate, settings)) is not None
        )

    def let_go(self, aggregate: Aggregate, settings: GateSettings) -> None:
        """Forget what a revision of a window shows no more: what was said of it is withdrawn, and it may come back."""
        known = self.shown.get(window_of(aggregate))
        if known is None or aggregate.edition <= known.edition:
            return
        past = Noted(aggregate, known.usual)
        left = dict(findings(aggregate, past, settings, known.held))
        gone = known.grades.keys() - left.keys()
        if not gone:
            return
        known.edition = aggregate.edition
        known.grades = {reason: known.grades[reason] for reason in known.grades if reason in left}
        self.told -= known.asked & gone
        known.asked -= gone
        if not known.asked and known.end_ms == self.asked_ms:
            self.severity = "info"

    def news_of(
        self, aggregate: Aggregate, found: dict[str, Severity]
    ) -> tuple[tuple[str, Severity], ...]:
        """Return what a window shows that none of its editions had, nor anybody was asked about."""
        known = self.shown.get(window_of(aggregate))
        if known is None:
            return tuple(found.items())
        if aggregate.edition <= known.edition:
            return ()
        return tuple(
            (reason, grade)
            for reason, grade in found.items()
            if reason not in known.asked
            and (reason not in known.grades or _is_worse(grade, known.grades[reason]))
        )

    def remember(self, found: tuple[Ground, ...], past_ms: int) -> int:
        """Note what a window shows; forget those that ended before a time, and return how many beyond the bound."""
        latest = found[0].noted.latest
        grades = {ground.reason: ground.severity for ground in found}
        known = self.shown.get(window_of(latest))
        if known is not None:
            known.edition, known.grades = latest.edition, known.grades | grades
            return 0
        self.shown[window_of(latest)] = Shown(
            latest.edition, latest.window_end_ms, grades, found[0].held, found[0].noted.usual
        )
        for window in [name for name, one in self.shown.items() if one.end_ms <= past_ms]:
            del self.shown[window]
        if len(self.shown) <= FOUND_MAX:
            return 0
        del self.shown[next(iter(self.shown))]
        return 1


def severity_of(found: tuple[Ground, ...]) -> Severity:
    """Return the worst severity of what was found."""
    severity: Severity = "info"
    for ground in found:
        severity = worse(severity, ground.severity)
    return severity


def critical_in(found: tuple[Ground, ...]) -> frozenset[str]:
    """Return the reasons that are critical."""
    return frozenset(ground.reason for ground in found if ground.severity == "critical")


def _is_worse(one: Severity, other: Severity) -> bool:
    return worse(one, other) != other


def _revised(ground: Ground, aggregate: Aggregate, settings: GateSettings) -> Ground | None:
    if not ground.is_of_earlier(aggregate):
        return ground
    noted = Noted(aggregate, ground.noted.usual)
    grade = dict(findings(aggregate, noted, settings, ground.held)).get(ground.reason)
    return None if grade is None else Ground(ground.reason, grade, ground.held, noted)
