"""What the API replies, and how it refuses."""

import math
from typing import Any

import pytest
from structlog.testing import capture_logs

from streams.serving.found import Missing, Whole
from streams.serving.letters import letter_of
from streams.serving.redrive.letters import Letter
from streams.serving.shown import Place
from tests.unit.streams.serving.api.standing import Api
from topics.deadletter import DeadLetter, to_record

LISTS = ("/feeds", "/gaps", "/assets", "/analyses", "/decisions", "/alerts", "/deadletters")


def _problem(response: Any) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == response.status_code
    assert told["title"]
    assert told["detail"]
    return response.status_code, told["type"].rpartition(":")[2]


async def test_nothing_is_told_before_all_has_been_read_but_that() -> None:
    api = Api(ready=False)
    async with api.client() as client:
        for path in ("/summary", "/alerts", "/stream"):
            refused = await client.get(path)
            assert _problem(refused) == (503, "not_ready")
            assert refused.headers["retry-after"] == "2"
        ready = await client.get("/ready")
        assert ready.json() == {**ready.json(), "ready": False}


async def test_the_summary_is_the_views() -> None:
    api = Api()
    async with api.client() as client:
        told = (await client.get("/summary")).json()
    assert told["summary"]["sentence"] == api.view.summary(api.now_ms).sentence
    assert told["now_ms"] == api.now_ms


async def test_every_value_has_its_unit_and_quote() -> None:
    api = Api("crowd")
    async with api.client() as client:
        asset = (await client.get("/assets/BTC")).json()
        market = next(w for w in asset["latest"] if w["aggregate"]["values"]["kind"] == "market")
        row: dict[str, Any] = {"kind": "market", "subject": "BTC/USDT", "window_ms": 60_000}
        series = (await client.get("/series", params=row)).json()
    for measures in (market["measures"], series["measures"]):
        assert measures["close"] == {**measures["close"], "unit": "USDT", "quote": "USDT"}
        assert measures["volume"] == {**measures["volume"], "unit": "BTC", "quote": None}
        assert measures["taker_buy_ratio"]["unit"] == "1"
    assert set(series["items"][0]["values"]) <= set(series["measures"])
    assert set(market["aggregate"]["values"]) - {"kind"} <= set(market["measures"])
    assert series["items"] == sorted(series["items"], key=lambda p: p["start_ms"])


async def test_an_aggregate_is_told_whole_with_where_it_comes_from() -> None:
    api = Api("crowd")
    window = next(iter(api.view.latest.values()))
    async with api.client() as client:
        told = (await client.get(f"/aggregates/{window.aggregate_id}")).json()
    assert told["aggregate"]["aggregate_id"] == window.aggregate_id
    assert told["links"]["raw"].startswith("/raw/")


@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ("deleted", (410, "gone")),
        ("not_found", (404, "unknown")),
        ("unreachable", (503, "log_away")),
        ("unreadable", (410, "gone")),
    ],
)
async def test_what_the_log_does_not_give_is_told_with_why(
    why: Any, expected: tuple[int, str]
) -> None:
    api = Api()
    api.lookup.why = Missing(why=why, words="because")
    async with api.client() as client:
        for path in ("/aggregates/market/BTC/1/1/1/0", "/analyses/state/BTC/1/0", "/decisions/x"):
            refused = await client.get(path)
            assert _problem(refused) == expected
            assert "because" in refused.json()["detail"]


async def test_an_analysis_and_its_path_link_to_each_other() -> None:
    api = Api("crowd")
    async with api.client() as client:
        item = (await client.get("/analyses", params={"limit": 1})).json()["items"][0]
        links = item["links"]
        one = (await client.get(links["self"].removeprefix("/api/v1"))).json()
        path = (await client.get(links["path"].removeprefix("/api/v1"))).json()
    assert one["shown"] == item["shown"]
    assert path["links"]["analysis"] == links["page"]


async def test_filters_hold() -> None:
    api = Api("crowd")
    async with api.client() as client:
        for asset in ("BTC", "ETH", "NOPE"):
            told = (await client.get("/analyses", params={"asset": asset})).json()["items"]
            assert {i["shown"]["analysis"]["asset"] for i in told} <= {asset}
        firing = (await client.get("/alerts", params={"state": "firing"})).json()["items"]
        assert firing
        assert {i["shown"]["alert"]["state"] for i in firing} == {"firing"}
        asking = (await client.get("/alerts", params={"asking": True})).json()["items"]
        assert asking
        assert all(i["asks"] for i in asking)


