"""The parts of a run, each alone: the market, the forecast, and the witness on the wire."""

import asyncio
from collections import Counter
from itertools import islice, pairwise

import aiohttp
import msgspec
import pytest

from agents.fake_claude.faults import FAULTS, load
from tests.unit.agents.fake_claude.wire import Wire
from tests.unit.agents.serving import fake_claude, url_of
from topics import BY_NAME, Aggregate, Alert, ContractError

from .relay import Listener, Relay
from .tape import ASSETS, Planted, Tape
from .weather import HEALED_S, OUTAGE_S, forecast

RECORDS = 30_000
"""Two minutes and a half of a run; two hours of the market."""


@pytest.fixture(scope="module")
def written() -> list[Planted]:
    """The beginning of a market."""
    return list(islice(Tape("7").records(), RECORDS))


def test_two_tapes_of_one_seed_are_the_same(written: list[Planted]) -> None:
    assert list(islice(Tape("7").records(), 1_000)) == written[:1_000]
    assert list(islice(Tape("8").records(), 1_000)) != written[:1_000]


def test_a_tape_holds_everything_that_makes_the_analyst_work(written: list[Planted]) -> None:
    """Every kind and asset, corrections, repetitions, gaps, what is late, what nobody can use; alerts that end."""
    decode, bad, late = BY_NAME["aggregates"].decoder().decode, 0, 0
    seen: list[Aggregate] = []
    latest: dict[tuple[str, str, int, int], int] = {}
    for planted in written:
        if planted.topic == "aggregates":
            try:
                found: Aggregate = decode(planted.value)
            except ContractError:
                bad += 1
                continue
            seen.append(found)
            family = (found.kind, found.subject, found.window_ms, found.step_ms)
            late += found.revision == 0 and found.window_start_ms < latest.get(family, 0)
            latest[family] = max(latest.get(family, 0), found.window_start_ms)
    assert {a.asset for a in seen} == set(ASSETS)
    assert {a.kind for a in seen} == {"market", "volume", "social", "development"}
    ids = Counter(a.aggregate_id for a in seen)
    counts = {
        "bad": bad,
        "late": late,
        "again": sum(n > 1 for n in ids.values()),
        "corrected": sum(a.revision > 0 for a in seen),
        "holed": sum(a.completeness.state == "holed" for a in seen),
        "no price": sum(getattr(a.values, "open", 1.0) == 0 for a in seen),
    }
    assert min(counts.values()) > 5, counts
    alerts = [msgspec.json.decode(p.value, type=Alert) for p in written if p.topic == "alerts"]
    states = Counter(alert.state for alert in alerts)
    assert min(states["firing"], states["cleared"], states["retracted"]) > 5
    assert not [p for p in written if p.asset not in ASSETS]


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_short_forecast_has_every_fault_and_ends_in_an_outage_and_health(seed: str) -> None:
    """What it says can be played, lasts as long as it should, and has health between the faults."""
    spans = forecast(seed, 180.0)
    assert sum(span.seconds for span in spans) == pytest.approx(180.0)
    for span in spans:
        load(msgspec.json.encode(span.steps))
    assert {step["fault"] for span in spans for step in span.steps} == set(FAULTS)
    for span in spans[:-2]:  # each fault hits one of the first requests, and its share to the end
        hits = [(step["fault"], step["requests"][1]) for step in span.steps]
        firsts = [fault for fault, last in hits if last is not None]
        assert firsts == [fault for fault, last in hits if last is None]
    assert [span.words for span in spans[-2:]] == ["overloaded", "healthy"]
    assert [span.seconds for span in spans[-2:]] == [OUTAGE_S, HEALED_S]
    assert all(bool(a.steps) != bool(b.steps) for a, b in pairwise(spans))
    assert forecast(seed, 180.0) == spans


async def test_the_witness_passes_everything_on_and_knows_when_each_request_ended() -> None:
    """An answer, one that is cut, and one that never comes: the fake notices that its client has gone."""
    async with fake_claude() as fake:
        relay = Relay("one", int(url_of(fake).rpartition(":")[2]))
        async with relay.serving() as url, aiohttp.ClientSession(url) as session:
            asked = Wire(session)
            told = await asked.ask(metadata={"user_id": "well"})
            await fake.play({"requests": [1, 1], "fault": "cut_stream"})
            with pytest.raises(aiohttp.ClientPayloadError):
                await asked.ask(metadata={"user_id": "cut"})
            await fake.play({"requests": [1, 1], "fault": "hang"})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    await asked.ask(metadata={"user_id": "hung"})
            bill = await fake.bill_when(lambda bill: bill["entries"][-1]["delivered"] is False)
    assert told.status == 200
    assert [send.attempt_id for send in relay.sends] == ["well", "cut", "hung"]
    assert [entry["user_id"] for entry in bill["entries"]] == ["well", "cut", "hung"]
    well, cut, hung = relay.sends
    assert well.at_s < well.ended_s <= cut.at_s < cut.ended_s <= hung.at_s
    assert 0.1 < hung.ended_s - hung.at_s < 10


def test_the_witness_finds_each_request_however_its_bytes_come() -> None:
    """With the time of its first byte; and what was left before it had told its name."""
    body = b'{"messages":[{"content":"say user_id"}],"metadata":{"user_id": "%s"}}'
    head = b"POST /v1/messages HTTP/1.1\r\nhost: fake\r\n\r\n"
    stream = b"".join(head + body % name for name in (b"a/1-1", b"a/1-2")) + head + b"{"
    for size in (1, 7, 64, len(stream)):
        found: list[tuple[float, str]] = []

        def note(at_s: float, name: str, to: list[tuple[float, str]] = found) -> None:
            to.append((at_s, name))

        listener = Listener(note)
        for at in range(0, len(stream), size):
            listener.hear(stream[at : at + size], float(at))
        listener.end()
        assert [name for _, name in found] == ["a/1-1", "a/1-2", ""]
        firsts = [0, len(head + body % b"a/1-1"), 2 * len(head + body % b"a/1-1")]
        ends = [first + len(b"POST /v1/messages HTTP/1.1") - 1 for first in firsts]
        assert [at_s for at_s, _ in found] == [float(end // size * size) for end in ends]
