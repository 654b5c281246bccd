"""Does this asset deserve an analysis now? A pure fold of a partition's aggregates by event time.

So the verdicts are the same whatever the restarts, as long as the fold begins far enough back. How far that is has
a bound: what is usual is worked out of the last `baseline_s`, and the memory of an asset begins anew each
`memory_s` of event time, at instants of the asset's own. Without the second, cool-downs and expiries would follow
upon each other for ever, and a fold begun later would count them from elsewhere.
"""

from math import exp

from msgspec import Struct

from agents.settings import GateSettings
from topics import Aggregate, MarketValues, Severity
from topics.analysis import Product
from topics.identity import murmur2

from .candidate import SEVERITIES, SHOWN_MAX, worse
from .context import AssetContext, Baseline, Family, Noted, Series
from .findings import Ground, Held, findings, grounds_of, is_doubtful

MINUTE_MS = 60_000

Buckets = tuple[str, ...]


class Verdict(Struct, frozen=True):
    """The gate's yes: which product, how severe, and why."""

    product: Product
    severity: Severity
    reasons: tuple[str, ...]
    grounds: tuple[Ground, ...] = ()
    """What the reasons rest on; a state's rest on nothing that a revision could undo."""

    @property
    def lead(self) -> str | None:
        """The subject it is about: of the worst that was found, the last; None of a state, which is of its window.

        What is owed from the minute before is asked with the next window of any instrument, which may be a calm one.
        """
        worst = self.shown[:1]
        return worst[0].latest.subject if worst else None

    @property
    def shown(self) -> tuple[Noted, ...]:
        """The windows it stands on, at most `SHOWN_MAX`: those of the worst first, of these the one found last."""
        order = sorted(self.grounds, key=lambda ground: SEVERITIES.index(ground.severity))
        windows: dict[str, Noted] = {}
        for ground in reversed(order):
            windows.setdefault(ground.window, ground.noted)
        return tuple(windows.values())[:SHOWN_MAX]


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
    buckets: dict[str, Buckets] = {}
    """Of each instrument's last window."""
    said: dict[str, Buckets] = {}
    """Of each instrument's window that was last spoken of."""
    held: dict[Family, Held] = {}
    """What was found in the last window of each family."""
    owed: tuple[Ground, ...] = ()
    """Worse than what was asked in the same minute, and to be asked in the next."""


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
        as_of_ms = aggregate.window_end_ms
        memory = self._memory(context.asset, as_of_ms)
        family = (aggregate.kind, aggregate.subject, aggregate.window_ms, aggregate.step_ms)
        series = context.series[family]
        found = memory.owed + self._found(memory, family, aggregate, series)
        changed = self._has_changed(memory, aggregate, series)
        severity: Severity = "info"
        for ground in found:
            severity = worse(severity, ground.severity)
        critical = frozenset(ground.reason for ground in found if ground.severity == "critical")
        is_news = _is_worse(severity, memory) or not critical <= memory.told
        if found and self._may_ask(memory, as_of_ms, is_news=is_news):
            rested = self._is_rested(memory, as_of_ms)
            memory.told = critical if rested else memory.told | critical
            memory.asked_ms, memory.severity, memory.owed = as_of_ms, severity, ()
            reasons = tuple(dict.fromkeys(ground.reason for ground in found))
            verdict = Verdict("deep_dive", severity, reasons, found)
        elif is_news and _is_too_soon(memory, as_of_ms):
            memory.owed = found
            return None
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

    def _memory(self, asset: str, as_of_ms: int) -> AssetGate:
        """Return what is remembered of an asset in its present era; a late window belongs to that one too.

        The instants at which eras begin are spread by the asset's name: not all speak in the same minute.
        """
        memory_ms = int(self._settings.memory_s * 1000)
        shift_ms = murmur2(asset.encode()) % memory_ms
        era = (as_of_ms + shift_ms) // memory_ms
        memory = self._assets.get(asset)
        if memory is None or era > memory.era:
            owed = () if memory is None else memory.owed
            since_ms = era * memory_ms - shift_ms
            memory = self._assets[asset] = AssetGate(era=era, since_ms=since_ms, owed=owed)
        return memory

    def _found(
        self, memory: AssetGate, family: Family, aggregate: Aggregate, series: Series
    ) -> tuple[Ground, ...]:
        """Return a window's findings, and hold them for the next: what was found is let go later than it fired."""
        held = memory.held.get(family, {})
        found = findings(aggregate, series, self._settings, held)
        # A gap may hide that something goes on: what was held is neither found there nor forgotten.
        memory.held[family] = (held if is_doubtful(aggregate) else {}) | dict(found)
        return grounds_of(aggregate, series, found, held)

    def _may_ask(self, memory: AssetGate, as_of_ms: int, *, is_news: bool) -> bool:
        """Not twice in a market minute; and within the cool-down only for news: a worse thing, or another critical one.

        A crash behind a jump is as critical, and no repetition. News that come in the same minute, of another
        instrument say, are owed to the next.
        """
        if _is_too_soon(memory, as_of_ms):
            return False
        return is_news or self._is_rested(memory, as_of_ms)

    def _is_rested(self, memory: AssetGate, as_of_ms: int) -> bool:
        """Return whether the cool-down of the last deep dive is over."""
        if memory.asked_ms is None:
            return True
        return as_of_ms >= memory.asked_ms + self._settings.cool_down_s * 1000

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
            holed=is_doubtful(aggregate),
        )
        return now != memory.said.setdefault(subject, now)

    def _state_reason(self, memory: AssetGate, as_of_ms: int, *, changed: bool) -> str | None:
        """Say how the asset is when that has changed, or when the last word is no longer valid."""
        if as_of_ms < memory.since_ms:
            return None
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


def _is_worse(severity: Severity, memory: AssetGate) -> bool:
    return worse(severity, memory.severity) != memory.severity


def _is_too_soon(memory: AssetGate, as_of_ms: int) -> bool:
    """Return whether the asset was asked about in this minute or a later one, or may have been."""
    if as_of_ms < memory.since_ms:
        return True
    return memory.asked_ms is not None and as_of_ms < memory.asked_ms + MINUTE_MS