@pytest.mark.parametrize("path", LISTS)
async def test_a_list_is_the_same_in_pages_of_any_size(path: str) -> None:
    api = Api()
    async with api.client() as client:
        whole = (await client.get(path, params={"limit": 500})).json()
        assert whole["next"] is None
        paged: list[Any] = []
        cursor: dict[str, Any] = {}
        for _ in range(math.ceil(len(whole["items"]) / 2) + 1):
            page = (await client.get(path, params={"limit": 2, **cursor})).json()
            paged += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
    assert paged == whole["items"]


async def test_a_cursor_of_another_question_is_refused() -> None:
    api = Api("crowd")
    async with api.client() as client:
        given = (await client.get("/alerts", params={"limit": 1})).json()["next"]
        for params in ({"cursor": given, "asset": "BTC"}, {"cursor": "x"}, {"cursor": given[:-2]}):
            assert _problem(await client.get("/alerts", params=params)) == (400, "bad_cursor")
        assert _problem(await client.get("/analyses", params={"cursor": given}))[1] == "bad_cursor"


async def test_what_is_no_parameter_is_refused_by_its_name() -> None:
    async with Api().client() as client:
        refused = await client.get("/alerts", params={"assset": "BTC"})
        assert _problem(refused) == (400, "bad_request")
        assert "assset" in refused.json()["detail"]
        for params in ({"limit": 0}, {"limit": 501}, {"since_ms": -1}, {"severity": "loud"}):
            assert _problem(await client.get("/alerts", params=params)) == (400, "bad_request")


async def test_more_raw_events_than_are_given_at_once_are_refused_with_what_is() -> None:
    async with Api().client() as client:
        span = {"from_ms": 0, "to_ms": 3_600_001}
        refused = await client.get("/raw/market/BTC/USDT", params=span)
        assert _problem(refused) == (400, "bad_request")
        assert "3600000" in refused.json()["allowed"]
        fits = await client.get("/raw/market/BTC/USDT", params={"from_ms": 1, "to_ms": 3_600_001})
        assert fits.status_code == 200


