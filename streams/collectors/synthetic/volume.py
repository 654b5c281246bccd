"""The volume source: candles that are sums of the tape, and a rolling turnover: PURE.

Candles hold every trade the venues printed, also those that the market source lost or sent late.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from random import Random

from msgspec.structs import replace

from streams.collectors.lateness import LATENESS_MS
from topics import RawEvent, VolumeFlow, VolumeLevel

from .assets import ASSETS, VENUES, Asset
from .chance import chance
from .run import Run
from .tape import mean_size, tape
from .timed import Made, Timed, in_order

CANDLE_MS = 60_000
LEVEL_MS = 86_400_000
LEVEL_EVERY_MIN = 5
"""Minutes between two samples of one venue's turnover; the venues take turns."""
DELAY_MS_MIN, DELAY_MS_MAX = 2_000, 60_000
"""From a candle's close to its arrival."""

_Place = tuple[Asset, str]


def volume(run: Run) -> Iterator[Timed]:
    """Yield a candle of each asset and venue for each whole minute, and their turnovers, with promises."""
    return in_order(_made(run), run, lateness_ms=LATENESS_MS["volume"])


def _made(run: Run) -> Iterator[Made]:
    dice = chance(run.seed, "volume", "delays")
    places = list(product(ASSETS, (name for name, _ in VENUES)))
    turnovers = {place: _Turnover(run, *place) for place in places}
    for close_ms, candle in _minutes(run):
        arriving = []
        for turn, place in enumerate(places):
            traded = candle.get(place, Decimal(0))
            level = turnovers[place].add(traded)
            arriving.append(_arrival(_flow(run, place, close_ms, traded), dice))
            if (close_ms // CANDLE_MS + turn) % LEVEL_EVERY_MIN == 0:
                arriving.append(_arrival(_level(run, place, close_ms, level), dice))
        yield Made(close_ms, arriving)


def _minutes(run: Run) -> Iterator[tuple[int, dict[_Place, Decimal]]]:
    """Yield (close, size traded by place) of each minute that lies whole in the run."""
    close_ms = -(-run.start_ms // CANDLE_MS) * CANDLE_MS + CANDLE_MS
    candle: dict[_Place, Decimal] = {}
    for printed in tape(run):
        while printed.event_ms >= close_ms:
            yield close_ms, candle
            close_ms, candle = close_ms + CANDLE_MS, {}
        if printed.event_ms >= close_ms - CANDLE_MS:
            place = (printed.asset, printed.venue)
            candle[place] = candle.get(place, Decimal(0)) + printed.size
    while close_ms <= run.end_ms:
        yield close_ms, candle
        close_ms, candle = close_ms + CANDLE_MS, {}


class _Turnover:
    """The sum of the last 24 h of candles; those before the start are as expected."""

    def __init__(self, run: Run, asset: Asset, venue: str) -> None:
        trades = run.trades_per_minute * asset.weight * dict(VENUES)[venue]
        expected = asset.size_of(trades * mean_size(asset))
        minutes = LEVEL_MS // CANDLE_MS
        self._candles = deque([expected] * minutes, maxlen=minutes)
        self._sum = expected * minutes

    def add(self, traded: Decimal) -> Decimal:
        """Take the next candle and return the turnover at its close."""
        self._sum += traded - self._candles[0]
        self._candles.append(traded)
        return self._sum


def _arrival(event: RawEvent, dice: Random) -> Timed:
    due_ms = event.event_ms + dice.randint(DELAY_MS_MIN, DELAY_MS_MAX)
    return Timed(due_ms, replace(event, received_ms=due_ms))


def _flow(run: Run, place: _Place, close_ms: int, traded: Decimal) -> VolumeFlow:
    asset, venue = place
    return VolumeFlow(
        subject=asset.name,
        source=run.name,
        venue=venue,
        instrument=asset.instrument,
        event_ms=close_ms,
        received_ms=close_ms,
        span_ms=CANDLE_MS,
        volume=traded,
    )


def _level(run: Run, place: _Place, close_ms: int, level: Decimal) -> VolumeLevel:
    asset, venue = place
    return VolumeLevel(
        subject=asset.name,
        source=run.name,
        venue=venue,
        instrument=asset.instrument,
        event_ms=close_ms,
        received_ms=close_ms,
        span_ms=LEVEL_MS,
        volume=level,
    )
