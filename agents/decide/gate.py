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


Buckets = tuple[str, ...]


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
    buckets: dict[str, Buckets] = {}
    """Of each instrument's last window."""
    said: dict[str, Buckets] = {}
    """Of each instrument's window that was last spoken of."""


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
        changed = self._has_changed(memory, aggregate, series)
        severity: Severity = "info"
        for _, grade in found:
            severity = worse(severity, grade)
        if found and self._may_ask(memory, as_of_ms, severity):
            memory.asked_ms, memory.severity = as_of_ms, severity
            verdict = Verdict("deep_dive", severity, tuple(reason for reason, _ in found))
        elif isinstance(aggregate.values, MarketValues) and (
            reason := self._state_reason(memory, as_of_ms, changed=changed)
        ):
            verdict = Verdict("state", "info", (reason,))
        else:
            return None
        # Social windows come after younger market windows: what was said of a later minute stays said.
        memory.state_ms = max(as_of_ms, memory.state_ms or 0)
        if aggregate.subject in memory.buckets:
            memory.said[aggregate.subject] = memory.buckets[aggregate.subject]
        return verdict

    def _may_ask(self, memory: AssetGate, as_of_ms: int, severity: Severity) -> bool:
        """Not twice in a market minute; and within the cool-down only for something worse."""
        if memory.asked_ms is None:
            return True
        if as_of_ms < memory.asked_ms + MINUTE_MS:
            return False
        rested = as_of_ms >= memory.asked_ms + self._settings.cool_down_s * 1000
        return rested or worse(severity, memory.severity) != memory.severity

    def _has_changed(self, memory: AssetGate, aggregate: Aggregate, series: Series) -> bool:
        """Note an instrument's buckets, and return whether they are not those last spoken of."""
        if not isinstance(aggregate.values, MarketValues):
            return False
        subject = aggregate.subject
        now = memory.buckets[subject] = buckets(
            aggregate.values,
            series.baseline("volume"),
            memory.buckets.get(subject),
            self._settings,
            holed=_is_doubtful(aggregate),
        )
        return now != memory.said.setdefault(subject, now)

    def _state_reason(self, memory: AssetGate, as_of_ms: int, *, changed: bool) -> str | None:
        """Say how the asset is when that has changed, or when the last word is no longer valid."""
        if memory.state_ms is None:
            return "state_first"
        if as_of_ms < memory.state_ms + MINUTE_MS:
            return None
        if as_of_ms >= memory.state_ms + self._settings.state_valid_s * 1000:
            return "state_expired"
        return "state_changed" if changed else None


def buckets(
    values: MarketValues,
    volume: Baseline | None,
    before: Buckets | None,
    settings: GateSettings,
    *,
    holed: bool = False,
) -> Buckets:
    """Return the coarse state of a market window: its direction and its volume.

    With hysteresis: a bucket is left only well inside the next one, so that a value at an edge does not
    flap. Of a holed window only a high volume is proven; else the bucket stays what it was.
    """
    was_direction, was_volume = before or ("", "usual")
    move = exp(values.log_return) - 1
    edge = settings.flat_fraction * (0.5 if was_direction in ("up", "down") else 1.0)
    direction = "up" if move > edge else "down" if move < -edge else "flat"
    ratio = values.volume / volume.median if volume and volume.median > 0 else 1.0
    high = settings.high_volume_ratio * (0.7 if was_volume == "high" else 1.0)
    low = (1 / settings.high_volume_ratio) / (0.7 if was_volume == "low" else 1.0)
    if holed and ratio < high:
        return direction, was_volume
    return direction, "high" if ratio >= high else "low" if ratio <= low else "usual"


def _findings(
    aggregate: Aggregate, series: Series, settings: GateSettings
) -> list[tuple[str, Severity]]:
    match aggregate.values:
        case MarketValues() as market:
            return _market(market, series, settings, holed=_is_doubtful(aggregate))
        case SocialValues() as social:
            usual = series.baseline("posts")
            if _known(usual, settings.social_n_min) and social.posts >= max(
                settings.posts_min, settings.social_ratio * usual.median
            ):
                return [("social_spike", "warning")]
        case DevelopmentValues() as development:
            usual = series.baseline("events")
            if (
                not _is_doubtful(aggregate)
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


def _is_doubtful(aggregate: Aggregate) -> bool:
    """Return whether a fall, a silence or a standstill may only be missing data: a known gap, a silent source."""
    found = aggregate.completeness
    return found.state == "holed" or bool(found.missing_sources)


def _known(baseline: Baseline | None, n_min: int) -> TypeGuard[Baseline]:
    return baseline is not None and baseline.n >= n_min
