import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from agents.fake_claude.errors import ScriptError
from agents.fake_claude.server import serve
from agents.fake_claude.settings import FakeClaudeSettings

from .wire import Wire, half_read

PROMPT_S = 1.0
"""Closing takes no longer than this, whatever is open."""


async def test_it_is_ready_when_it_says_so(start: Callable[..., Awaitable[str]]) -> None:
    """The URL it gives answers at once, on loopback."""
    url = await start()
    assert url.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession(url) as session:
        assert (await Wire(session).ask()).status == 200


async def test_two_of_them_are_two(start: Callable[..., Awaitable[str]]) -> None:
    """Each has a port, a bill and ids of its own."""
    urls = [await start(), await start()]
    assert urls[0] != urls[1]
    ids = []
    for url in urls:
        async with aiohttp.ClientSession(url) as session:
            ids.append((await Wire(session).ask()).body["id"])
            assert len((await Wire(session).bill())["entries"]) == 1
    assert ids[0] != ids[1]


async def test_a_port_that_is_taken_is_an_error_at_the_start(
    start: Callable[..., Awaitable[str]],
) -> None:
    """Not a server that nobody reaches."""
    port = int((await start()).rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await start(port=port)


async def test_closing_drops_what_is_open_at_once() -> None:
    """A hanging request, a slow one and an idle connection; nothing waits for its client."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(FakeClaudeSettings(), ready=ready.set_result))
    async with aiohttp.ClientSession(await ready) as session:
        wire = Wire(session)
        await wire.play(
            {"requests": [1, 1], "fault": "hang"},
            {"requests": [2, 2], "fault": "slow", "delay_s": 600},
        )
        waiting = [asyncio.create_task(wire.ask(stream=streams)) for streams in (True, False)]
        await wire.bill_when(lambda bill: len(bill["entries"]) == 2)
        began_s = time.monotonic()
        server.cancel()
        with pytest.raises(asyncio.CancelledError):
            await server
        assert time.monotonic() - began_s < PROMPT_S
        for one in waiting:
            with pytest.raises(aiohttp.ClientError):
                await one


async def test_closing_does_not_wait_for_a_reader_of_a_stream() -> None:
    """One who has read half of it and stopped."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(FakeClaudeSettings(), ready=ready.set_result))
    connection = await half_read(await ready)
    began_s = time.monotonic()
    server.cancel()
    with pytest.raises(asyncio.CancelledError):
        await server
    assert time.monotonic() - began_s < PROMPT_S
    connection.close()


async def test_a_script_file_is_played_from_the_first_request(
    start: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """As one that is put."""
    path = tmp_path / "script.json"
    path.write_text('[{"requests": [1, 1], "fault": "overloaded"}]')
    async with aiohttp.ClientSession(await start(script=path)) as session:
        wire = Wire(session)
        assert [(await wire.ask()).status for _ in range(2)] == [529, 200]


async def test_a_script_that_cannot_be_played_stops_the_start(
    start: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    """Before anything is served; the step and the key are named."""
    path = tmp_path / "script.json"
    path.write_text('[{"requests": [1, 1], "fault": "overlaoded"}]')
    with pytest.raises(ScriptError, match="step 1: key 'fault'"):
        await start(script=path)


async def test_a_second_loopback_address_is_served(start: Callable[..., Awaitable[str]]) -> None:
    """Named in the URL."""
    url = await start(host="127.0.0.2")
    assert url.startswith("http://127.0.0.2:")
    async with aiohttp.ClientSession(url) as session:
        assert (await Wire(session).ask()).status == 200
