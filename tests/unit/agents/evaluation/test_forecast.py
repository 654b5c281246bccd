"""Forecasts: one event for whoever foretells it, of what was known and nothing else."""

import pytest
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.answer.rules import ODDS
from agents.evaluation.forecast import Forecast, Voice, forecast_of, rise_of, voice_of
from agents.settings import AgentSettings
from tests.strategies.aggregates import BASE_MS, FIVE_MS, HOUR_MS, calm, market, social
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate, Analysis, Outlook

from .planted import MODEL, PROMPT, SAID_MS, said

_ANALYST = Analyst(AgentSettings(), None, now_ms=lambda: BASE_MS)


def by_rules(*windows: Aggregate) -> Analysis:
    return _ANALYST.decline(candidate_of(windows), "no_model")[0]


@pytest.mark.parametrize(
    ("direction", "probability", "rise"),
    [
        ("up", 0.6, 0.6),
        ("down", 0.6, 0.4),
        ("unclear", 0.65, 0.5),
        ("up", 1.0, 1.0),
        ("down", 1.0, 0.0),
    ],
)
def test_a_forecast_is_the_probability_of_a_rise(
    direction: str, probability: float, rise: float
) -> None:
    """Of a direction nobody is sure of it is one half, whatever its strength."""
    made = forecast_of(said(3, direction, probability))
    assert isinstance(made, Forecast)
    assert made.said == pytest.approx(rise)
    assert (made.asset, made.subject, made.horizon_ms) == ("BTC", "BTC/USDT", HOUR_MS)
    assert made.known_ms == BASE_MS + 3 * HOUR_MS + SAID_MS


def test_what_was_read_after_it_was_said_was_known_too() -> None:
    """Where the market's clock runs ahead of ours: else the window would be of what it had read."""
    ahead = said(0, as_of_ms=BASE_MS + 7 * HOUR_MS)
    made = forecast_of(ahead)
    assert isinstance(made, Forecast)
    assert made.known_ms == ahead.as_of_ms


@pytest.mark.parametrize(("last", "foretold"), [(101.0, ODDS), (99.0, 1 - ODDS), (100.0, 0.5)])
def test_momentum_is_the_longest_move_the_analysis_knew(last: float, foretold: float) -> None:
    """Within the horizon: the minute before goes the other way, and is not asked."""
    windows = [
        market(number=4, last=100.5 if last < 100 else 99.5),
        market(number=0, window_ms=FIVE_MS, last=last),
    ]
    made = forecast_of(replace(by_rules(*windows), outlook=_outlook(HOUR_MS)))
    assert isinstance(made, Forecast)
    assert made.momentum == pytest.approx(foretold)
    short = forecast_of(replace(by_rules(*windows), outlook=_outlook(60_000)))
    assert isinstance(short, Forecast)
    assert short.momentum == pytest.approx(ODDS if last < 100 else 1 - ODDS)


def test_the_rules_baseline_is_what_rules_say_of_the_same_facts() -> None:
    """Of an analysis by rules it is what it says itself."""
    facts = [
        *calm(12),
        market(number=12, last=103.0, volume=60.0),
        market(number=0, window_ms=FIVE_MS, last=103.0, volume=300.0),
    ]
    analysis = by_rules(*facts)
    made = forecast_of(analysis)
    assert isinstance(made, Forecast)
    assert made.rules == made.said == rise_of(analysis.outlook)
    model = forecast_of(replace(analysis, origin="model", outlook=_outlook(HOUR_MS, "down")))
    assert isinstance(model, Forecast)
    assert model.rules == made.rules
    assert model.said == pytest.approx(0.4)


def test_what_foretells_nothing_says_why() -> None:
    """No outlook, no instrument, or no analysis any more."""
    assert forecast_of(said(0, outlook=None)) == "no_outlook"
    assert forecast_of(said(0, status="superseded")) == "superseded"
    posts = by_rules(social("BTC", 0))
    assert forecast_of(posts) == "no_price"


def test_a_voice_is_a_prompt_of_a_model_or_a_version_of_the_rules() -> None:
    """The simulated model is one apart."""
    assert voice_of(said(0)) == Voice("deep_dive", MODEL, PROMPT, simulated=True)
    assert voice_of(said(0, simulated=False)).simulated is False
    rules = voice_of(by_rules(market()))
    assert (rules.name, rules.is_model) == ("rules", False)
    assert rules.version.startswith("rules-")


def _outlook(horizon_ms: int, direction: str = "up") -> Outlook:
    return Outlook(direction=direction, horizon_ms=horizon_ms, probability=0.6)  # type: ignore[arg-type]
