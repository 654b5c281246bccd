"""What an operator sees of an agent at its bounds, in words and as metrics that are there before anything happens."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from agents.account.ledger import Ledger
from agents.ask.breakers import Breakers
from agents.settings import UNCACHED_CALLS_MAX, AgentSettings, ModelSettings
from agents.worker import BACKLOG_MAX, Worker
from deploy.reporting import Part
from deploy.wiring.agent_budget import BudgetSeen
from deploy.wiring.agent_parts import agent_parts
from tests.unit.agents.cache.caches import cache
from tests.unit.agents.office import Office, SaidModel, said, terms
from tests.unit.agents.test_worker import PausingConsumer, pile_up, worker
from topics import Usage

SETTINGS = AgentSettings()
PAGE = Path(__file__).parents[3] / "docs" / "operating" / "model.md"


def role_of(ours: Worker) -> Part:
    """Return what a worker's role says."""
    breakers = Breakers(SETTINGS.breaker, SETTINGS.quality)
    return agent_parts(ours, SETTINGS, breakers, BudgetSeen(), 0.0)[0]


def test_a_worker_whose_reading_waits_says_so() -> None:
    """In words, and as metrics: with the brokers away nobody reads its words."""
    ours = worker(PausingConsumer())
    for count, paused in ((BACKLOG_MAX + 1, True), (0, False)):
        pile_up(ours, count)
        ours._pause_or_resume()
        assert ("reading waits" in role_of(ours).words) is paused
        assert REGISTRY.get_sample_value("tapereader_agent_paused") == paused
        assert REGISTRY.get_sample_value("tapereader_agent_backlog") == count
        assert REGISTRY.get_sample_value("tapereader_agent_unfinished") == 0


def test_a_prompt_that_is_not_cached_is_told_until_it_is() -> None:
    """On the line of the role, with how many calls paid for all of it; as long as it is so."""
    ours = worker(PausingConsumer())
    unasked = Ledger("redis://127.0.0.1:1", prefix="test.", scope="test", terms=terms(1))
    office = Office(SaidModel(said()), unasked, SETTINGS)
    ours.analyst = office.analyst
    assert office.analyst.desk is not None
    watch = office.analyst.desk.cached
    for _ in range(UNCACHED_CALLS_MAX):
        assert "cache" not in role_of(ours).words
        watch.take("anthropic/x", "deep_dive-1", Usage(input_tokens=900))
    lost = f"; anthropic/x does not cache deep_dive-1 ({UNCACHED_CALLS_MAX} calls in a row)"
    assert role_of(ours).words.endswith(lost)
    watch.take(
        "anthropic/x", "deep_dive-1", Usage(input_tokens=100, cache_creation_input_tokens=800)
    )
    assert "cache" not in role_of(ours).words


@pytest.mark.parametrize(
    ("url", "state", "words"),
    [
        (None, "own", "1 in memory, of this process alone"),
        (
            "redis://127.0.0.1:1",
            "away",
            "0 in memory, its Redis does not answer: each process asks",
        ),
    ],
)
async def test_what_is_kept_of_states_is_told(url: str | None, state: str, words: str) -> None:
    """How much, and whether it is shared; without a cache there is no such line."""
    settings = AgentSettings(model=ModelSettings(products=("state",)))
    async with cache(url, "test.", call_s=0.2) as asker:
        await asker.ask()
        unasked = Ledger("redis://127.0.0.1:1", prefix="test.", scope="test", terms=terms(1))
        ours = worker(PausingConsumer())
        ours.analyst = Office(SaidModel(said()), unasked, settings, cache=asker.cache).analyst
        breakers = Breakers(settings.breaker, settings.quality)
        parts = {p.part: p for p in agent_parts(ours, settings, breakers, BudgetSeen(), 0.0)}
    assert parts["cache"].state == state
    assert parts["cache"].words.startswith(words)
    assert "cache" not in {
        p.part
        for p in agent_parts(worker(PausingConsumer()), settings, breakers, BudgetSeen(), 0.0)
    }


def test_the_metrics_that_the_page_names_are_there() -> None:
    """An alert on a name that nobody exports never fires."""
    told = set(re.findall(r"tapereader_agent_[a-z]\w+", PAGE.read_text(encoding="utf-8")))
    # A metric with labels has no sample before its first; its family is there from the beginning.
    families = {family.name: family.type for family in REGISTRY.collect()}
    there = {f"{n}_total" if kind == "counter" else n for n, kind in families.items()}
    assert told - there == set()
    assert len(told) > 10
