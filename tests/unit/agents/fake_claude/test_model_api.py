from typing import get_args

import pytest
from anthropic import AsyncAnthropic, NotFoundError
from anthropic.types import model as sdk_model

from agents.fake_claude.models import MODELS


def test_the_models_are_those_the_sdk_names() -> None:
    """A new SDK with a new model must be noticed here."""
    literal, _ = get_args(sdk_model.Model)
    assert MODELS.keys() == set(get_args(literal))


async def test_every_model_can_be_listed_and_found(client: AsyncAnthropic) -> None:
    """Over more than one page."""
    listed = [info async for info in client.models.list(limit=5)]
    assert [info.id for info in listed] == list(MODELS)
    for info in listed:
        assert await client.models.retrieve(info.id) == info


async def test_a_model_says_what_it_permits(client: AsyncAnthropic) -> None:
    """What the agent checks at its start."""
    info = await client.models.retrieve("claude-haiku-5-5")
    assert (info.lifecycle, info.line, info.max_tokens) == ("active", "haiku", 128_000)
    assert info.capabilities is not None
    assert info.capabilities.structured_outputs.supported
    assert info.capabilities.thinking.types.disabled.supported
    assert not info.capabilities.thinking.types.enabled.supported
    old = await client.models.retrieve("claude-sonnet-4-5")
    assert (old.lifecycle, str(old.retires_at)[:10]) == ("deprecated", "2026-11-30")
    assert old.capabilities is not None
    assert not old.capabilities.effort.supported


async def test_the_list_can_be_filtered_by_stage(client: AsyncAnthropic) -> None:
    """None is retired: a retired model is not known at all."""
    deprecated = [info.id async for info in client.models.list(lifecycle=["deprecated"])]
    assert deprecated == [
        "claude-mythos-preview",
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
    ]
    assert [info async for info in client.models.list(lifecycle=["retired"])] == []


async def test_ids_of_the_sdks_own_tests_are_not_models(client: AsyncAnthropic) -> None:
    """Unless the fake is told to know them."""
    with pytest.raises(NotFoundError):
        await client.models.retrieve("model_id")
    with pytest.raises(NotFoundError):
        await client.messages.create(
            model="model_id", max_tokens=1, messages=[{"role": "user", "content": "x"}]
        )
