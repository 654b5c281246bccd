"""A fake of a test's own, on a free port, and the real SDK's client of it, loose and strict."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from anthropic import AsyncAnthropic

from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings

from .wire import Wire

READY_S = 20
"""The first start builds the SDK's types."""


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Start a fake with these settings and return its base URL."""
    tasks: list[asyncio.Task[None]] = []

    async def run(**settings: object) -> str:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        made = FakeClaudeSettings.model_validate(settings)
        task = asyncio.create_task(serve(made, ready=ready.set_result))
        tasks.append(task)
        task.add_done_callback(lambda _: ready.done() or ready.cancel())
        async with asyncio.timeout(READY_S):
            await asyncio.wait({ready})
        if task.done():
            task.result()
        return ready.result()

    yield run
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def fake(start: Callable[..., Awaitable[str]]) -> str:
    """The base URL of a fake as it is by default."""
    return await start()


@pytest.fixture
async def wire(fake: str) -> AsyncIterator[Wire]:
    """The fake by plain HTTP."""
    async with aiohttp.ClientSession(fake) as session:
        yield Wire(session)


@pytest.fixture(params=[False, True], ids=["loose", "strict"])
async def client(request: pytest.FixtureRequest, fake: str) -> AsyncIterator[AsyncAnthropic]:
    """The SDK's client of the fake, once as it is and once refusing answers of the wrong shape."""
    async with AsyncAnthropic(
        api_key="test-key",
        base_url=fake,
        max_retries=0,
        timeout=20,
        _strict_response_validation=request.param,
    ) as made:
        yield made
