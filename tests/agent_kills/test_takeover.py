"""An assignment that takes long, on the real Kafka."""

from pathlib import Path

import pytest

from tests.integration.roles import pipeline
from tests.kills.crew import Crew
from tests.servers import SharedKafka

from .crew import Agent
from .market import Market
from .stalls import until

pytestmark = pytest.mark.integration


async def test_an_agent_that_reads_long_what_was_said_before_it_stays_in_its_group(
    kafka: SharedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    """Longer of one partition than a session: it is assigned once, and goes on to work."""
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as line:
        await line.write(Market(line.broker, "long").tick())
        agent = Agent("a0", line.broker, tmp_path, {"tally_s": 0.5})
        agent.defect = "reads long"
        async with Crew([agent]) as crew:
            await until(lambda: agent.came_to("assigned"), "it is assigned")
            assigned_s = agent.times("assigned")[0]
            await until(lambda: agent.has_since("committed", assigned_s), "it works")
            assert len(agent.times("assigned")) == 1
            assert await crew.leave() == [0]
