import time
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from .wire import Wire


async def test_a_cleared_bill_begins_anew(wire: Wire) -> None:
    """Entries and totals."""
    await wire.ask()
    assert (await wire.send("DELETE", "/_fake/bill", headers={})).status == 204
    assert (await wire.bill())["entries"] == []
    await wire.ask()
    assert len((await wire.bill())["entries"]) == 1


async def test_the_script_that_is_played_can_be_read(wire: Wire) -> None:
    """With how many requests it has counted."""
    step = {"requests": [5, 6], "fault": "slow", "delay_s": 2.0}
    await wire.play(step)
    await wire.ask()
    answer = await wire.send("GET", "/_fake/script", headers={})
    began_ms = answer.body.pop("began_ms")
    assert abs(began_ms - time.time() * 1000) < 60_000
    assert answer.body == {"steps": [step], "requests": 1}


@pytest.mark.parametrize(
    ("script", "says"),
    [(b'[{"requests": [1, 1], "fault": "x"}]', "step 1: key 'fault'"), (b"nonsense", "not JSON")],
)
async def test_a_wrong_script_is_a_400_and_the_old_one_goes_on(
    wire: Wire, script: bytes, says: str
) -> None:
    """A mistyped fault must not pass for no fault."""
    await wire.play({"requests": [1, None], "fault": "overloaded"})
    answer = await wire.send("PUT", "/_fake/script", data=script, headers={})
    assert answer.status == 400
    assert says in answer.body["error"]["message"]
    assert (await wire.ask()).status == 529


async def test_another_script_counts_from_its_first_request(wire: Wire) -> None:
    """Whatever was asked before."""
    await wire.ask()
    await wire.play({"requests": [1, 1], "fault": "overloaded"})
    assert [(await wire.ask()).status for _ in range(2)] == [529, 200]
    await wire.play()
    assert (await wire.ask()).status == 200


async def test_the_bill_is_searched_by_an_id(wire: Wire) -> None:
    """The API's own or the client's; the totals are of everything all the same; another word is refused."""
    told = [await wire.ask(metadata={"user_id": f"attempt-{at}"}) for at in range(3)]
    for query in (f"request_id={told[1].headers['request-id']}", "user_id=attempt-1"):
        bill = (await wire.send("GET", f"/_fake/bill?{query}", headers={})).body
        (entry,) = bill["entries"]
        assert entry["message_id"] == told[1].body["id"]
        assert bill["totals"]["claude-haiku-5-5"]["requests"] == 3
    assert (await wire.send("GET", "/_fake/bill?user_id=nobody", headers={})).body["entries"] == []
    refused = await wire.send("GET", "/_fake/bill?charged=1", headers={})
    assert (refused.status, refused.body["error"]["message"][:8]) == (400, "charged:")


async def test_a_reset_begins_as_after_the_start(start: Callable[..., Awaitable[str]]) -> None:
    """No bill, full buckets, nothing cached, and the script from its beginning."""
    text, cached = "word " * 600, {"type": "ephemeral"}
    async with aiohttp.ClientSession(await start(requests_per_minute=2)) as session:
        wire = Wire(session)
        await wire.play({"requests": [2, 2], "fault": "html"})
        for _ in range(2):
            first = await wire.ask(text=text, cache_control=cached)
            assert first.body["usage"]["cache_creation_input_tokens"] > 0
            await wire.ask()
            assert (await wire.ask()).status == 429
            assert [entry["fault"] for entry in (await wire.bill())["entries"]] == [None, "html"]
            assert (await wire.send("POST", "/_fake/reset", headers={})).status == 204
        assert (await wire.bill())["entries"] == []
