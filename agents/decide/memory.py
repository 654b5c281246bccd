"""What the gate remembers of an asset: what it asked, what it owes, and what windows have shown. PURE."""

from collections.abc import Iterable

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

Told = tuple[str, str]
"""A reason, and the window it was found in."""


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
    grades: dict[Told, Severity] = {}
    """What that one stands on, how severe; of what revisions show less or no more, that."""
    told: frozenset[Told] = frozenset()
    """What was critical in its deep dives since it was last asked about rested, likewise."""
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

    @property
    def severity(self) -> Severity:
        """Of its last deep dive, as far as that holds."""
        return _worst(self.grades.values())

    def is_news(self, found: tuple[Ground, ...]) -> bool:
        """Return whether it is worse than what was asked last, or critical in another way."""
        is_worse = _is_worse(_worst(ground.severity for ground in found), self.severity)
        told = {reason for reason, _ in self.told}
        return is_worse or any(reason not in told for reason, _ in _critical_in(found))

    def is_too_soon(self, as_of_ms: int) -> bool:
        """Return whether the asset was asked about in this minute or a later one, or may have been."""
        if as_of_ms < self.since_ms:
            return True
        return self.asked_ms is not None and as_of_ms < self.asked_ms + MINUTE_MS

    def ask(self, as_of_ms: int, found: tuple[Ground, ...], *, rested: bool) -> None:
        """Note that a deep dive is asked for."""
        critical = _critical_in(found)
        self.told = critical if rested else self.told | critical
        self.grades = {(ground.reason, ground.window): ground.severity for ground in found}
        self.asked_ms, self.owed = as_of_ms, ()
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
        """Forget what a revision of a window shows no more: what was said of it is withdrawn, and it may come back.

        The same reason, found in another window that was asked about, holds. What it shows less of is as severe as it is
        now: what supersedes says so, and the next crash is worse than that.
        """
        window = window_of(aggregate)
        known = self.shown.get(window)
        if known is None or aggregate.edition <= known.edition:
            return
        past = Noted(aggregate, known.usual)
        left = dict(findings(aggregate, past, settings, known.held))
        self._relieve(window, left)
        gone = known.grades.keys() - left.keys()
        if not gone:
            return
        known.edition = aggregate.edition
        known.grades = {reason: known.grades[reason] for reason in known.grades if reason in left}
        known.asked -= gone

    def _relieve(self, window: str, left: dict[str, Severity]) -> None:
        """Hold what was asked of a window to be no worse than it is now."""
        self.told = frozenset(
            (reason, of)
            for reason, of in self.told
            if of != window or left.get(reason) == "critical"
        )
        self.grades = {
            (reason, of): grade if of != window or _is_worse(left[reason], grade) else left[reason]
            for (reason, of), grade in self.grades.items()
            if of != window or reason in left
        }

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


def _worst(severities: Iterable[Severity]) -> Severity:
    severity: Severity = "info"
    for one in severities:
        severity = worse(severity, one)
    return severity


def _critical_in(found: tuple[Ground, ...]) -> frozenset[Told]:
    return frozenset((g.reason, g.window) for g in found if g.severity == "critical")


def _is_worse(one: Severity, other: Severity) -> bool:
    return worse(one, other) != other


def _revised(ground: Ground, aggregate: Aggregate, settings: GateSettings) -> Ground | None:
    if not ground.is_of_earlier(aggregate):
        return ground
    noted = Noted(aggregate, ground.noted.usual)
    grade = dict(findings(aggregate, noted, settings, ground.held)).get(ground.reason)
    return None if grade is None else Ground(ground.reason, grade, ground.held, noted)
