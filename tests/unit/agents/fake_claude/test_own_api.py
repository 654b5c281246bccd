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
