"""What was replied a moment ago is replied again, and nothing else is."""

from typing import Any

import httpx
from starlette.types import Receive, Scope, Send

from streams.serving.api import kept_replies
from streams.serving.api.kept_replies import FRESH_MS, REPLIES_MAX, KeptReplies


class Counting:
    """Answers each request with how many there were."""

    def __init__(self) -> None:
        self.asked, self.status, self.bytes = 0, 200, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        self.asked += 1
        headers = [(b"etag", f'W/"{self.asked}"'.encode()), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        body = str(self.asked).encode() + b" " * self.bytes
        await send({"type": "http.response.body", "body": body})


class Asked:
    """A client of kept replies, with a clock that stands still."""

    def __init__(self) -> None:
        self.inner, self.now_ms = Counting(), 1_000
        self.kept = KeptReplies(self.inner, now_ms=lambda: self.now_ms)
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.kept), base_url="http://x"
        )

    async def get(
        self, path: str = "/v1/alerts", method: str = "GET", **more: Any
    ) -> httpx.Response:
        return await self._client.request(method, path, **more)


async def test_a_question_is_answered_as_a_moment_ago_and_then_anew() -> None:
    asked = Asked()
    assert [(await asked.get()).text for _ in range(3)] == ["1", "1", "1"]
    asked.now_ms += FRESH_MS - 1
    assert (await asked.get()).text == "1"
    asked.now_ms += 1
    assert (await asked.get()).text == "2"
    assert asked.kept.again == 3


async def test_headers_alone_are_those_of_the_whole_reply() -> None:
    """And are kept, and asked about, as it is."""
    asked = Asked()
    whole = await asked.get()
    bare = await asked.get(method="HEAD")
    assert (bare.status_code, bare.content, bare.headers) == (200, b"", whole.headers)
    assert asked.inner.asked == 1
    known = await asked.get(method="HEAD", headers={"if-none-match": whole.headers["etag"]})
    assert known.status_code == 304


async def test_another_question_is_another() -> None:
    asked = Asked()
    told = [(await asked.get(path)).text for path in ("/v1/a", "/v1/a?x=1", "/v1/a?x=2", "/v1/a")]
    assert told == ["1", "2", "3", "1"]


async def test_one_who_has_it_is_told_so() -> None:
    asked = Asked()
    first = await asked.get()
    again = await asked.get(headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, asked.inner.asked) == (304, b"", 1)
    assert (await asked.get(headers={"if-none-match": 'W/"9"'})).status_code == 200


async def test_refusals_acts_streams_and_what_is_large_are_not_kept() -> None:
    asked = Asked()
    asked.inner.status = 404
    assert [(await asked.get()).text for _ in range(2)] == ["1", "2"]
    asked.inner.status = 200
    assert [(await asked.get("/v1/stream")).text for _ in range(2)] == ["3", "4"]
    asked.inner.bytes = kept_replies.REPLY_BYTES_MAX
    await asked.get("/v1/large")
    await asked.get("/v1/large")
    assert asked.inner.asked == 6
    asked.inner.bytes = 0
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=asked.kept), base_url="http://x"
    ) as client:
        await client.post("/v1/mutes")
        await client.post("/v1/mutes")
    assert asked.inner.asked == 8


async def test_the_oldest_reply_makes_room() -> None:
    asked = Asked()
    for i in range(REPLIES_MAX + 1):
        await asked.get(f"/v1/{i}")
    assert (await asked.get(f"/v1/{REPLIES_MAX}")).text == str(REPLIES_MAX + 1)
    assert (await asked.get("/v1/0")).text == str(REPLIES_MAX + 2)
