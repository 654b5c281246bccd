"""What is unusual in a window, each finding by its rule, with how severe it is. PURE.

With hysteresis: what was found in the window before is let go only well below the threshold it fired at, so that a
value at the edge does not come and go with each minute.
"""

from typing import Protocol, TypeGuard

from msgspec import Struct

from agents.settings import GateSettings
from topics import Aggregate, DevelopmentValues, MarketValues, Severity, SocialValues

from .context import Baseline, Noted, measures
from .editions import window_of

HOLD = 0.8
"""A finding that is held fires at this part of its threshold."""

Finding = tuple[str, Severity]
Held = dict[str, Severity]
"""By reason, what was found in the family's window before."""


class Past(Protocol):
    """The windows before one."""

    def baseline(self, measure: str) -> Baseline | None:
        """Return what a measure has been in them; None without any."""


class Ground(Struct):
    """One finding, with all it takes to look for it again when its window is revised."""

    reason: str
    severity: Severity
    held: Held
    noted: Noted
    """Its window, in the edition that was looked at last."""
    later: list[tuple[int, Severity | None]] = []
    """What was found in each revision since, with its offset; None: nothing."""

    @property
    def window(self) -> str:
        """The name of its window."""
        return window_of(self.noted.latest)

    def is_of_earlier(self, aggregate: Aggregate) -> bool:
        """Return whether it was looked for in an earlier edition of this window."""
        latest = self.noted.latest
        return self.window == window_of(aggregate) and latest.edition < aggregate.edition

    def revise(self, offset: int, aggregate: Aggregate, settings: GateSettings) -> bool:
        """Look for it in a revision of its window, without the gate; return whether this is a newer one."""
        if aggregate.edition <= self.noted.latest.edition:
            return False
        self.noted = Noted(aggregate, self.noted.usual)
        found = dict(findings(aggregate, self.noted, settings, self.held))
        self.later.append((offset, found.get(self.reason)))
        return True

    def at(self, offset: int) -> Severity | None:
        """Return how severe it is by the revisions up to an offset; None where it is no more."""
        grades = [grade for found_at, grade in self.later if found_at <= offset]
        return grades[-1] if grades else self.severity


def grounds_of(
    aggregate: Aggregate, past: Past, found: tuple[Finding, ...], held: Held
) -> tuple[Ground, ...]:
    """Return the findings of a window with what they rest on."""
    if not found:
        return ()
    usual = {m: known for m in measures(aggregate) if (known := past.baseline(m)) is not None}
    noted = Noted(aggregate, usual)
    return tuple(Ground(reason, grade, held, noted) for reason, grade in found)


def findings(
    aggregate: Aggregate, series: Past, settings: GateSettings, held: Held
) -> tuple[Finding, ...]:
    """Return the findings of a window, given those before. Of a doubtful one only what was seen counts."""
    doubtful = is_doubtful(aggregate)
    match aggregate.values:
        case MarketValues() as market:
            return (
                *_moves(market, settings, held),
                *_volumes(market, series, settings, held, doubtful=doubtful),
            )
        case SocialValues() as social:
            return _posts(social, series, settings, held)
        case DevelopmentValues() as development if not doubtful:
            return _development(development, series, settings, held)
        case _:
            return ()


def is_doubtful(aggregate: Aggregate) -> bool:
    """Return whether a fall, a silence or a standstill may only be missing data: a known gap, a silent source."""
    found = aggregate.completeness
    return found.state == "holed" or bool(found.missing_sources)


def _moves(values: MarketValues, settings: GateSettings, held: Held) -> list[Finding]:
    """Return a fall and a rise from the open: a hole cannot fake an extreme."""
    found: list[Finding] = []
    for reason, move in (
        ("price_drop", 1 - values.low / values.open),
        ("price_jump", values.high / values.open - 1),
    ):
        edge = settings.move_fraction
        if move >= 2 * edge * _hold(reason, held, "critical"):
            found.append((reason, "critical"))
        elif move >= edge * _hold(reason, held):
            found.append((reason, "warning"))
    return found


def _volumes(
    values: MarketValues, series: Past, settings: GateSettings, held: Held, *, doubtful: bool
) -> list[Finding]:
    usual = series.baseline("volume")
    if not _known(usual, settings.market_n_min) or usual.median <= 0:
        return []
    found: list[Finding] = []
    ratio = values.volume / usual.median
    if ratio >= settings.volume_ratio * _hold("volume_spike", held):
        found.append(("volume_spike", "warning"))
    hold = _hold("volume_without_move", held)
    still = (values.high - values.low) / values.open <= settings.still_fraction / hold
    if not doubtful and still and ratio >= settings.wash_ratio * hold:
        found.append(("volume_without_move", "warning"))
    return found


def _posts(
    values: SocialValues, series: Past, settings: GateSettings, held: Held
) -> tuple[Finding, ...]:
    usual = series.baseline("posts")
    if not _known(usual, settings.social_n_min):
        return ()
    edge = max(settings.posts_min, settings.social_ratio * usual.median)
    fires = values.posts >= edge * _hold("social_spike", held)
    return (("social_spike", "warning"),) if fires else ()


def _development(
    values: DevelopmentValues, series: Past, settings: GateSettings, held: Held
) -> tuple[Finding, ...]:
    usual = series.baseline("events")
    if not _known(usual, settings.development_n_min) or usual.median < settings.development_min:
        return ()
    edge = settings.development_drop_ratio * usual.median
    fires = values.events <= edge / _hold("development_drop", held)
    return (("development_drop", "notice"),) if fires else ()


def _hold(reason: str, held: Held, grade: Severity | None = None) -> float:
    """Return the part of a threshold that still fires: less than all of it where the reason is held (so graded)."""
    if grade is None:
        return HOLD if reason in held else 1.0
    return HOLD if held.get(reason) == grade else 1.0


def _known(baseline: Baseline | None, n_min: int) -> TypeGuard[Baseline]:
    return baseline is not None and baseline.n >= n_min
