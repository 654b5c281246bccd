"""Does this asset deserve an analysis now? A pure fold of a partition's aggregates by event time.

So the verdicts are the same whatever the restarts, as long as the fold begins far enough back.
"""

from math import exp
from typing import TypeGuard

from msgspec import Struct

from agents.settings import GateSettings
from topics import Aggregate, DevelopmentValues, MarketValues, Severity, SocialValues
from topics.analysis import Product

from .candidate import worse
from .context import AssetContext, Baseline, Series

MINUTE_MS = 60_000


class Verdict(Struct, frozen=True):
    """The gate's yes: which product, how severe, and why."""

    product: Product
    severity: Severity
    reasons: tuple[str, ...]


class AssetGate(Struct):
    """What the gate remembers of an asset."""

    asked_ms: int | None = None
    """As-of time of its last candidate."""
    severity: Severity = "info"
    state_ms: int | None = None
    """As-of time of its last state narrative or deep dive."""
    buckets: tuple[str, ...] | None = None


class Gate:
    """Decides for one partition."""

    def __init__(self, settings: GateSettings) -> None:
        """Begin with nothing remembered."""
        self._settings = settings
        self._assets: dict[str, AssetGate] = {}

    def consider(self, aggregate: Aggregate, context: AssetContext) -> Verdict | None:
        """Return why the asset deserves an analysis now that this window has come, or None.

        ``aggregate`` is the latest of its family, and revision 0.
        """
        settings = self._settings
        series = context.series[
            (aggregate.kind, aggregate.subject, aggregate.window_ms, aggregate.step_ms)
        ]
        found = _findings(aggregate, series, settings)
        memory = self._assets.setdefault(context.asset, AssetGate())
        as_of_ms = aggregate.window_end_ms
        severity: Severity = "info"
        for _, grade in found:
            severity = worse(severity, grade)
        if found and self._may_ask(memory, as_of_ms, severity):
            memory.asked_ms, memory.severity, memory.state_ms = as_of_ms, severity, as_of_ms
            return Verdict("deep_dive", severity, tuple(reason for reason, _ in found))
        if isinstance(aggregate.values, MarketValues):
            return self._state(memory, as_of_ms, aggregate.values, series)
        return None

    def _may_ask(self, memory: AssetGate, as_of_ms: int, severity: Severity) -> bool:
        """Not twice in a market minute; and within the cool-down only for something worse."""
        if memory.asked_ms is None:
            return True
        if as_of_ms < memory.asked_ms + MINUTE_MS:
            return False
        rested = as_of_ms >= memory.asked_ms + self._settings.cool_down_s * 1000
        return rested or worse(severity, memory.severity) != memory.severity

    def _state(
        self, memory: AssetGate, as_of_ms: int, values: MarketValues, series: Series
    ) -> Verdict | None:
        """Say how the asset is when that has changed, or when the last word is no longer valid."""
        now = buckets(values, series.baseline("volume"), memory.buckets, self._settings)
        changed, memory.buckets = now != memory.buckets, now
        if memory.state_ms is None:
            reason = "state_first"
        elif as_of_ms < memory.state_ms + MINUTE_MS:
            return None
        elif as_of_ms >= memory.state_ms + self._settings.state_valid_s * 1000:
            reason = "state_expired"
        elif changed:
            reason = "state_changed"
        else:
            return None
        memory.state_ms = as_of_ms
        return Verdict("state", "info", (reason,))


def buckets(
    values: MarketValues,
    volume: Baseline | None,
    before: tuple[str, ...] | None,
    settings: GateSettings,
) -> tuple[str, ...]:
    """Return the coarse state of a market window: its direction and its volume.

    With hysteresis: a bucket is left only well inside the next one, so that a value at an edge does not
    flap.
    """
    was_direction, was_volume = before or ("", "")
    move = exp(values.log_return) - 1
    edge = settings.flat_fraction * (0.5 if was_direction in ("up", "down") else 1.0)
    direction = "up" if move > edge else "down" if move < -edge else "flat"
    ratio = values.volume / volume.median if volume and volume.median > 0 else 1.0
    high = settings.high_volume_ratio * (0.7 if was_volume == "high" else 1.0)
    low = (1 / settings.high_volume_ratio) / (0.7 if was_volume == "low" else 1.0)
    return direction, "high" if ratio >= high else "low" if ratio <= low else "usual"


def _findings(
    aggregate: Aggregate, series: Series, settings: GateSettings
) -> list[tuple[str, Severity]]:
    match aggregate.values:
        case MarketValues() as market:
            holed = aggregate.completeness.state == "holed"
            return _market(market, series, settings, holed=holed)
        case SocialValues() as social:
            usual = series.baseline("posts")
            if _known(usual, settings.social_n_min) and social.posts >= max(
                settings.posts_min, settings.social_ratio * usual.median
            ):
                return [("social_spike", "warning")]
        case DevelopmentValues() as development:
            usual = series.baseline("events")
            holed = aggregate.completeness.state == "holed"
            if (
                not holed
                and _known(usual, settings.development_n_min)
                and usual.median >= settings.development_min
                and development.events <= settings.development_drop_ratio * usual.median
            ):
                return [("development_drop", "notice")]
        case _:
            pass
    return []


def _market(
    values: MarketValues, series: Series, settings: GateSettings, *, holed: bool
) -> list[tuple[str, Severity]]:
    """What the seen trades prove counts even in a holed window; what a hole can fake does not."""
    found: list[tuple[str, Severity]] = []
    fall, rise = values.low / values.open - 1, values.high / values.open - 1
    if fall <= -settings.move_fraction:
        found.append(
            ("price_drop", "critical" if fall <= -2 * settings.move_fraction else "warning")
        )
    if rise >= settings.move_fraction:
        found.append(
            ("price_jump", "critical" if rise >= 2 * settings.move_fraction else "warning")
        )
    usual = series.baseline("volume")
    if _known(usual, settings.market_n_min) and usual.median > 0:
        ratio = values.volume / usual.median
        if ratio >= settings.volume_ratio:
            found.append(("volume_spike", "warning"))
        still = (values.high - values.low) / values.open <= settings.still_fraction
        if not holed and still and ratio >= settings.wash_ratio:
            found.append(("volume_without_move", "warning"))
    return found


def _known(baseline: Baseline | None, n_min: int) -> TypeGuard[Baseline]:
    return baseline is not None and baseline.n >= n_min
