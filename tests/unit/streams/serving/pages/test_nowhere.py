"""What an address answers that has nothing to show."""

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from streams.serving.found import Missing
from streams.serving.pages.nowhere import broken, nowhere, status_of

REQUEST = Request({"type": "http", "method": "GET", "path": "/<b>", "query_string": b"", "headers": [], "server": ("localhost", 80), "scheme": "http"})  # fmt: skip


async def test_a_page_that_fails_tells_the_log_why_and_nobody_else() -> None:
    """What an error says may be a path, or an address."""
    with capture_logs() as logged:
        told = await broken(REQUEST, FileNotFoundError("/etc/of-the-house"))
    assert [one["event"] for one in logged] == ["a page failed"]
    assert told.status_code == 500
    assert b"This page cannot be shown" in told.body
    assert b"of-the-house" not in told.body


async def test_an_address_of_no_page_is_not_repeated() -> None:
    told = await nowhere(REQUEST, Exception("/<b>"))
    assert told.status_code == 404
    assert b"<b>" not in told.body


@pytest.mark.parametrize(
    ("why", "status"),
    [("not_found", 404), ("deleted", 410), ("unreadable", 410), ("unreachable", 503)],
)
def test_what_is_not_there_is_answered_as_by_the_api(why: str, status: int) -> None:
    assert status_of(Missing(why=why, words="because")) == status  # type: ignore[arg-type]
    assert status_of(None) == 404
