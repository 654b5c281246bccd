"""The models an agent may ask, out of its settings: what is refused at the start, and by which key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.ask.breakers import Breakers
from agents.desk import Desk
from agents.journal import Journal
from agents.settings import SPARES_MAX
from deploy.settings import load
from deploy.wiring.agent_models import create_desk, tariff_of
from deploy.wiring.agent_parts import model_part
from topics import SettingsError
from topics.outbox import Sender
from topics.settings import BrokerSettings

SECRET = "sk-not-for-anybodys-eyes"  # noqa: S105 - nobody's
MODEL = {"base_url": "http://127.0.0.1:9", "api_key": "any"}
BEDROCK = {
    "provider": "aws",
    "dialect": "bedrock",
    "region": "eu-central-1",
    "model_id": "global.anthropic.claude-haiku-5-5",
    "base_url": "https://bedrock.example.com",
    "api_key": "any",
}
VERTEX = {
    "provider": "google",
    "dialect": "vertex",
    "region": "global",
    "project": "desk-1",
    "base_url": "https://vertex.example.com/v1",
    "api_key": "any",
}
LOCAL = {
    "provider": "local",
    "name": "qwen3:8b",
    "base_url": "http://127.0.0.1:9",
    "api_key": "any",
    "free": True,
    "output_config": False,
}


async def desk_of(model: Mapping[str, Any] = MODEL, **spares: Mapping[str, Any]) -> Desk | None:
    """Return the desk of an agent with these models."""
    budget = {"redis_url": "redis://127.0.0.1:9/0"}
    agent = load({}, agent={"model": model, "spares": spares, "budget": budget}).agent
    broker = BrokerSettings()
    breakers = Breakers(agent.breaker, agent.quality)
    return create_desk(agent, "t.", breakers, Journal(broker, Sender(broker)))


async def test_a_desk_has_every_model_with_what_is_its_own() -> None:
    """The first first; breakers, account, pace and price by provider and name; one quality of what answers alike."""
    desk = await desk_of(aws=BEDROCK, google=VERTEX, local=LOCAL)
    assert desk is not None
    labels = [seat.label for seat in desk.seats]
    first, aws, google, local = desk.seats
    assert labels == [
        "anthropic/claude-haiku-5-5",
        "aws/claude-haiku-5-5",
        "google/claude-haiku-5-5",
        "local/qwen3:8b",
    ]
    assert list(desk.ledger.terms.rates) == labels
    assert len({id(seat.breaker) for seat in desk.seats}) == 4
    assert first.quality is aws.quality is google.quality is not local.quality
    assert aws.tariff is not None
    assert aws.tariff.model == "global.anthropic.claude-haiku-5-5"
    assert local.tariff is not None
    assert local.tariff.free
    await desk.close()
    await desk.ledger.close()


@pytest.mark.parametrize(
    ("spare", "words"),
    [
        (BEDROCK | {"region": None}, r"agent\.spares\.other\.region: needed"),
        (BEDROCK | {"api_key": None}, r"agent\.spares\.other\.api_key: needed"),
        (BEDROCK | {"base_url": None}, r"agent\.spares\.other\.base_url: needed"),
        (VERTEX | {"project": None}, r"agent\.spares\.other\.project: needed"),
        (VERTEX | {"prices_of": "nobody"}, r"spares\.other\.name: no price is known for nobody/cl"),
        (LOCAL | {"free": False}, r"spares\.other\.name: no price is known for local/qwen3:8b"),
        (LOCAL | {"name": "claude-haiku-5-5"}, r"spares\.other\.free: local/claude-haiku-5-5 has"),
        (BEDROCK | {"free": True}, r"spares\.other\.free: aws/global\.anthropic.* has a price"),
        (BEDROCK | {"provider": "anthropic"}, r"spares\.other\.provider: anthropic/claude-haiku"),
        (
            MODEL | {"name": "claude-opus-5-5"},
            r"spares\.other\.name: claude-opus-5-5 is dearer than claude-haiku-5-5",
        ),
        (BEDROCK | {"products": ["state"]}, r"spares\.other\.products: of model\.products"),
        (BEDROCK | {"region": "eu/../x"}, r"agent\.spares\.other\.region"),
        (BEDROCK | {"dialect": "azure"}, r"agent\.spares\.other\.dialect"),
        (BEDROCK | {"no_such_key": 1}, r"agent\.spares\.other\.no_such_key: no such setting"),
    ],
)
async def test_a_spare_that_could_not_stand_in_is_refused(
    spare: Mapping[str, Any], words: str
) -> None:
    """Before anything runs, with its key by name."""
    with pytest.raises(SettingsError, match=words):
        await desk_of(other=spare)


async def test_a_first_model_is_held_to_the_same() -> None:
    """What its dialect needs; that it is not free by a word where it has a price; that spares have it to stand in for."""
    with pytest.raises(SettingsError, match=r"agent\.model\.region: needed"):
        await desk_of(BEDROCK | {"region": None})
    with pytest.raises(SettingsError, match=r"agent\.model\.free: .* has a price"):
        await desk_of(MODEL | {"free": True})
    with pytest.raises(SettingsError, match=r"agent\.spares: needs agent\.model\.base_url"):
        await desk_of({}, aws=BEDROCK)
    assert await desk_of({}) is None


async def test_no_two_are_one() -> None:
    """They would share a breaker and an account, and no record could say which was asked."""
    with pytest.raises(
        SettingsError, match=r"spares\.two\.provider: aws/.* is spares\.one already"
    ):
        await desk_of(one=BEDROCK, two=BEDROCK)


async def test_spares_have_a_bound() -> None:
    """So many, and one more is refused."""
    many = {
        f"s{n}": BEDROCK | {"provider": f"aws_{n}", "prices_of": "aws"} for n in range(SPARES_MAX)
    }
    desk = await desk_of(**many)
    assert desk is not None
    assert len(desk.seats) == SPARES_MAX + 1
    await desk.close()
    with pytest.raises(SettingsError, match=r"agent\.spares"):
        await desk_of(**many, more=BEDROCK)


def test_keys_of_spares_come_from_secret_files_or_the_environment(tmp_path: Path) -> None:
    """By the spare's name, beside a file that has the rest; a refused one is named and not shown."""
    file, secrets = tmp_path / "settings.toml", tmp_path / "secrets"
    file.write_text(
        '[agent.spares.second]\nprovider = "aws"\nregion = "eu-central-1"\ndialect = "bedrock"\n'
        '[agent.spares.first]\nprovider = "local"\nname = "x"\n'
    )
    secrets.mkdir()
    (secrets / "tapereader_agent__spares__second__api_key").write_text(f"{SECRET}\n")
    around = {
        "TAPEREADER_CONFIG": str(file),
        "TAPEREADER_SECRETS_DIR": str(secrets),
        "TAPEREADER_AGENT__SPARES__FIRST__API_KEY": "other",
    }
    settings = load(around)
    spares = settings.agent.spares
    assert list(spares) == ["second", "first"]  # as the file has them
    keys = [spare.api_key.get_secret_value() for spare in spares.values() if spare.api_key]
    assert keys == [SECRET, "other"]
    assert SECRET not in settings.printed()
    assert SECRET not in repr(settings)
    spoilt = around | {"TAPEREADER_AGENT__SPARES__FIRST__API_KEY": f"{SECRET} and more"}
    with pytest.raises(SettingsError, match=r"agent\.spares\.first\.api_key = \*\*\*") as refused:
        load(spoilt)
    assert SECRET not in str(refused.value)


