"""One Chromium and one stage for the whole run; what a page does wrong fails the test that opened it."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.servers import obtain

from .chromium import find_chromium, launched
from .scene import scene
from .stage import Stage, now_ms, staged
from .visit import Visit

HERE = Path(__file__).parent
OPERATOR, VIEWER = "operator-token-of-the-browser-tests", "viewer-token-of-the-browser-tests"

Open = Callable[..., Awaitable[Visit]]


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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """The serve role over a scene of the last hour; tests may add to it and take nothing away."""
    del chromium  # without it nothing need be started
    with staged(tmp_path_factory.mktemp("stage")) as made:
        await made.write(*scene(now_ms()))
        made.start()
        await made.ready()
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def visit(chromium: Browser, stage: Stage) -> AsyncIterator[Open]:
    """Open a page; at the test's end nothing may have gone wrong on any."""
    visits: list[Visit] = []

    async def opened(path: str, *, base_url: str = stage.base_url, **options: object) -> Visit:
        visits.append(await Visit.begin(chromium, base_url, **options))  # type: ignore[arg-type]
        return await visits[-1].to(path)

    yield opened
    problems = [problem for one in visits for problem in await one.end()]
    assert problems == []
