"""The price of one asset through time: a random walk with regimes, and what incidents do to it: PURE."""

from math import exp, sqrt
from random import Random
from typing import NamedTuple

from .assets import Asset
from .chance import chance
from .incidents import FALL_MS, Incident
from .run import Run

_MINUTE_MS = 60_000
REGIME_MINUTES = 20.0
"""A regime's mean length."""
HOME_MINUTES = 720.0
"""The walk is drawn to where it began, by 1/e in this time, so that long runs stay in believable prices."""
FALL = 0.08
"""Of the price, at the lowest of a flash crash."""
LASTING_FALL = 0.04
"""Of the price, after it."""
WASH_CALM = 0.03
"""How much of the volatility is left while an asset is washed."""


class Regime(NamedTuple):
    """A mood of the market, against a normal one."""

    drift: float
    """Of the log price, each minute."""
    volatility: float
    pace: float
    """Of the trades."""
    buys: float
    """Share of trades whose taker buys."""


REGIMES: tuple[tuple[Regime, float], ...] = (
    (Regime(0.0, 1.0, 1.0, 0.50), 4.0),
    (Regime(0.0, 0.6, 0.8, 0.50), 3.0),
    (Regime(0.00008, 1.1, 1.1, 0.55), 1.5),
    (Regime(-0.00008, 1.2, 1.1, 0.45), 1.5),
    (Regime(0.0, 1.8, 1.3, 0.50), 1.0),
)
"""Each with its weight; the weighted mean pace is 1."""


class Regimes:
    """An asset's regimes, asked in the order of time."""

    def __init__(self, run: Run, asset: Asset) -> None:
        """Begin with one at the start."""
        self._dice = chance(run.seed, "market", asset.name, "regimes")
        self.until_ms = run.start_ms
        self.now = REGIMES[0][0]

    def at(self, time_ms: int) -> Regime:
        """Return the regime of an instant, which is not before the one asked for last."""
        while time_ms >= self.until_ms:
            regimes, weights = zip(*REGIMES, strict=True)
            self.now = self._dice.choices(regimes, weights)[0]
            self.until_ms += 1 + int(self._dice.expovariate(1 / REGIME_MINUTES) * _MINUTE_MS)
        return self.now


class Walk:
    """An asset's price between the bid and the ask, asked in the order of time."""

    def __init__(self, run: Run, asset: Asset, dice: Random) -> None:
        """Begin at the asset's price."""
        self._asset, self._dice = asset, dice
        self._at_ms = run.start_ms
        self._log = 0.0
        self._crashes = [
            i for i in run.incidents if i.asset == asset.name and i.kind == "flash_crash"
        ]

    def at(self, time_ms: int, regime: Regime, *, calm: float = 1.0) -> float:
        """Return the price at an instant; ``calm`` is the share of the volatility that is left."""
        minutes = (time_ms - self._at_ms) / _MINUTE_MS
        self._at_ms = time_ms
        noise = self._asset.volatility * regime.volatility * sqrt(minutes) * self._dice.gauss()
        home = -self._log * minutes / HOME_MINUTES
        self._log += home + calm * (regime.drift * minutes + noise)
        price = self._asset.price * exp(self._log)
        for crash in self._crashes:
            price *= crash_factor(crash, time_ms)
        return price


def crash_factor(crash: Incident, time_ms: int) -> float:
    """Return what a flash crash leaves of the price at an instant: down by 8 % in 60 s, then half way back."""
    since_ms = time_ms - crash.from_ms
    if since_ms <= 0:
        return 1.0
    if since_ms < FALL_MS:
        return 1 - FALL * since_ms / FALL_MS
    lasts_ms = max(crash.to_ms - crash.from_ms - FALL_MS, 1)
    back = min(1.0, (since_ms - FALL_MS) / lasts_ms)
    return 1 - FALL + (FALL - LASTING_FALL) * back
