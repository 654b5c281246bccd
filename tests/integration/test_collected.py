"""All sources in one collector process: each source's failure is its own, every sum adds up, every gap is exact."""

import pytest

from tests.collected.rows import rows_of
from tests.collected.scenes import SHORT
from tests.collected.stage import prepared
from tests.collected.together import together
from tests.servers import SharedKafka

pytestmark = [
    pytest.mark.integration,
    # Reddit's client builds its question for a token as aiohttp will not have it from version 4 on.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


async def test_each_failure_is_its_own_and_every_sum_adds_up(
    kafka: SharedKafka, topic_prefix: str
) -> None:
    """By what the broker holds: of each source, of one that is never answered, and of one with a defect."""
    rows = await rows_of(together(SHORT), prepared(kafka.bootstrap, topic_prefix), short=True)
    assert {row.scene.name: row.wrong for row in rows if row.wrong} == {}
    assert sum(row.verdict.planted for row in rows if row.verdict) >= 20
