"""What is known of each asset: its latest windows, and what has been usual lately."""

from collections import deque
from collections.abc import Iterable
from statistics import median

from msgspec import Struct

from topics import (
    Aggregate,
    DevelopmentValues,
    Kind,
    MarketValues,
    SocialValues,
    VolumeValues,
)

HISTORY_MAX = 30
"""Windows a baseline rests on."""
REACH_MS = 14_400_000
"""How far back a baseline reaches unless said otherwise: the hours of development need this much."""
SERIES_MAX = 256
"""Window families of one asset (kind, subject, size); a further one is not kept."""
ASSETS_MAX = 50_000
"""Assets of one partition; a further one is not kept."""
NOTED_MAX = 64
"""Windows of one asset that findings stood on and that are found again by their ids; of more the oldest are forgotten.

A replay looks them up. They are needed as long as a candidate that shows one may be taken over with it, which is a
quarter of an hour of event time (`agents.decide.candidate.CARRIED_MS`): at one a minute, each with three windows, and
five minutes more for posts, these are sixty.
"""
NOTED_MS = 3_600_000
"""Of event time, after which they are forgotten however few: a late one is a quarter of an hour old, and may be carried as
long. An asset that is dived into now and then would else keep its last 64 for ever."""

Family = tuple[Kind, str, int, int]
"""kind, subject, window_ms, step_ms"""
Labels = tuple[tuple[str, str], ...]
"""A state in coarse words, each with what it is of."""


def family_of(aggregate: Aggregate) -> Family:
    """Return the family of a window."""
    return aggregate.kind, aggregate.subject, aggregate.window_ms, aggregate.step_ms


class Baseline(Struct, frozen=True):
    """What a value has been in the windows before."""

    median: float
    n: int


class Noted(Struct, frozen=True):
    """A window that a finding stands on, with what had been usual before it."""

    latest: Aggregate
    usual: dict[str, Baseline]

    def baseline(self, measure: str) -> Baseline | None:
        """Return what a measure had been in the windows before, when the window came first."""
        return self.usual.get(measure)


class Series:
    """The windows of one family: the latest, and the values of those before it that are not holed."""

    def __init__(self, latest: Aggregate, reach_ms: int = REACH_MS) -> None:
        """Begin with one window. A baseline reaches ``reach_ms`` back from the latest one."""
        self.latest, self._reach_ms = latest, reach_ms
        self.before: deque[dict[str, float]] = deque(maxlen=HISTORY_MAX)
        self._starts_ms: deque[int] = deque(maxlen=HISTORY_MAX)

    def take(self, aggregate: Aggregate) -> bool:
        """Take a window and return whether it is a new one: later than every one before.

        A holed window says nothing of what is usual: it would make the next whole one look like a surge.
        """
        if aggregate.window_start_ms > self.latest.window_start_ms:
            if self.latest.completeness.state != "holed":
                self.before.append(measures(self.latest))
                self._starts_ms.append(self.latest.window_start_ms)
            self.latest = aggregate
            self._forget(aggregate.window_start_ms - self._reach_ms)
            return True
        same = aggregate.window_start_ms == self.latest.window_start_ms
        if same and aggregate.edition > self.latest.edition:
            self.latest = aggregate
        return False

    def _forget(self, before_ms: int) -> None:
        while self._starts_ms and self._starts_ms[0] < before_ms:
            self._starts_ms.popleft()
            self.before.popleft()

    def baseline(self, measure: str) -> Baseline | None:
        """Return the median of a measure over the windows before the latest; None without any."""
        return _median_of(self.before, measure)

    def past_of(self, aggregate: Aggregate) -> Noted:
        """Return a window that is not new with what had been usual before it, as far as that is still known."""
        starts = zip(self._starts_ms, self.before, strict=True)
        before = [told for start_ms, told in starts if start_ms < aggregate.window_start_ms]
        usual = {m: known for m in measures(aggregate) if (known := _median_of(before, m))}
        return Noted(aggregate, usual)


