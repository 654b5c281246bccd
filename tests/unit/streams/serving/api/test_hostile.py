"""Hostile text in every part of a request, and in what is replied: text, refused or told, and nothing else."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from streams.serving.api.events import Head, data_of, with_id
from streams.serving.guard.middleware import Guard
from streams.serving.settings import ServeSettings
from tests.browser.scene import alert
from tests.hostile.corpus import DEEP, LONG, SURROGATE, TEXTS, Text
from tests.unit.streams.serving.api.standing import Api

every_text = pytest.mark.parametrize("text", TEXTS, ids=[text.name for text in TEXTS])
API = Api("crowd")
RATES = {"requests_per_s": 100_000, "requests_burst": 100_000, "acts_per_min": 10_000}
GUARD = Guard(API.app, ServeSettings.model_validate({"rates": RATES}))
LISTS = ("/v1/alerts", "/v1/analyses", "/v1/decisions", "/v1/feeds", "/v1/deadletters")


def _client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=GUARD, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


def _is_text(answer: httpx.Response) -> Any:
    """Return what was told: JSON, below 500, that a browser does not guess to be anything else."""
    assert answer.status_code < 500, answer.text[:300]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith("application/")
    assert all("\n" not in value and "\r" not in value for value in answer.headers.values())
    return json.loads(answer.content)


@every_text
async def test_as_an_id_or_a_parameter_it_is_unknown_or_refused(text: Text) -> None:
    at = quote(text.text.replace("/../", "/"), safe="")
    async with _client() as client:
        for path in ("assets", "aggregates", "analyses", "alerts", "deadletters", "decisions"):
            told = _is_text(await client.get(f"/v1/{path}/{at}"))
            assert told["status"] in (400, 404)
        for path in LISTS:
            for name in ("cursor", "asset", text.text[:50]):
                _is_text(await client.get(path, params={name: text.text}))
        span = {"from_ms": 1, "to_ms": 2}
        _is_text(await client.get(f"/v1/raw/market/{at}", params=span))
        row: dict[str, Any] = {"kind": "market", "subject": text.text, "window_ms": 60_000}
        _is_text(await client.get("/v1/series", params=row))
        for name in ("topics", "after"):
            assert _is_text(await client.get("/v1/stream", params={name: text.text}))


@every_text
async def test_as_a_header_it_is_nothing(text: Text) -> None:
    value = text.text.encode()[:1_000]
    async with _client() as client:
        for name in (b"if-none-match", b"cookie", b"accept", b"x-forwarded-for", b"referer"):
            request = client.build_request("GET", "/v1/alerts", headers=[(name, value)])
            assert (await client.send(request)).status_code == 200
        for name in (b"host", b"origin", b"content-length", b"transfer-encoding"):
            request = client.build_request("POST", "/v1/mutes", headers=[(name, value)], json={})
            assert 400 <= (await client.send(request)).status_code < 500
        resumed = client.build_request("GET", "/v1/stream", headers=[(b"last-event-id", value)])
        assert _is_text(await client.send(resumed))["status"] == 400


@every_text
async def test_as_an_act_it_is_refused_or_told_as_it_is(text: Text) -> None:
    async with _client() as client:
        mute = {"target": text.text, "until_ms": API.now_ms + 1_000, "reason": text.text}
        assert _is_text(await client.post("/v1/mutes", json=mute))["status"] in (400, 409)
        mute["target"] = "asset/BTC"
        told = _is_text(await client.post("/v1/mutes", json=mute))
        assert told.get("status", 200) in (200, 400, 409)
        if "act" in told:
            assert told["act"]["reason"] == text.text


@pytest.mark.parametrize(
    "body", [DEEP[:60_000], SURROGATE, b"\xff\xfe", b"", b"null", b"[]", b"1e999"]
)
async def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    async with _client() as client:
        headers = {"content-type": "application/json"}
        told = _is_text(await client.post("/v1/mutes", content=body, headers=headers))
    assert told["status"] == 400


async def test_what_is_too_long_is_not_read() -> None:
    async with _client() as client:
        body = {"target": "all", "until_ms": 1, "reason": LONG.text}
        assert _is_text(await client.post("/v1/mutes", json=body))["status"] == 413


@every_text
def test_in_a_record_it_forges_no_event(text: Text) -> None:
    """A stream's events end at an empty line: a text may hold one."""
    said = alert(1, headline=text.text)
    data = data_of(Head("alerts", 0, 0, 0), said)
    assert data is not None
    block = with_id(data, "alerts-0.1").decode()
    assert [line.partition(":")[0] for line in block.splitlines(keepends=False)][:3] == [
        "id",
        "event",
        "data",
    ]
    assert block.count("\n") == 4
    assert "\r" not in block
    told = json.loads(block.split("\n")[2].removeprefix("data: "))
    assert told["event"]["headline"] == text.text