@pytest.mark.parametrize(
    "path", ["/summary", "/assets", "/feeds", "/alerts", "/money", "/assets/BTC"]
)
async def test_a_reader_that_has_it_gets_304_until_something_is_different(path: str) -> None:
    """The clock alone makes no difference."""
    api = Api("crowd")
    async with api.client() as client:
        first = await client.get(path)
        assert first.headers["cache-control"] == "private, no-cache"
        tag = {"if-none-match": f'"x", {first.headers["etag"]}'}
        api.now_ms += 1
        again = await client.get(path, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert (await client.get(path, headers={"if-none-match": 'W/"other"'})).status_code == 200


async def test_the_document_is_not_sent_to_one_who_has_it() -> None:
    """It takes 140 KB, and loads nothing of elsewhere: there is no page of it."""
    async with Api("empty").client() as client:
        first = await client.get("/../openapi.json")
        again = await client.get(
            "/../openapi.json", headers={"if-none-match": first.headers["etag"]}
        )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["cache-control"] == "private, no-cache"


async def test_a_new_alert_changes_the_tag() -> None:
    api = Api("crowd")
    async with api.client() as client:
        before = (await client.get("/alerts")).headers["etag"]
        fired = next(iter(api.view.alert_book)).alert
        await client.post(f"/alerts/{fired.alert_id}/acknowledgement", json={})
        assert (await client.get("/alerts")).headers["etag"] != before


async def test_operators_acts_are_written_in_the_name_of_the_token() -> None:
    api = Api("crowd")
    alert = next(a for a in api.view.alerts(api.now_ms) if a.asks).alert
    analysis = api.view.analyses[0].analysis_id
    async with api.client() as client:
        seen = await client.post(f"/alerts/{alert.alert_id}/acknowledgement", json={"reason": "ok"})
        assert seen.json()["act"] == {**seen.json()["act"], "actor": "oscar", "act": "acknowledge"}
        until_ms = api.now_ms + 600_000
        mute = {"target": f"asset/{alert.asset}", "until_ms": until_ms, "reason": "a fork"}
        assert (await client.post("/mutes", json=mute)).status_code == 200
        held = (await client.get("/controls")).json()["items"]
        assert {act["subject"] for act in held} >= {mute["target"], f"alert/{alert.alert_id}"}
        lifted = await client.delete(f"/mutes/{mute['target']}", params={"reason": "over"})
        assert lifted.json()["act"]["value"] == "off"
        again = await client.delete(f"/mutes/{mute['target']}", params={"reason": "over"})
        assert _problem(again) == (404, "unknown")
        wrong = {"verdict": "wrong", "reason": "the sign"}
        assert (await client.post(f"/analyses/{analysis}/feedback", json=wrong)).status_code == 200
        shown = (await client.get(f"/analyses/{analysis}")).json()["shown"]
        assert [f["verdict"] for f in shown["feedback"]] == ["wrong"]


async def test_acts_of_pages_and_of_the_api_are_counted_together() -> None:
    """A page calls the same `Acts` for whoever looks at it."""
    api = Api("crowd", acts_per_min=3)
    mute = {"target": "all", "until_ms": api.now_ms + 600_000, "reason": "a fork"}
    async with api.client() as client:
        assert (await client.post("/mutes", json=mute)).status_code == 200
        for _ in range(2):
            await api.served.acts.unmute("all", actor="oscar", reason="over")
        refused = await client.post("/mutes", json=mute)
        assert _problem(refused) == (429, "rate_limited")
        assert refused.headers["retry-after"] == "20"
        assert "oscar acts too often" in refused.json()["detail"]
        assert (await client.get("/controls")).status_code == 200


async def test_acts_that_cannot_be_are_refused_with_why() -> None:
    api = Api("crowd")
    async with api.client() as client:
        late = {"target": "asset/BTC", "until_ms": api.now_ms, "reason": "x"}
        assert _problem(await client.post("/mutes", json=late)) == (409, "conflict")
        odd = {**late, "target": "everything"}
        assert _problem(await client.post("/mutes", json=odd)) == (409, "conflict")
        more = {**late, "for": "ever"}
        refused = await client.post("/mutes", json=more)
        assert _problem(refused) == (400, "bad_request")
        assert _problem(await client.post("/alerts/no/acknowledgement", json={})) == (
            404,
            "unknown",
        )


def _letter(offset: int, value: bytes, reason: str = "misrouted") -> DeadLetter:
    return DeadLetter(
        reason=reason,
        message="in another's partition",
        stage="fold",
        role="streams",
        key=b"\x00BTC",
        value=value,
        time_ms=1,
        topic="raw.market",
        partition=0,
        offset=offset,
    )


async def test_a_dead_letters_bytes_are_told_escaped() -> None:
    api = Api("empty")
    key, value, headers = to_record(_letter(7, b'<b>\x1b[31m\\"\xff'))
    place = Place("deadletters", 0, 3)
    api.view.take_dead_letter(letter_of(key, value, headers, at_ms=5, place=place, prefix=""))
    api.lookup.records[place] = Whole(place=place, at_ms=5, key=key, value=value, headers=headers)
    async with api.client() as client:
        item = (await client.get("/deadletters")).json()["items"][0]
        told = (await client.get(item["links"]["self"].removeprefix("/api/v1"))).json()
    assert told["bytes_escaped"] == '<b>\\x1b[31m\\\\"\\xff'
    assert told["key_escaped"] == "\\x00BTC"
    assert told["todo"]


async def test_a_redrive_is_of_the_letters_that_were_looked_at() -> None:
    api = Api("empty")
    trade = (
        b'{"type":"trade","source":"s","venue":"v","subject":"BTC/USDT","trade_id":"1","event_ms":1600000000000,'
        b'"received_ms":1600000000001,"price":1,"size":1,"side":"buy"}'
    )
    api.redriver.letters = [
        Letter(letter=_letter(1, trade), partition=0, offset=0, logged_ms=1),
        Letter(letter=_letter(2, b"{", "malformed"), partition=0, offset=1, logged_ms=2),
    ]
    async with api.client() as client:
        plan = (await client.post("/redrives/plan", json={"stage": "fold"})).json()
        assert [len(plan["going"]), len(plan["staying"])] == [1, 1]
        body = {"stage": "fold", "redrive_id": "another", "why": "mended"}
        assert _problem(await client.post("/redrives", json=body)) == (409, "conflict")
        assert not api.redriver.done
        body["redrive_id"] = plan["redrive_id"]
        assert (await client.post("/redrives", json=body)).json()["written"] == 1
    assert api.redriver.done == [(plan["redrive_id"], "oscar", "mended")]


async def test_what_is_not_there_and_what_is_not_done_are_problems_too() -> None:
    async with Api().client() as client:
        assert _problem(await client.get("/nothing")) == (404, "unknown")
        refused = await client.post("/summary")
        assert _problem(refused) == (405, "method")
        assert refused.headers["allow"] == "GET"
        assert _problem(await client.get("/../../etc/passwd")) == (404, "unknown")


async def test_a_defect_is_told_without_its_inside() -> None:
    api = Api()
    api.lookup.aggregate = None  # type: ignore[method-assign, assignment]
    with capture_logs() as logged:
        async with api.client() as client:
            refused = await client.get("/aggregates/market/BTC/1/1/1/0")
    assert [one["event"] for one in logged] == ["a request failed"]
    assert _problem(refused) == (500, "defect")
    assert "NoneType" not in refused.text