class AssetContext:
    """Every window family of one asset."""

    def __init__(self, asset: str, reach_ms: int = REACH_MS) -> None:
        """Begin with nothing known."""
        self.asset, self._reach_ms = asset, reach_ms
        self.series: dict[Family, Series] = {}
        self.noted: dict[str, Noted] = {}
        """By id, the windows that findings stood on, those noted last at the end."""
        self.labels: dict[str, Labels] = {}
        """By candidate, the state it was made in; those made last at the end."""
        self.refused = 0
        """Windows of families beyond the bound."""

    def take(self, aggregate: Aggregate) -> bool:
        """Fold a window in and return whether it is a new one."""
        family = family_of(aggregate)
        series = self.series.get(family)
        self._forget()
        if series is not None:
            return series.take(aggregate)
        if len(self.series) >= SERIES_MAX:
            self.refused += 1
            return False
        self.series[family] = Series(aggregate, self._reach_ms)
        return True

    def knows(self, aggregate: Aggregate) -> bool:
        """Return whether the windows of its family are kept."""
        return family_of(aggregate) in self.series

    def note(self, windows: Iterable[Noted]) -> None:
        """Keep windows that a candidate shows: they may not be the latest when it is told, or told again."""
        for window in windows:
            self.noted.pop(window.latest.aggregate_id, None)
            self.noted[window.latest.aggregate_id] = window
            if len(self.noted) > NOTED_MAX:
                del self.noted[next(iter(self.noted))]

    def label(self, candidate_id: str, labels: Labels) -> None:
        """Keep the state that a candidate is made in: a replay asks for it, as long as for the windows."""
        self.labels[candidate_id] = labels
        if len(self.labels) > NOTED_MAX:
            del self.labels[next(iter(self.labels))]

    def _forget(self) -> None:
        """Forget what is old by its own family: others may be read hours ahead of it."""
        for name, window in list(self.noted.items()):
            latest = self.series[family_of(window.latest)].latest
            if latest.window_end_ms - window.latest.window_end_ms < NOTED_MS:
                break  # they come in about the order of their times
            del self.noted[name]

    def event_ms(self) -> int:
        """Return how far the asset's event time has come: the end of its newest window."""
        return max((s.latest.window_end_ms for s in self.series.values()), default=0)

    def latest_ids(self) -> tuple[str, ...]:
        """Return the ids of all latest windows, in order of family."""
        return tuple(self.series[family].latest.aggregate_id for family in sorted(self.series))


class Context:
    """Every asset of one partition."""

    def __init__(self, reach_ms: int = REACH_MS) -> None:
        """Begin with no asset. Baselines reach ``reach_ms`` of event time back."""
        self.assets: dict[str, AssetContext] = {}
        self._reach_ms = reach_ms
        self._refused = 0

    @property
    def refused(self) -> int:
        """Windows that were not kept, because an asset or a family was beyond its bound."""
        return self._refused + sum(context.refused for context in self.assets.values())

    def of(self, asset: str) -> AssetContext | None:
        """Return the context of an asset, new if need be; None beyond the bound."""
        found = self.assets.get(asset)
        if found is None:
            if len(self.assets) >= ASSETS_MAX:
                self._refused += 1
                return None
            found = self.assets[asset] = AssetContext(asset, self._reach_ms)
        return found


def _median_of(windows: Iterable[dict[str, float]], measure: str) -> Baseline | None:
    values = [window[measure] for window in windows if measure in window]
    return Baseline(median(values), len(values)) if values else None


def measures(aggregate: Aggregate) -> dict[str, float]:
    """Return the numbers of a window that are compared with its past."""
    match aggregate.values:
        case MarketValues() as market:
            return {
                "volume": market.volume,
                "return": abs(market.log_return),
                "trades": float(market.trades),
            }
        case VolumeValues() as volume:
            return {"flow": volume.flow} | ({} if volume.level is None else {"level": volume.level})
        case SocialValues() as social:
            return {"posts": float(social.posts), "tone": social.tone_mean}
        case DevelopmentValues() as development:
            return {"events": float(development.events)}
