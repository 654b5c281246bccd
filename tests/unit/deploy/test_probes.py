"""The three pages a monitor asks for, over a real socket."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import Counter

from deploy.probes import Ready, serving_probes
from deploy.settings import ProbeSettings
from topics import SettingsError

COUNTED = Counter("test_probes_asked", "Of this test.")


@asynccontextmanager
async def asking(ready: Ready) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of probes at the address they have by default, at any free port."""
    host = ProbeSettings().host
    async with (
        serving_probes(host, 0, ready) as port,
        aiohttp.ClientSession(f"http://{host}:{port}") as client,
    ):
        yield client


async def page(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path) as answer:
        return answer.status, await answer.text()


async def test_ready_follows_what_the_role_says_each_time_it_is_asked() -> None:
    """503 with the reason while it is not, and alive all the while."""
    why_not: list[str | None] = ["no partitions yet", None, "away"]
    async with asking(lambda: why_not[0]) as client:
        for status, text in ((503, "no partitions yet\n"), (200, "ok\n"), (503, "away\n")):
            assert await page(client, "/readyz") == (status, text)
            assert await page(client, "/healthz") == (200, "ok\n")
            why_not.pop(0)


async def test_the_metrics_are_this_processes_own() -> None:
    """In the format Prometheus asks for, read anew at each request."""
    async with asking(lambda: None) as client:
        for number in (1, 2):
            COUNTED.inc()
            async with client.get("/metrics") as answer:
                assert answer.status == 200
                assert answer.headers["Content-Type"].startswith("text/plain; version=")
                assert f"test_probes_asked_total {number}.0" in await answer.text()


async def test_there_is_nothing_else() -> None:
    """No other page, no other method, no listing."""
    async with asking(lambda: None) as client:
        for path in ("/", "/readyz/", "/metrics/../etc/passwd", "/settings"):
            assert (await page(client, path))[0] == 404, path
        async with client.post("/healthz") as answer:
            assert answer.status == 405


async def test_by_default_only_this_machine_can_ask() -> None:
    """It says much of the business; another address is the operator's decision."""
    assert ProbeSettings().host == "127.0.0.1"
    async with serving_probes(ProbeSettings().host, 0, lambda: None) as port:
        with socket.socket() as elsewhere:  # the same port of another address is free
            elsewhere.bind(("127.0.0.2", port))
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass


async def test_a_taken_port_is_refused_by_its_key() -> None:
    """Two roles of one port: the second says what to set."""
    async with serving_probes("127.0.0.1", 0, lambda: None) as port:
        with pytest.raises(SettingsError) as refused:
            async with serving_probes("127.0.0.1", port, lambda: None):
                pytest.fail("served")
    told = str(refused.value)
    assert f"probes.host = '127.0.0.1', probes.port = {port}: Address already in use" in told
    assert "0 for any free port" in told
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "a" * 64 + ".example"])
async def test_an_address_that_is_not_ours_is_refused_by_its_key(host: str) -> None:
    """Of another machine, or not even a name."""
    with pytest.raises(SettingsError, match=r"probes\.host = "):
        async with serving_probes(host, 0, lambda: None):
            pytest.fail("served")


async def test_the_port_is_free_again_afterwards() -> None:
    """A role that is restarted gets its address."""
    async with serving_probes("127.0.0.1", 0, lambda: None) as port:
        pass
    async with serving_probes("127.0.0.1", port, lambda: None) as again:
        assert again == port
