"""How much disorder a run has planted by an instant: PURE, for those who check that all of it was found."""

from collections import Counter

from msgspec import Struct

from .market import market
from .run import run_of
from .settings import SyntheticSettings


class Planted(Struct, frozen=True, kw_only=True):
    """Counts by the names of the counters that must show them: of the fold, and of the collector's tally."""

    duplicates: int = 0
    corrected: int = 0
    """Trades that came late but in time, and those that filled holes."""
    late: int = 0
    gaps_detected: int = 0
    gaps_filled: int = 0
    gaps_permanent: int = 0
    refused: int = 0


def planted(settings: SyntheticSettings, *, start_ms: int, until_ms: int) -> Planted:
    """Return what has arrived by an instant of event time of a run from ``start_ms`` on.

    It takes the time of generating the market up to there: some seconds for a day of 60 trades a minute.
    """
    counts: Counter[str] = Counter()
    for timed in market(run_of("planted", settings, start_ms)):
        if timed.due_ms > until_ms:
            break
        counts.update(timed.planted)
    return Planted(**counts)
