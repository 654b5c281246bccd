"""What may go wrong on the way from a venue ends the session or becomes a letter, and is never silent."""

import asyncio
import json
from contextlib import aclosing

import pytest

from streams.collectors.market.session import CLOSE_S, LETTER_CHARS_MAX
from streams.collectors.outbound import Outbound
from streams.collectors.port import Refused, Through
from tests.recordings import xrpeth_frames
from tests.servers.process import free_ports
from tests.servers.venue import Abort, Close, Deaf, Refuse, Send, Step, VenueServer, Wait, sends
from topics import GapDetected, Trade, decoder_of
from topics.broker import BrokerSettings

from .listening import PATIENCE_S, Heard, create, expected, listen, now_ms, told

SUBJECTS = {"XRPETH": "XRP/ETH"}
GAPS = decoder_of(GapDetected)


def gaps(heard: Heard) -> list[GapDetected]:
    """Return the gap marks that the runner would send."""
    outbound = Outbound("live", "market", BrokerSettings(), epoch=1)
    records = [record for seen in heard.all for record in outbound.take(seen, now_ms())]
    marked = [record.value for record in records if b'"gap.detected"' in (record.value or b"")]
    return [GAPS.decode(value) for value in marked if value is not None]


def changed(frame: str, **fields: object) -> str:
    """Return a frame with other fields."""
    return json.dumps({**json.loads(frame), **fields}, separators=(",", ":"))


@pytest.mark.parametrize("end", [Close(), Close(1008), Abort()])
async def test_a_lost_connection_is_dialled_again_and_its_hole_found(end: Step) -> None:
    """What came before the end is not lost; what was missed is one gap, with the number of its trades."""
    frames = xrpeth_frames()[:1000]
    # What is on its way when a connection breaks off is lost, so that has time to arrive.
    script = [*sends(frames[:600]), Wait(0.3), end, *sends(frames[625:])]
    async with VenueServer(script) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.trades) == 975)
        assert server.connections == 2
        assert server.subscriptions == [["xrpeth@aggTrade"]] * 2
    assert [told(trade) for trade in heard.trades] == [
        expected(frame, SUBJECTS) for frame in frames[:600] + frames[625:]
    ]
    assert len(heard.errors) == 1
    assert "closing code" in heard.errors[0]
    (gap,) = gaps(heard)
    assert (gap.ids_missing, gap.first_missing) == (25, json.loads(frames[600])["a"])


async def test_a_hole_in_a_live_connection_is_one_gap() -> None:
    """And what comes twice is heard once, and makes none."""
    frames = xrpeth_frames()[:100]
    played = [*frames[:40], *frames[35:40], *frames[47:], *frames[90:]]
    async with VenueServer(sends(played)) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.trades) == 93)
        assert server.connections == 1
    assert [told(trade) for trade in heard.trades] == [
        expected(frame, SUBJECTS) for frame in frames[:40] + frames[47:]
    ]
    (gap,) = gaps(heard)
    assert gap.ids_missing == 7


async def test_silence_ends_a_session() -> None:
    """Connected, answering pings, and mute: taken for dead, and dialled again."""
    first, second = xrpeth_frames()[:2]
    async with VenueServer([Send(first), Wait(1.2), Send(second)]) as server:
        source = create(server.url, silence_s=0.6)
        heard = await listen(source, lambda heard: bool(heard.errors))
        assert heard.errors == ["NetworkError: no data for 0.6 s"]
        heard = await listen(source, lambda heard: len(heard.trades) == 1)
    assert heard.trades[0].sequence == json.loads(first)["a"] + 1


async def test_a_venue_that_never_says_anything_is_left() -> None:
    """Also where no trade follows the subscription at all."""
    async with VenueServer([]) as server:
        heard = await listen(create(server.url, silence_s=0.4), lambda heard: bool(heard.errors))
    assert heard.errors == ["NetworkError: no data for 0.4 s"]
    assert heard.links == ["connecting", "connected", "stale"]


async def test_unanswered_pings_end_a_session() -> None:
    """Even while frames come."""
    paced = [step for frame in xrpeth_frames()[:400] for step in (Send(frame), Wait(0.02))]
    async with VenueServer([Deaf(), *paced]) as server:
        source = create(server.url, keep_alive_ms=200)
        heard = await listen(source, lambda heard: bool(heard.errors))
    assert heard.errors[0].startswith("RequestTimeout: ")
    assert "ping-pong" in heard.errors[0]


