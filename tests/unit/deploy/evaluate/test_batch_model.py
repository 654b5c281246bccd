"""Which model a batch asks: one with batches, a key and a price, or the key of the settings that stands in the way."""

from typing import Any

import pytest

from agents.account.pricing import UnknownPriceError
from agents.settings import AgentSettings
from deploy.evaluate.batch_model import batch_model
from topics import SettingsError

HTTPS = "https://models.test"


def settings(model: dict[str, Any] | None = None, **spares: dict[str, Any]) -> AgentSettings:
    """Return settings with a ledger and a first model."""
    first = {"base_url": HTTPS, "api_key": "k"} | (model or {})
    tree = {"model": first, "spares": spares, "budget": {"redis_url": "redis://127.0.0.1"}}
    return AgentSettings.model_validate(tree)


def test_the_first_model_is_asked_unless_told_otherwise() -> None:
    """Another name is asked for where the first is, at its own price; a spare where the spare is, with its key."""
    first = batch_model(settings(), None)
    assert (first.name, first.base_url, first.tariff.batch) == ("claude-haiku-5-5", HTTPS, True)
    other = batch_model(settings({"model_id": "haiku@1"}), "claude-sonnet-5-5")
    assert (other.model_id, other.tariff.model) == ("claude-sonnet-5-5", "claude-sonnet-5-5")
    spare = {"provider": "two", "name": "claude-haiku-4-5", "base_url": f"{HTTPS}/two"}
    spare |= {"api_key": "k2", "prices_of": "anthropic"}
    found = batch_model(settings(two=spare), "claude-haiku-4-5")
    assert (found.provider, found.base_url) == ("two", f"{HTTPS}/two")
    assert found.api_key.get_secret_value() == "k2"
    assert "k2" not in repr(found)


def test_of_several_places_the_one_with_batches_is_asked() -> None:
    """In whatever order they stand."""
    bedrock = {"provider": "aws", "dialect": "bedrock", "name": "claude-haiku-4-5"}
    bedrock |= {"base_url": HTTPS, "region": "eu", "prices_of": "anthropic", "api_key": "k1"}
    own = bedrock | {"provider": "two", "dialect": "anthropic", "region": None}
    found = batch_model(settings(aws=bedrock, two=own), "claude-haiku-4-5")
    assert found.provider == "two"
    with pytest.raises(SettingsError, match=r"agent\.spares\.aws\.dialect: bedrock"):
        batch_model(settings(aws=bedrock), "claude-haiku-4-5")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        ({"dialect": "bedrock", "region": "eu-west-1"}, "agent.model.dialect: bedrock"),
        ({"dialect": "vertex", "region": "global", "project": "p"}, "agent.model.dialect: vertex"),
        ({"base_url": None}, "agent.model.base_url: "),
        ({"api_key": None}, "agent.model.api_key: "),
    ],
)
def test_what_cannot_be_asked_in_a_batch_is_refused_by_its_key(
    model: dict[str, Any], key: str
) -> None:
    """Before anything is read."""
    with pytest.raises(SettingsError) as refused:
        batch_model(settings(model), None)
    assert str(refused.value).startswith(key)


def test_without_a_ledger_or_a_price_nothing_is_sent() -> None:
    """A server of one's own is free, if the settings say so."""
    bare = settings().model_copy(update={"budget": AgentSettings().budget})
    with pytest.raises(SettingsError, match=r"agent\.budget\.redis_url"):
        batch_model(bare, None)
    with pytest.raises(UnknownPriceError, match="our-own"):
        batch_model(settings(), "our-own")
    free = settings({"free": True, "provider": "local", "name": "our-own"})
    assert batch_model(free, None).tariff.free