def test_a_spare_of_the_first_models_account_needs_no_key_of_its_own() -> None:
    """The same provider at the same address; elsewhere the key is not sent."""
    agent = load(
        {},
        agent={
            "model": MODEL | {"name": "claude-opus-5-5"},
            "spares": {
                "small": {"base_url": MODEL["base_url"]},
                "away": {"base_url": "https://example.com", "name": "claude-haiku-4-5"},
            },
        },
    ).agent
    small, away = agent.spares.values()
    assert agent.key_of(small) == agent.model.api_key
    assert agent.key_of(away) is None


async def test_a_model_says_how_it_is() -> None:
    """Whether it can be asked, and why not."""
    desk = await desk_of(aws=BEDROCK)
    assert desk is not None
    first, spare = desk.seats
    assert model_part(first, 0.0, is_first=True).state == "ready"
    spare.cool(9.0, "rate_limited", 1.0)
    part = model_part(spare, 2.0, is_first=False)
    assert (part.part, part.state) == ("model/aws/claude-haiku-5-5", "rate_limited")
    assert "asked for silence" in part.words
    first.breaker.force(is_open=True, reason="said", now_s=2.0)
    assert model_part(first, 2.0, is_first=True).state == "breaker_open"
    await desk.close()


def test_a_price_is_found_by_the_providers_own_name() -> None:
    """A region of Vertex is a tenth dearer than the list has it."""
    spares = {"aws": BEDROCK, "local": LOCAL, "world": VERTEX}
    spares["region"] = VERTEX | {"region": "europe-west1", "provider": "google_eu"}
    agent = load({}, agent={"spares": spares}).agent
    aws, local, world, region = (tariff_of(spare) for spare in agent.spares.values())
    assert (aws.permille, world.permille, region.permille) == (1000, 1000, 1100)
    assert (aws.provider, aws.model) == ("aws", "global.anthropic.claude-haiku-5-5")
    assert (local.model, local.free) == ("qwen3:8b", True)
