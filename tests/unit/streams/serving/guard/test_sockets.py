"""An open websocket lasts no longer than who opened it may come in, says no more than it may, and has a seat."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from streams.serving.guard import sockets, tokens
from streams.serving.guard.access import Access
from streams.serving.guard.gate import COOKIE
from streams.serving.guard.middleware import Guard
from streams.serving.guard.seats import Seats
from streams.serving.guard.tokens import Keyring
from streams.serving.settings import ServeSettings
from tests.unit.streams.serving.guard.asking import OPERATOR, TOKENS, Clock, bearer

SAID = {"type": "websocket.receive", "text": "an event of a page"}


class Open:
    """A websocket of a browser through the guard, and what its application and the browser got."""

    def __init__(self, guard: Guard, **headers: str) -> None:
        self.browser: asyncio.Queue[Any] = asyncio.Queue()
        self.got: list[Any] = []
        self.page: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        given = {"host": "localhost", **headers}
        self.scope: Scope = {
            "type": "websocket",
            "path": "/_nicegui_ws/socket.io/",
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "headers": [(k.encode(), v.encode()) for k, v in given.items()],
            "extensions": {"websocket.http.response": {}},
            "state": {"page": self},
        }
        self.task = asyncio.ensure_future(guard(self.scope, self.browser.get, self._send))

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        self.got.append(message)

    async def say(self) -> None:
        """Send an event, and let everybody come to rest."""
        await self.browser.put(SAID)
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def is_over(self) -> bool:
        """Whether the browser was told to close."""
        return bool(self.got) and self.got[-1]["type"] == "websocket.close"


async def _pages(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer each event of a page, until its browser goes."""
    page = scope["state"]["page"]
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        page.page.append(message)
        await send({"type": "websocket.send", "text": "painted"})
    page.page.append(message)


class House:
    """A guard before pages, with a clock."""

    def __init__(self, **serve: Any) -> None:
        self.clock = Clock()
        settings = ServeSettings.model_validate(serve)
        self.guard = Guard(_pages, settings, monotonic_s=self.clock, wall_s=self.clock)
        self.ring = Keyring(settings)

    def cookie(self, lasts_s: int = 3_600) -> str:
        """Return the cookie of one who signed in."""
        oscar = Access(role="operator", actor="oscar")
        value = self.ring.cookie(oscar, expires_s=int(self.clock.now_s) + lasts_s)
        return f"{COOKIE}={value}"


async def _sign_out(house: House, cookie: str) -> None:
    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(_: Any) -> None:
        pass

    headers = [(b"host", b"localhost"), (b"cookie", cookie.encode())]
    scope: Scope = {"type": "http", "method": "POST", "path": "/signout", "query_string": b"", "headers": headers}  # fmt: skip
    await house.guard(scope, receive, send)


async def test_a_page_that_was_signed_out_acts_no_more() -> None:
    """Its event does not arrive, its websocket is closed, and a copy of its cookie opens no other."""
    house = House(**TOKENS)
    cookie = house.cookie()
    one, another = Open(house.guard, cookie=cookie), Open(house.guard, cookie=house.cookie(99))
    await one.say()
    await _sign_out(house, cookie)
    await one.say()
    assert [m["type"] for m in one.page] == ["websocket.receive", "websocket.disconnect"]
    assert (one.got[-1]["code"], one.got[-1]["reason"]) == (1008, "signed_out")
    again = Open(house.guard, cookie=cookie)
    await again.say()
    assert (again.got[0]["status"], again.page) == (401, [])
    await another.say()
    assert not another.is_over
    assert house.guard.gate.ended["signed_out"] == 1
    another.task.cancel()


async def test_a_page_whose_session_has_expired_is_told_nothing_more() -> None:
    """Even if it says nothing itself: what is painted for it is not sent."""
    house = House(**TOKENS)
    one = Open(house.guard, cookie=house.cookie(lasts_s=60))
    await one.say()
    painted = len(one.got)
    house.clock.now_s += 60
    await one.say()
    assert one.is_over
    assert len(one.got) == painted + 1


