"""Where the streams role writes is what an owner of a partition settles."""

from streams.processors.aggregate import OUTPUTS, ROLE
from topics.catalog import TOPICS

ELSEWHERE = {"status", "streams-state-changelog"}
"""Written without a transaction, and settled beside the outputs."""


def test_every_topic_it_writes_is_settled() -> None:
    """One that is left out would keep what a broker forgot to mark."""
    written = {topic.name for topic in TOPICS if ROLE in topic.written_by}
    assert set(OUTPUTS) == written - ELSEWHERE
