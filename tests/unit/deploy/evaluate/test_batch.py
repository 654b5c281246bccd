"""An evaluation in a batch is refused before anything is read where it could not be one."""

import asyncio

import pytest

from agents.settings import AgentSettings
from deploy.evaluate.batch import Options, evaluate_batch
from deploy.evaluate.batch_model import batch_model
from deploy.evaluate.reading import EvaluateError, Range
from deploy.settings import Settings, load
from topics import SettingsError
from topics.settings import BrokerSettings

AGENT = AgentSettings.model_validate(
    {
        "model": {"base_url": "http://127.0.0.1:9", "api_key": "k"},
        "budget": {"redis_url": "redis://127.0.0.1:9"},
    }
)
OPTIONS = Options(span=Range(None, None), model=batch_model(AGENT, None))


async def evaluate(settings: Settings, options: Options) -> None:
    """Evaluate."""
    await evaluate_batch(
        settings, options, stop=asyncio.Event(), read=lambda _, __: None, told=lambda _: None
    )


async def test_the_agents_own_budget_is_not_spent_by_it() -> None:
    """Its scope is another."""
    settings = load({}).model_copy(update={"agent": AGENT})
    options = Options(span=OPTIONS.span, model=OPTIONS.model, scope=AGENT.budget.scope)
    with pytest.raises(SettingsError, match="--scope default: that is the agent's own"):
        await evaluate(settings, options)


async def test_the_demos_broker_is_refused() -> None:
    """It knows no offsets by time."""
    broker = BrokerSettings(embedded=True)
    settings = load({}).model_copy(update={"agent": AGENT, "broker": broker})
    with pytest.raises(EvaluateError, match="evaluate from a Kafka"):
        await evaluate(settings, OPTIONS)
