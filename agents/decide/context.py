"""What is known of each asset: its latest windows, and what has been usual lately."""

from collections import deque
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
SERIES_MAX = 256
"""Window families of one asset (kind, subject, size); a further one is not kept."""
ASSETS_MAX = 50_000
"""Assets of one partition; a further one is not kept."""

Family = tuple[Kind, str, int, int]
"""kind, subject, window_ms, step_ms"""


class Baseline(Struct, frozen=True):
    """What a value has been in the windows before."""

    median: float
    n: int


class Series:
    """The windows of one family: the latest, and the values of those before it that are not holed."""

    def __init__(self, latest: Aggregate) -> None:
        """Begin with one window."""
        self.latest = latest
        self.before: deque[dict[str, float]] = deque(maxlen=HISTORY_MAX)

    def take(self, aggregate: Aggregate) -> bool:
        """Take a window and return whether it is a new one: later than every one before.

        A holed window says nothing of what is usual: it would make the next whole one look like a surge.
        """
        if aggregate.window_start_ms > self.latest.window_start_ms:
            if self.latest.completeness.state != "holed":
                self.before.append(measures(self.latest))
            self.latest = aggregate
            return True
        same = aggregate.window_start_ms == self.latest.window_start_ms
        if same and aggregate.edition > self.latest.edition:
            self.latest = aggregate
        return False

    def baseline(self, measure: str) -> Baseline | None:
        """Return the median of a measure over the windows before the latest; None without any."""
        values = [window[measure] for window in self.before if measure in window]
        return Baseline(median(values), len(values)) if values else None


class AssetContext:
    """Every window family of one asset."""

    def __init__(self, asset: str) -> None:
        """Begin with nothing known."""
        self.asset = asset
        self.series: dict[Family, Series] = {}

    def take(self, aggregate: Aggregate) -> bool:
        """Fold a window in and return whether it is a new one."""
        family = (
            aggregate.kind,
            aggregate.subject,
            aggregate.window_ms,
            aggregate.step_ms,
        )
        series = self.series.get(family)
        if series is not None:
            return series.take(aggregate)
        if len(self.series) >= SERIES_MAX:
            return False
        self.series[family] = Series(aggregate)
        return True

    def latest_ids(self) -> tuple[str, ...]:
        """Return the ids of all latest windows, in order of family."""
        return tuple(self.series[family].latest.aggregate_id for family in sorted(self.series))


class Context:
    """Every asset of one partition."""

    def __init__(self) -> None:
        """Begin with no asset."""
        self.assets: dict[str, AssetContext] = {}

    def of(self, asset: str) -> AssetContext | None:
        """Return the context of an asset, new if need be; None beyond the bound."""
        found = self.assets.get(asset)
        if found is None and len(self.assets) < ASSETS_MAX:
            found = self.assets[asset] = AssetContext(asset)
        return found


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
