"""What an operator sees of an agent at its bounds, in words and as metrics that are there before anything happens."""

import re
from pathlib import Path

from prometheus_client import REGISTRY

from agents.ask.breakers import Breakers
from agents.settings import AgentSettings
from agents.worker import BACKLOG_MAX, Worker
from deploy.reporting import Part
from deploy.wiring.agent_budget import BudgetSeen
from deploy.wiring.agent_parts import agent_parts
from tests.unit.agents.test_worker import PausingConsumer, pile_up, worker

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


def test_the_metrics_that_the_page_names_are_there() -> None:
    """An alert on a name that nobody exports never fires."""
    told = set(re.findall(r"tapereader_agent_[a-z]\w+", PAGE.read_text(encoding="utf-8")))
    # A metric with labels has no sample before its first; its family is there from the beginning.
    families = {family.name: family.type for family in REGISTRY.collect()}
    there = {f"{n}_total" if kind == "counter" else n for n, kind in families.items()}
    assert told - there == set()
    assert len(told) > 10
