"""Who asks about strangers' posts, out of the settings: nobody unless they say so, and then one model."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from agents.ask.breakers import Breakers
from agents.ask.excerpts.question import version
from agents.journal import Journal
from agents.readings import Readings
from deploy.settings import load
from deploy.wiring.agent_excerpts import create_readings, posts_read
from deploy.wiring.agent_models import create_desk
from topics import SettingsError
from topics.outbox import Sender
from topics.settings import BrokerSettings

from .test_agent_models import BEDROCK, LOCAL, MODEL

SONNET = MODEL | {"name": "claude-sonnet-5-5"}
HAIKU = MODEL | {"name": "claude-haiku-5-5"}


async def readings_of(
    excerpts: Mapping[str, Any] | None,
    model: Mapping[str, Any] = MODEL,
    **spares: Mapping[str, Any],
) -> tuple[Readings | None, Breakers]:
    """Return who asks about posts, of an agent with these models."""
    budget = {"redis_url": "redis://127.0.0.1:9/0"}
    given = {"model": model, "spares": spares, "budget": budget}
    if excerpts is not None:
        given["excerpts"] = excerpts
    agent = load({}, agent=given).agent
    broker = BrokerSettings()
    breakers = Breakers(agent.breaker, agent.quality)
    desk = create_desk(agent, "t.", breakers, Journal(broker, Sender(broker)))
    try:
        return create_readings(agent, desk, breakers), breakers
    finally:
        if desk is not None:
            await desk.close()
            await desk.ledger.close()


async def test_unless_it_is_said_nobody_asks_and_nobody_reads() -> None:
    """No breaker, no task, no consumer: as if there were no such thing."""
    made, breakers = await readings_of(None)
    assert made is None
    assert not any(version() in name for name, _ in breakers)
    agent = load({}).agent
    before = asyncio.all_tasks()
    async with posts_read(agent, BrokerSettings(bootstrap="127.0.0.1:9"), None):
        assert asyncio.all_tasks() == before


async def test_an_empty_section_is_enough() -> None:
    """Then the only model is asked; a breaker of the question's own stands with the others, for operators too."""
    made, breakers = await readings_of({})
    assert made is not None
    assert made.seat.label == "anthropic/claude-haiku-5-5"
    assert f"quality/{version()}" in dict(breakers)


@pytest.mark.parametrize(
    ("name", "model", "spares", "label"),
    [
        (None, SONNET, {"small": HAIKU}, "anthropic/claude-haiku-5-5"),
        (None, HAIKU, {"aws": BEDROCK}, "anthropic/claude-haiku-5-5"),
        (None, HAIKU, {"own": LOCAL}, "local/qwen3:8b"),
        ("model", SONNET, {"small": HAIKU}, "anthropic/claude-sonnet-5-5"),
        ("small", SONNET, {"own": LOCAL, "small": HAIKU}, "anthropic/claude-haiku-5-5"),
    ],
)
async def test_one_model_is_asked_the_cheapest_unless_it_is_named(
    name: str | None, model: Mapping[str, Any], spares: Mapping[str, Any], label: str
) -> None:
    """Of several that cost the same the first; one of one's own costs nothing."""
    made, _ = await readings_of({"model": name}, model, **spares)
    assert made is not None
    assert made.seat.label == label


async def test_a_name_that_no_model_has_is_refused() -> None:
    """By its key, with the names there are."""
    with pytest.raises(SettingsError, match=r"agent\.excerpts\.model: other is none of model, own"):
        await readings_of({"model": "other"}, own=LOCAL)


async def test_without_a_model_nobody_can_be_asked() -> None:
    """An operator who switches it on is told that it would do nothing."""
    with pytest.raises(SettingsError, match=r"agent\.excerpts: needs agent\.model\.base_url"):
        await readings_of({}, {"base_url": None})


@pytest.mark.parametrize(
    "wrong",
    [
        {"posts_max": 11},
        {"posts_max": 501},
        {"chars_max": 1_001},
        {"assets_max": 0},
        {"window_s": 3_601},
        {"timeout_s": 0.4},
        {"output_tokens_max": 63},
        {"model": "Not a word"},
        {"enabled": True},
    ],
)
async def test_what_is_out_of_range_is_refused(wrong: Mapping[str, Any]) -> None:
    """By its key."""
    with pytest.raises(SettingsError, match=rf"agent\.excerpts\.{next(iter(wrong))}"):
        await readings_of(wrong)


async def test_posts_are_read_for_the_time_of_a_block() -> None:
    """A broker that is not there ends nothing, and the end does not wait for it."""
    made, _ = await readings_of({})
    agent = load({}, agent={"excerpts": {}}).agent
    before = asyncio.all_tasks()
    async with posts_read(agent, BrokerSettings(bootstrap="127.0.0.1:9"), made):
        (task,) = asyncio.all_tasks() - before
        assert task.get_name() == "posts"
        await asyncio.sleep(0.1)
        assert not task.done()
    assert task.done()
