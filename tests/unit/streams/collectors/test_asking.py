"""HTTP as the asking sources use it, against a server that fails in every way."""

import asyncio
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from streams.collectors.asking import DeniedError, Http, wait_of
from streams.collectors.port import SourceError
from tests.servers.web import Body, Cut, Fault, Hang, Slow, Status, WebServer

NOW_MS = 1_700_000_000_000
KEY = "k3y"


async def well(request: web.Request) -> web.Response:
    if request.headers.get("If-None-Match") == '"1"':
        return web.Response(status=304)
    return web.Response(body=b"[]", headers={"ETag": '"1"'})


def http(**options: object) -> Http:
    return Http(**{"now_ms": lambda: NOW_MS, "per_minute": 60_000, "timeout_s": 0.5, **options})  # type: ignore[arg-type]


async def test_an_answer_and_one_that_has_not_changed() -> None:
    client = http()
    async with WebServer(well) as server:
        first = await client.get(f"{server.url}/a", params={"q": "x"})
        assert (first.status, first.body, first.received_ms) == (200, b"[]", NOW_MS)
        again = await client.get(
            f"{server.url}/a", headers={"If-None-Match": first.headers["etag"]}
        )
        assert (again.status, again.body) == (304, b"")
        assert server.paths == ["/a?q=x", "/a"]
        assert "tapereader" in server.requests[0].headers["User-Agent"]
        await client.close()


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Status(503), "503 Service Unavailable"),
        (Status(429, {"Retry-After": "7"}), "429 Too Many Requests"),
        (Cut(), "Payload"),
        (Hang(), "no whole answer within 0.5 s"),
        (Body(b"x" * 1_001), "more than 1000 bytes"),
        (Status(302, {"Location": "/a"}), "TooManyRedirects"),
    ],
)
async def test_what_is_no_use_says_why_and_the_next_one_works(fault: Fault, told: str) -> None:
    client = http(body_bytes_max=1_000)
    async with WebServer(well) as server:
        server.faults.extend([fault] * (4 if fault == Status(302, {"Location": "/a"}) else 1))
        with pytest.raises(SourceError, match=told) as caught:
            await client.get(f"{server.url}/a?key={KEY}")
        assert KEY not in str(caught.value)
        assert caught.value.wait_s == (7.0 if "429" in told else None)
        assert (await client.get(f"{server.url}/a")).status == 200
        await client.close()


async def test_a_key_in_the_headers_goes_to_nobody_else() -> None:
    client = http(follow=False, headers={"x-key": KEY})
    async with WebServer(well) as server, WebServer(well) as stranger:
        server.faults.append(Status(302, {"Location": f"{stranger.url}/a"}))
        with pytest.raises(SourceError, match="302, which is no answer"):
            await client.get(server.url)
        assert stranger.requests == []
        await client.close()


async def test_a_redirect_to_nowhere_is_no_answer() -> None:
    client = http()
    async with WebServer(well) as server:
        server.faults.append(Status(300))
        with pytest.raises(SourceError, match="300, which is no answer"):
            await client.get(server.url)
        await client.close()


async def test_a_refusal_may_say_how_long_to_wait() -> None:
    client = http()
    async with WebServer(well) as server:
        server.faults.append(Status(418, {"Retry-After": "120"}))
        with pytest.raises(DeniedError) as caught:
            await client.get(server.url)
        assert caught.value.wait_s == 120.0
        await client.close()


async def test_slow_bytes_end_in_time() -> None:
    client = http()

    async def long(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1_000)

    async with WebServer(long) as server:
        server.faults.append(Slow())
        with pytest.raises(SourceError, match="no whole answer"):
            await client.get(server.url)
        await client.close()


async def test_of_a_long_answer_the_beginning_may_be_enough() -> None:
    client = http(body_bytes_max=10, prefix=True)

    async def long(_: web.Request) -> web.Response:
        return web.Response(body=b"0123456789" * 100_000)

    async with WebServer(long) as server:
        assert (await client.get(server.url)).body == b"0123456789"
        assert (await client.get(server.url)).body == b"0123456789"
        await client.close()


async def test_a_refusal_is_told_with_its_status() -> None:
    client = http()
    async with WebServer(well) as server:
        server.faults.append(Status(404))
        with pytest.raises(DeniedError) as caught:
            await client.get(server.url)
        assert caught.value.status == 404
        await client.close()


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    authority = trustme.CA()
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    async with WebServer(well, authority=authority) as server:
        stranger = http(timeout_s=5.0)
        with pytest.raises(SourceError, match="not to be trusted"):
            await stranger.get(server.url)
        await stranger.close()
        friend = http(timeout_s=5.0, ca_file=str(trusted))
        assert (await friend.get(server.url)).status == 200
        await friend.close()


async def test_nobody_there() -> None:
    async with WebServer(well) as server:
        url = server.url
    client = http()
    with pytest.raises(SourceError, match="Cannot connect"):
        await client.get(url)
    await client.close()


async def test_questions_keep_their_distance() -> None:
    client = http(per_minute=600)
    async with WebServer(well) as server:
        begun = asyncio.get_running_loop().time()
        for _ in range(3):
            await client.get(server.url)
        assert asyncio.get_running_loop().time() - begun >= 0.19
        await client.close()


@pytest.mark.parametrize(
    ("told", "wait_s"),
    [
        ("30", 30.0),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 22:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_to_wait(told: str, wait_s: float | None) -> None:
    assert wait_of({"retry-after": told}, NOW_MS) == wait_s
