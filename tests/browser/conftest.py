"""One Chromium and one stage for the whole run; what a page does wrong fails the test that opened it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.servers import obtain

from .chromium import find_chromium, launched
from .scene import minute, scene, statuses
from .stage import Stage, now_ms, staged
from .visit import Cookies, Visit, signed_in

HERE = Path(__file__).parent
TOLD_S = 5.0
OPERATOR, VIEWER = "ana", "bob"
TOKENS = {
    "operator_tokens": {OPERATOR: "operator-token-of-the-browser-tests"},
    "viewer_tokens": {VIEWER: "viewer-token-of-the-browser-tests"},
}

Open = Callable[..., Awaitable[Visit]]
"""Opens a page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here share one loop: Playwright and its browser live in it."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(shared, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The one browser."""
    program = obtain("browser", lambda: find_chromium(os.environ), os.environ)
    async with launched(program) as browser:
        yield browser


@pytest.fixture(scope="session")
def kafka_address(request: pytest.FixtureRequest) -> str | None:
    """Where the run's real Kafka is; None where there is none, and an embedded broker has to do."""
    try:
        return str(request.getfixturevalue("kafka").bootstrap)
    except pytest.skip.Exception:
        return None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    chromium: Browser, kafka_address: str | None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """The serve role over a scene of the last hour; tests may add to it and take nothing away."""
    del chromium  # without it nothing need be started
    prefix = f"stage-{os.getpid()}-{now_ms()}."
    with staged(tmp_path_factory.mktemp("stage"), prefix, kafka_address) as made:
        made.begun_ms = now_ms()
        await made.write(*scene(made.begun_ms))
        made.start(**TOKENS)
        await made.ready()
        over = asyncio.Event()
        telling = asyncio.create_task(keep_telling(made, over))
        yield made
        over.set()  # cancelled, it might leave a producer behind that is half begun
        await asyncio.gather(telling, return_exceptions=True)


async def keep_telling(stage: Stage, over: asyncio.Event) -> None:
    """Say how every part is, and what each minute was: what is not told again is not believed for long."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), TOLD_S)
        if over.is_set():
            return
        await stage.write(*statuses(now_ms()), *minute(now_ms()))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cookies(chromium: Browser, stage: Stage) -> dict[str, Cookies]:
    """The sessions of an operator and of a viewer, who each showed their token to the sign-in page."""
    told = {**TOKENS["operator_tokens"], **TOKENS["viewer_tokens"]}
    return {
        person: await signed_in(chromium, stage.base_url, token) for person, token in told.items()
    }


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    chromium: Browser, stage: Stage, cookies: dict[str, Cookies]
) -> AsyncIterator[Open]:
    """Open a page as somebody; at the test's end nothing may have gone wrong on any."""
    visits: list[Visit] = []

    async def opened(path: str, *, who: str | None = OPERATOR, **options: object) -> Visit:
        one = await Visit.begin(chromium, stage.base_url, **options)  # type: ignore[arg-type]
        visits.append(one)
        if who is not None:
            await one.context.add_cookies(cookies[who])
        return await one.to(path)

    yield opened
    problems = [problem for one in visits for problem in await one.end()]
    assert problems == []