@pytest.mark.parametrize(
    ("frame", "reason", "events"),
    [
        ('{"e":"aggTrade","E":15707520', "malformed", 1),
        (changed(xrpeth_frames()[1], p="abc"), "invalid", 1),
        (changed(xrpeth_frames()[1], q="0"), "invalid", 1),
        (changed(xrpeth_frames()[1], s="XRPUSDT"), "invalid", 1),
        ('["aggTrade"]', "invalid", 1),
        ('{"error":{"code":3,"msg":"Invalid JSON"},"id":77}', "venue_error", 0),
        ('{"error":{"code":503,"msg":"busy"}}', "venue_error", 0),
        ('{"code":-1003,"msg":"Too many requests"}', "venue_error", 0),
        ('{"e":"kline"}', "invalid", 0),  # nothing of ours, and ccxt's own parser fails on it
        (f'{{"x":"{"y" * LETTER_CHARS_MAX}"}}', "too_large", 1),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_bad_frame_becomes_a_letter_and_the_next_trade_is_heard(
    frame: str, reason: str, events: int
) -> None:
    """On the same connection; the letter has the frame's bytes and place."""
    first, second = xrpeth_frames()[:2]
    async with VenueServer(sends([first, frame, frame, second])) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.trades) == 2)
        assert server.connections == 1
    assert [trade.sequence for trade in heard.trades] == [
        json.loads(f)["a"] for f in (first, second)
    ]
    for letter in heard.refused:
        assert (letter.reason, letter.events) == (reason, events)
        assert letter.original == frame.encode()[:LETTER_CHARS_MAX]
        assert letter.message
    origins = [letter.origin.split("/") for letter in heard.refused]
    assert [(source, number) for source, _, number in origins] == [("live", "3"), ("live", "4")]


async def test_a_refused_subscription_ends_the_session_and_is_tried_again() -> None:
    """The venue's words are in the error, and it is asked anew on a new connection."""
    first, second = xrpeth_frames()[:2]
    script = [Send(first), Refuse(2, "Invalid request: invalid stream"), Send(second)]
    async with VenueServer(script) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.trades) == 2)
        assert len(server.subscriptions) == 3
    assert "refused the subscription" in heard.errors[1]
    assert "invalid stream" in heard.errors[1]
    assert [letter.reason for letter in heard.refused] == ["venue_error"]


async def test_a_trade_that_passes_the_tap_is_an_error() -> None:
    """A venue that begins to send another kind of trade is noticed at once."""
    raw = changed(xrpeth_frames()[1], e="trade", t=1)
    async with VenueServer(sends([xrpeth_frames()[0], raw])) as server:
        heard = await listen(create(server.url), lambda heard: bool(heard.errors))
    assert "past the tap" in heard.errors[0]


async def test_a_venue_that_is_not_there_is_an_error() -> None:
    """With the address in it, for people."""
    port = free_ports(1)[0]
    source = create(f"ws://127.0.0.1:{port}/stream/ws")
    heard = await listen(source, lambda heard: bool(heard.errors))
    assert str(port) in heard.errors[0]
    assert heard.links == ["connecting"]


async def test_stopping_does_not_wait_for_a_venue_that_is_gone() -> None:
    """It may take a second to say goodbye, not aiohttp's ten."""
    async with VenueServer([Deaf(), Send(xrpeth_frames()[0])]) as server:
        source, loop = create(server.url), asyncio.get_running_loop()
        async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
            async for seen in observations:
                if isinstance(seen, Trade):
                    break
            begun_s = loop.time()
        assert CLOSE_S <= loop.time() - begun_s < CLOSE_S + 3


async def test_connections_have_origins_of_their_own() -> None:
    """The third frame of two connections is two letters."""
    script = [Send("{"), Close(), Send("{")]
    async with VenueServer(script) as server:
        heard = await listen(create(server.url), lambda heard: len(heard.refused) == 2)
    assert len({letter.origin for letter in heard.refused}) == 2


async def test_a_defect_in_the_reading_surfaces() -> None:
    """It is no failure of the connection, and does not end ccxt's receive loop in silence."""

    class DefectError(Exception):
        pass

    class Broken:
        def __init__(self) -> None:
            self.asked = 0

        def __call__(self) -> int:
            self.asked += 1
            if self.asked > 3:
                raise DefectError
            return now_ms()

    async with VenueServer(sends(xrpeth_frames()[:10])) as server:
        source = create(server.url)
        source._now_ms = Broken()
        with pytest.raises(DefectError):
            await listen(source, lambda _: False)


async def test_nothing_is_left_on_the_loop_by_failures() -> None:
    """Neither tasks, nor exceptions nobody took."""
    loop, complaints = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    script = [Send(xrpeth_frames()[0]), Abort(), Close(), Refuse(2, "no"), Send("{")]
    async with VenueServer(script) as server:
        source = create(server.url, silence_s=0.3)
        heard = await listen(source, lambda heard: len(heard.errors) == 5)
        assert isinstance(heard.refused[-1], Refused)
        assert not [seen for seen in heard.all[:1] if isinstance(seen, Through)]
        async with asyncio.timeout(PATIENCE_S):
            while server.open:
                await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before
    assert complaints == []
