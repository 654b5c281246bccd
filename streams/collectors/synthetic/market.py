"""The market source: the tape as it arrives, with or without disorder: PURE."""

from collections.abc import Iterator
from random import Random

from streams.collectors.lateness import LATENESS_MS
from topics import Trade

from .chance import chance
from .disorder import Disorder
from .run import Run
from .tape import Print, tape
from .timed import Made, Timed, in_order

DELAY_MS_MIN, DELAY_MS_MEAN, DELAY_MS_MAX = 30, 180, 1_900
"""From the print to its arrival: at the bound still within the source's lateness."""


def market(run: Run) -> Iterator[Timed]:
    """Yield the trades of a run in the order they arrive, with promises."""
    return in_order(_made(run), run, lateness_ms=LATENESS_MS["market"])


def _made(run: Run) -> Iterator[Made]:
    """Yield each print with its arrival. One venue's trades keep their order: it is one connection."""
    dice = chance(run.seed, "market", "delays")
    disorder = Disorder(run) if run.disorder else None
    arrived_ms: dict[str, int] = {}
    for printed in tape(run):
        due_ms = max(arrived_ms.get(printed.venue, 0), printed.event_ms + _delay_ms(dice))
        arrived_ms[printed.venue] = due_ms
        trade = _trade(run, printed, due_ms)
        arriving = [Timed(due_ms, trade)] if disorder is None else disorder.take(trade)
        yield Made(printed.event_ms, arriving)


def _delay_ms(dice: Random) -> int:
    return min(DELAY_MS_MAX, DELAY_MS_MIN + int(dice.expovariate(1 / DELAY_MS_MEAN)))


def _trade(run: Run, printed: Print, due_ms: int) -> Trade:
    return Trade(
        subject=printed.asset.instrument,
        source=run.name,
        venue=printed.venue,
        trade_id=str(printed.number),
        event_ms=printed.event_ms,
        received_ms=due_ms,
        price=printed.price,
        size=printed.size,
        side=printed.side,
        sequence=printed.number,
    )
