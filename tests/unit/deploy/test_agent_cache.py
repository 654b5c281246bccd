"""The cache of an agent, out of its settings: whether it has one, and what is refused at the start."""

from typing import Any

import pytest

from agents.settings import AgentSettings
from deploy.settings import load
from deploy.wiring.agent_cache import create_cache
from topics import SettingsError

SECRET = "not-for-anybodys-eyes"  # noqa: S105 - nobody's
STATES = ("deep_dive", "state")


def settings_of(
    url: str | None, *, ledger: str | None = None, products: tuple[str, ...] = STATES
) -> AgentSettings:
    """Return an agent's settings with these addresses."""
    model = {"base_url": "http://127.0.0.1:9", "api_key": "any", "products": products}
    agent: dict[str, Any] = {"model": model, "cache": {"redis_url": url}}
    if ledger is not None:
        agent["budget"] = {"redis_url": ledger}
    return load({}, agent=agent).agent


async def test_where_nobody_is_asked_about_states_nothing_is_kept() -> None:
    """Whatever the address: there is nothing to say again."""
    settings = settings_of("redis://127.0.0.1:9", products=("deep_dive",))
    assert create_cache(settings, "t.") is None


@pytest.mark.parametrize(("url", "state"), [(None, "own"), ("redis://127.0.0.1:9/0", "shared")])
async def test_without_an_address_each_process_has_its_own(url: str | None, state: str) -> None:
    """With one, what was paid for is shared; it is connected to when it is first asked."""
    made = create_cache(settings_of(url, ledger="redis://127.0.0.1:8/0"), "t.")
    assert made is not None
    assert made.state == state
    await made.close()


@pytest.mark.parametrize(
    ("url", "ledger"),
    [
        ("redis://one:6379/0", "redis://one:6379/0"),
        ("redis://one:6379/1", "redis://one:6379/0"),
        ("redis://one", "redis://one:6379/0"),
        ("rediss://one:6379/0", f"redis://any:{SECRET}@one:6379"),
        ("redis+sentinel://a:1,b:1/books", "redis+sentinel://a:1,b:1/books"),
    ],
)
def test_the_ledgers_server_is_refused(url: str, ledger: str) -> None:
    """In another of its databases too: each has one policy for its memory."""
    with pytest.raises(SettingsError, match=r"agent\.cache\.redis_url: the ledger's Redis") as told:
        create_cache(settings_of(url, ledger=ledger), "t.")
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    ("url", "ledger"),
    [
        ("redis://one:6380/0", "redis://one:6379/0"),
        ("redis://two", "redis://one"),
        ("redis+sentinel://a:1,b:1/words", "redis+sentinel://a:1,b:1/books"),
        ("unix:///run/words.sock", "unix:///run/books.sock"),
    ],
)
async def test_another_server_is_not(url: str, ledger: str) -> None:
    """By port, by name, by what sentinels call it, by its socket."""
    made = create_cache(settings_of(url, ledger=ledger), "t.")
    assert made is not None
    await made.close()


@pytest.mark.parametrize("url", ["http://one", f"redis://any:{SECRET}@[", "one:6379"])
def test_what_is_no_address_is_refused_unseen(url: str) -> None:
    """By its key, and no part of it is shown."""
    with pytest.raises(SettingsError, match=r"agent\.cache\.redis_url") as told:
        create_cache(settings_of(url), "t.")
    assert SECRET not in str(told.value)
