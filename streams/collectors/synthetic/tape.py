"""What the invented venues really printed, in order and without a hole: PURE.

The market source distorts it on the way; the volume source's candles are sums of it.
"""

from collections.abc import Iterator
from decimal import Decimal
from heapq import merge
from math import exp
from random import Random
from typing import NamedTuple

from topics import Side

from .assets import ASSETS, VENUES, Asset
from .chance import Rate, arrivals, chance
from .incidents import FALL_MS, Incident
from .prices import WASH_CALM, Regime, Regimes, Walk
from .run import Run

SIZE_SPREAD = 0.7
"""Standard deviation of the log size."""
SIZE_TIMES_MAX = 50.0
"""Of the median: no ordinary trade is larger."""
HALF_SPREAD = 0.0002
"""Of the price: buys print above it, sells below."""
CRASH_PACE, CRASH_SIZE = 2.5, 4.0
"""Times the usual number and size of trades in a flash crash."""
CRASH_SELLS = 0.85
"""Share of trades whose taker sells while it falls."""
SPIKE_PACE, SPIKE_SIZE = 2.0, 12.0
"""Times the usual number and size of trades in a volume spike."""
WASH_EVERY_MS = 3_000
WASH_JITTER_MS = 400
WASH_SIZE = 25.0
"""Times the median, each of them."""
WASH_VENUE = "simtrade"
NUMBERS_PER_MS = 100
"""Sequence numbers begin at the start's milliseconds times this, so that a later run never has an earlier
run's numbers: no instrument trades more often."""


class Print(NamedTuple):
    """One trade as its venue printed it."""

    event_ms: int
    asset: Asset
    venue: str
    number: int
    """Contiguous within (venue, instrument)."""
    price: Decimal
    size: Decimal
    side: Side


def tape(run: Run) -> Iterator[Print]:
    """Yield every trade of every asset and venue, in the order of event time."""
    return merge(*(_AssetTape(run, asset).prints() for asset in ASSETS), key=lambda p: p.event_ms)


class _AssetTape:
    """One asset's trades. Only ever read once, from the start."""

    def __init__(self, run: Run, asset: Asset) -> None:
        self._run, self._asset = run, asset
        self._incidents = run.incidents_of(
            asset.name, "flash_crash", "volume_spike", "wash_trading"
        )
        self._dice = chance(run.seed, "market", asset.name, "prints")
        self._regimes = Regimes(run, asset)
        self._walk = Walk(run, asset, chance(run.seed, "market", asset.name, "walk"))
        self._numbers = dict.fromkeys((name for name, _ in VENUES), run.start_ms * NUMBERS_PER_MS)

    def prints(self) -> Iterator[Print]:
        """Yield them in order."""
        run = self._run
        times = chance(run.seed, "market", self._asset.name, "times")
        ordinary = ((at, 0) for at in arrivals(times, self._rate, run.start_ms, run.end_ms))
        washed = ((at, number) for number, at in enumerate(self._wash_times(), 1))
        for at_ms, wash_number in merge(ordinary, washed):
            yield self._wash(at_ms, wash_number) if wash_number else self._ordinary(at_ms)

    def _rate(self, time_ms: int) -> Rate:
        regime = self._regimes.at(time_ms)
        active, until_ms = self._incidents.at(time_ms)
        crash, spike = _find(active, "flash_crash"), _find(active, "volume_spike")
        times = CRASH_PACE if crash else SPIKE_PACE if spike else 1.0
        rate = self._run.trades_per_minute * self._asset.weight * regime.pace * times
        return Rate(rate, min(until_ms, self._regimes.until_ms))

    def _wash_times(self) -> Iterator[int]:
        dice = chance(self._run.seed, "market", self._asset.name, "wash")
        for incident in self._run.incidents:
            if incident.kind == "wash_trading" and incident.asset == self._asset.name:
                for at_ms in range(
                    incident.from_ms, incident.to_ms - WASH_JITTER_MS, WASH_EVERY_MS
                ):
                    yield at_ms + dice.randrange(WASH_JITTER_MS)

    def _ordinary(self, at_ms: int) -> Print:
        asset, dice = self._asset, self._dice
        regime = self._regimes.now
        active, _ = self._incidents.at(at_ms)
        crash = _find(active, "flash_crash")
        falling = crash is not None and at_ms < crash.from_ms + FALL_MS
        buys = dice.random() < (1 - CRASH_SELLS if falling else regime.buys)
        venue = dice.choices(*zip(*VENUES, strict=True))[0]
        times = CRASH_SIZE if crash else SPIKE_SIZE if _find(active, "volume_spike") else 1.0
        price = self._price(at_ms, regime, active) * (1 + (HALF_SPREAD if buys else -HALF_SPREAD))
        return self._print(
            at_ms, venue, price, times * _size(asset, dice), "buy" if buys else "sell"
        )

    def _wash(self, at_ms: int, number: int) -> Print:
        active, _ = self._incidents.at(at_ms)
        price = self._price(at_ms, self._regimes.now, active)
        side: Side = "buy" if number % 2 else "sell"
        return self._print(at_ms, WASH_VENUE, price, WASH_SIZE * self._asset.size, side)

    def _price(self, at_ms: int, regime: Regime, active: tuple[Incident, ...]) -> float:
        calm = WASH_CALM if _find(active, "wash_trading") else 1.0
        return self._walk.at(at_ms, regime, calm=calm)

    def _print(self, at_ms: int, venue: str, price: float, size: float, side: Side) -> Print:
        self._numbers[venue] += 1
        asset = self._asset
        return Print(
            at_ms,
            asset,
            venue,
            self._numbers[venue],
            asset.price_of(price),
            asset.size_of(size),
            side,
        )


def mean_size(asset: Asset) -> float:
    """Return the mean of an ordinary trade's size: of a lognormal one, median x exp(variance / 2)."""
    return asset.size * exp(SIZE_SPREAD**2 / 2)


def _size(asset: Asset, dice: Random) -> float:
    return asset.size * min(SIZE_TIMES_MAX, exp(SIZE_SPREAD * dice.gauss()))


def _find(active: tuple[Incident, ...], kind: str) -> Incident | None:
    return next((incident for incident in active if incident.kind == kind), None)