async def test_a_programs_token_lasts_as_long_as_the_process() -> None:
    house = House(**TOKENS)
    one = Open(house.guard, **bearer(OPERATOR))
    house.clock.now_s += 1e9
    await one.say()
    assert not one.is_over
    one.task.cancel()


async def test_a_page_says_no_more_than_its_client_may_ask() -> None:
    """Events of a websocket are requests like others: beyond the rate it is closed."""
    house = House(rates={"requests_per_s": 1, "requests_burst": 4})
    one = Open(house.guard)
    for _ in range(3):
        await one.say()
        assert not one.is_over
    await one.say()
    assert one.is_over
    assert Counter(m["type"] for m in one.page) == {
        "websocket.receive": 3,
        "websocket.disconnect": 1,
    }
    assert house.guard.gate.ended["rate_limited"] == 1


async def test_a_browser_that_reads_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the server would hold whatever is painted for it."""
    monkeypatch.setattr(sockets, "SEND_S", 0.01)
    house = House()
    one = Open(house.guard)
    await one.say()
    one.reads.clear()
    await one.browser.put(SAID)
    await asyncio.sleep(0.05)
    assert house.guard.gate.ended["unread"] == 1
    await one.say()
    await asyncio.wait_for(one.task, 1)
    assert len(house.guard.gate.seats) == 0


async def test_pages_beyond_the_bounds_are_refused_until_one_goes() -> None:
    house = House(viewers_max=3, viewers_per_client_max=2)
    first, second, third = (Open(house.guard) for _ in range(3))
    for page in (first, second, third):
        await page.say()
    assert (third.got[0]["status"], third.page) == (429, [])
    assert len(house.guard.gate.seats) == 2
    await first.browser.put({"type": "websocket.disconnect", "code": 1001})
    await first.task
    fourth = Open(house.guard)
    await fourth.say()
    assert fourth.got[0]["type"] == "websocket.accept"
    for page in (second, fourth):
        page.task.cancel()


def test_cookies_signed_out_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until they expire; what is no cookie of ours takes no room."""
    monkeypatch.setattr(tokens, "SIGNED_OUT_MAX", 2)
    ring = Keyring(ServeSettings.model_validate(TOKENS))
    oscar = Access(role="operator", actor="oscar")
    first, second, third = (ring.cookie(oscar, expires_s=100 + n) for n in range(3))
    for cookie in ("oscar.999.00", first, second, third):
        ring.sign_out(cookie, 0)
    assert [ring.access_by_cookie(c, 0) for c in (first, second, third)] == [oscar, None, None]
    late = ring.cookie(oscar, expires_s=200)
    ring.sign_out(late, 101)  # by then the second has expired
    assert [ring.access_by_cookie(c, 101) for c in (third, late)] == [None, None]


async def test_what_is_painted_after_a_sign_out_is_not_sent() -> None:
    """Also where the page itself said nothing since."""
    holding = [True]
    got: list[str] = []
    why: list[str] = []

    async def send(message: Any) -> None:
        got.append(message["type"])

    async def receive() -> Any:
        return SAID

    socket = sockets.Socket(
        receive, send, holds=lambda: holding[0], may_say=lambda: True, ended=why.append
    )
    await socket.send({"type": "websocket.send", "text": "painted"})
    holding[0] = False
    for _ in range(2):
        await socket.send({"type": "websocket.send", "text": "painted"})
    assert got == ["websocket.send", "websocket.close"]
    assert why == ["signed_out"]


def test_all_clients_together_have_no_more_seats_than_there_are() -> None:
    """At the bound the next one is refused, whoever it is, until somebody goes."""
    seats = Seats(2, 2)
    with seats.seat("one"):
        with seats.seat("two"):
            refusal = seats.refusal("three")
            assert refusal is not None
            assert refusal.status == 429
        assert seats.refusal("three") is None
    assert len(seats) == 0
