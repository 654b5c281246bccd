"""Markets in which it is known how good a forecaster is: analyses, and the minutes their marks are of."""

from collections.abc import Iterator
from functools import cache
from random import Random

from msgspec.structs import replace

from agents.analyst import Analyst
from agents.evaluation.evidence import Evidence
from agents.evaluation.marks import Marks
from agents.settings import AgentSettings
from tests.strategies.aggregates import BASE_MS, HOUR_MS, MINUTE_MS, market
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate, Analysis, Outlook

DAY_HOURS = 24
SAID_MS = 10_000
"""Into the hour an analysis is said; its mark is of the minute behind."""
MODEL, PROMPT = "claude-haiku-5-5", "deep_dive-00000001"
_ANALYST = Analyst(AgentSettings(), None, now_ms=lambda: 0)


@cache
def _template(asset: str) -> Analysis:
    return _ANALYST.decline(candidate_of([market(f"{asset}/USDT")]), "no_model")[0]


def said(
    hour: int,
    direction: str = "up",
    probability: float = 0.6,
    *,
    asset: str = "BTC",
    **changes: object,
) -> Analysis:
    """Return an analysis in the model's words that was said in an hour since `BASE_MS`, with these changes."""
    at_ms = BASE_MS + hour * HOUR_MS
    outlook = Outlook(direction=direction, horizon_ms=HOUR_MS, probability=probability)  # type: ignore[arg-type]
    made = replace(
        _template(asset),
        analysis_id=f"deep_dive/{asset}/{at_ms}/0",
        as_of_ms=at_ms,
        produced_ms=at_ms + SAID_MS,
        origin="model",
        model=MODEL,
        simulated=True,
        prompt_version=PROMPT,
        rules_version=None,
        outlook=outlook,
    )
    return replace(made, **changes)


def minute(
    hour: int, price: float, *, asset: str = "BTC", number: int = 1, revision: int = 0
) -> Aggregate:
    """Return a minute of an hour since `BASE_MS`, the second one unless said otherwise, that closes at a price."""
    number += hour * HOUR_MS // MINUTE_MS
    return market(f"{asset}/USDT", number, first=price, revision=revision)


class Planted:
    """Some assets that wander together, and a forecaster who knows the next hour so often."""

    def __init__(self, seed: int, *, days: int, assets: int, right: float, sure: float) -> None:
        """``right`` is how often the direction said is the one that comes, ``sure`` the probability said of it."""
        random = Random(seed)
        self.names = [f"A{number}" for number in range(assets)]
        self.analyses: list[Analysis] = []
        self.minutes: list[Aggregate] = []
        prices = dict.fromkeys(self.names, 100.0)
        for hour in range(days * DAY_HOURS):
            together = random.gauss(0.0, 0.01)
            for asset in self.names:
                self.minutes.append(minute(hour, prices[asset], asset=asset))
                move = together + random.gauss(0.0, 0.005)
                prices[asset] *= 1 + move
                way = ("up", "down") if (random.random() < right) == (move > 0) else ("down", "up")
                self.analyses.append(said(hour, way[0], sure, asset=asset))
        last = days * DAY_HOURS
        self.minutes += [minute(last, prices[asset], asset=asset) for asset in self.names]

    def read(self) -> tuple[Evidence, Marks]:
        """Return what an evaluation has read of it."""
        evidence = Evidence()
        for analysis in self.analyses:
            evidence.take_analysis(analysis)
        marks = Marks(evidence.wanted())
        for aggregate in self.minutes:
            marks.take(aggregate)
        return evidence, marks


def hours(count: int) -> Iterator[Aggregate]:
    """Yield the mark minute of so many hours, each higher than the one before."""
    for hour in range(count):
        yield minute(hour, 100.0 + hour)
