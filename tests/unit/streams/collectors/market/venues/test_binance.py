"""Binance's frames and REST records: exact, and refused by name where they are not what they should be."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import (
    Acknowledged,
    Farewell,
    Other,
    Trades,
    Unreadable,
    VenueError,
)
from streams.collectors.market.venues.binance import Binance
from tests.recordings import (
    XRPETH_FIRST,
    XRPETH_LAST,
    futures_frames,
    us_frames,
    without_stream,
    xrpeth_frames,
)
from topics import Trade

RECEIVED_MS = 1_700_000_000_000
XRPETH = Binance("live", ("XRP/ETH",))
FUTURES = Binance(
    "live", tuple(f"{base}/USDT:USDT" for base in ("SUSHI", "AKRO", "KEEP", "CTK", "ALPHA"))
)
EVENT = {
    "e": "aggTrade",
    "E": 1_570_752_011_700,
    "s": "XRPETH",
    "a": 13_519_807,
    "p": "0.00141342",
    "q": "23.00000000",
    "f": 15_373_518,
    "l": 15_373_518,
    "T": 1_570_752_011_620,
    "m": True,
    "M": True,
}
TRADE = Trade(
    subject="XRP/ETH",
    source="live",
    venue="binance",
    trade_id="13519807",
    event_ms=1_570_752_011_620,
    received_ms=RECEIVED_MS,
    price=Decimal("0.00141342"),
    size=Decimal("23.00000000"),
    side="sell",
    sequence=13_519_807,
)


def frame(**changes: object) -> str:
    """Return the event above with other fields; None takes one out."""
    event = {key: value for key, value in (EVENT | changes).items() if value is not None}
    return json.dumps(event, separators=(",", ":"))


def trade_in(text: str, venue: Binance = XRPETH) -> Trade:
    reading = venue.read(text, received_ms=RECEIVED_MS)
    assert isinstance(reading, Trades)
    (trade,) = reading.trades
    return trade


def test_a_trade_is_read_exactly() -> None:
    """Every field, and the venue's time of the frame."""
    reading = XRPETH.read(frame(), received_ms=RECEIVED_MS)
    assert reading == Trades([TRADE], 1_570_752_011_700)


def test_raw_and_combined_streams_say_the_same() -> None:
    """The envelope changes nothing; text and bytes read alike."""
    combined = f'{{"stream":"xrpeth@aggTrade","data":{frame()}}}'
    assert trade_in(combined) == TRADE
    assert XRPETH.read(combined.encode(), received_ms=RECEIVED_MS) == Trades(
        [TRADE], 1_570_752_011_700
    )


def test_the_whole_recording_is_read_with_its_digits() -> None:
    """12,477 real trades against another JSON reader; ids without a hole."""
    seen = []
    for text in xrpeth_frames():
        trade, event = trade_in(text), json.loads(text, parse_float=str)
        assert (trade.trade_id, str(trade.price), str(trade.size)) == (
            str(event["a"]),
            event["p"],
            event["q"],
        )
        assert trade.event_ms == event["T"]
        assert (trade.side == "sell") is event["m"]
        seen.append(trade.sequence)
    assert seen == list(range(XRPETH_FIRST, XRPETH_LAST + 1))


def test_a_real_stream_has_other_frames_between_the_trades() -> None:
    """Of 480 frames of four kinds 11 are trades; nothing is unreadable."""
    symbols = ("OMG/BUSD", "COMP/USDT", "CRV/USDT")
    readings = [Binance("live", symbols).read(f, received_ms=1) for f in us_frames()]
    assert Counter(type(reading) for reading in readings) == {Trades: 11, Other: 469}
    timed = [reading for reading in readings if isinstance(reading, Other) and reading.venue_ms]
    assert len(timed) == 341  # order books and candles; quotes have no time


def test_the_futures_numbers_have_no_hole() -> None:
    """In 91 real trades ``a`` rises by one, which is what a hole is told by."""
    last: dict[str, int] = {}
    trades = [trade_in(text, FUTURES) for text in futures_frames() if "@aggTrade" in text]
    assert len(trades) == 91
    for trade in trades:
        assert trade.sequence is not None
        assert trade.sequence == last.get(trade.subject, trade.sequence - 1) + 1
        last[trade.subject] = trade.sequence


def test_takers_sell_to_the_bid_and_buy_from_the_ask() -> None:
    """The side is the taker's: real trades against the quotes that stood before them."""
    quotes: dict[str, tuple[Decimal, Decimal]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    for text in futures_frames():
        event = json.loads(without_stream(text))
        if event["e"] == "bookTicker":
            quotes[event["s"]] = (Decimal(event["b"]), Decimal(event["a"]))
        elif event["e"] == "aggTrade" and event["s"] in quotes:
            trade, (bid, ask) = trade_in(text, FUTURES), quotes[event["s"]]
            if trade.price <= bid:
                seen[trade.side, "bid"] += 1
            elif trade.price >= ask:
                seen[trade.side, "ask"] += 1
    assert seen["sell", "bid"] > 3 * seen["sell", "ask"]
    assert seen["buy", "ask"] > 3 * seen["buy", "bid"]


@given(at=st.integers(0, XRPETH_LAST - XRPETH_FIRST))
def test_flipping_the_maker_flips_the_side_and_nothing_else(at: int) -> None:
    """``m``: the buyer was the maker, so the taker sold."""
    text = xrpeth_frames()[at]
    flipped = text.replace('"m":true', '"m":-').replace('"m":false', '"m":true')
    flipped = flipped.replace('"m":-', '"m":false')
    one, other = trade_in(text), trade_in(flipped)
    assert {one.side, other.side} == {"buy", "sell"}
    assert msgspec.structs.replace(one, side=other.side) == other


@given(
    price=st.decimals(Decimal("1e-12"), 10**15, places=12),
    size=st.decimals(Decimal("1e-12"), 10**15, places=12),
    as_text=st.booleans(),
)
def test_digits_survive_as_text_and_as_numbers(
    *, price: Decimal, size: Decimal, as_text: bool
) -> None:
    """Seventeen and more of them; no number goes through a double."""
    quote = '"' if as_text else ""
    text = frame(p="P", q="Q").replace('"P"', f"{quote}{price:f}{quote}")
    trade = trade_in(text.replace('"Q"', f"{quote}{size:f}{quote}"))
    assert (trade.price, trade.size) == (price, size)
    assert trade.price.as_tuple() == Decimal(f"{price:f}").as_tuple()


@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        ("", "malformed", "truncated"),
        ('{"e":"aggTrade"', "malformed", "truncated"),
        (frame() + "x", "malformed", "trailing"),
        ("\ud800", "malformed", "surrogates"),
        (b'{"e":"\xff"}', "malformed", ""),
        ("[" * 5_000, "invalid", "array"),
        ('{"error":' + "[" * 100_000, "malformed", ""),
        ("5", "invalid", "`int`"),
        (f"[{frame()}]", "invalid", "`array`"),
        ('{"stream":"!ticker@arr","data":[]}', "invalid", "`array`"),
        (frame(s="BTCUSDT"), "invalid", "'BTCUSDT' is not a symbol"),
        (frame(s=None), "invalid", "`s`"),
        (frame(E=None), "invalid", "`E`"),
        (frame(a=None), "invalid", "`a`"),
        (frame(a="13519807"), "invalid", "$.a"),
        (frame(a=-1), "invalid", "$.a"),
        (frame(a=2**63), "invalid", "$.a"),
        (frame(T=-1), "invalid", "$.T"),
        (frame(T=2**53), "invalid", "$.T"),
        (frame(m="true"), "invalid", "$.m"),
        (frame(p="abc"), "invalid", "$.p"),
        (frame(p=True), "invalid", "$.p"),
        (frame(p="NaN"), "invalid", "NaN"),
        (frame(p="sNaN"), "invalid", "sNaN"),
        (frame(q="Infinity"), "invalid", "Infinity"),
        (frame(q="0"), "invalid", "not 0"),
        (frame(q="-1"), "invalid", "not -1"),
        (frame(p="1e-19"), "invalid", "1E-19"),
        (frame(p="1000000000000000.1"), "invalid", "1000000000000000.1"),
        (frame(p="1e999999999"), "invalid", "1E+999999999"),
    ],
    ids=lambda value: str(value)[:24].encode("ascii", "replace").decode(),
)
def test_what_is_no_trade_is_refused_by_name(text: str, reason: str, words: str) -> None:
    """With words that say where and why."""
    reading = XRPETH.read(text, received_ms=RECEIVED_MS)
    assert isinstance(reading, Unreadable)
    assert reading.reason == reason
    assert words in reading.message


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ('{"result":null,"id":1}', Acknowledged()),
        ('{"result":["xrpeth@aggTrade"],"id":3}', Acknowledged()),
        ('{"error":{"code":2,"msg":"no"},"id":4}', VenueError('{"code":2,"msg":"no"}', 4)),
        ('{"error":"no"}', VenueError('"no"', None)),
        ('{"code":-1003,"msg":"Too many requests"}', VenueError("-1003: Too many requests", None)),
        ('{"code":-1003,"msg":"no","id":"x"}', VenueError("-1003: no", None)),
        (
            '{"e":"serverShutdown","E":1700000000000}',
            Farewell("the server is about to shut down", 1_700_000_000_000),
        ),
        ('{"e":"kline","E":1700000000000}', Other(1_700_000_000_000)),
        ('{"e":"trade","E":"soon"}', Other(None)),
        ('{"id":1}', Other(None)),
        ("{}", Other(None)),
    ],
)
def test_frames_without_trades_are_told_apart(text: str, reading: object) -> None:
    """Acknowledgements, the venue's errors in both forms, and all else."""
    assert XRPETH.read(text, received_ms=RECEIVED_MS) == reading


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*EVENT, "stream", "data", "error", "id"]), inner)
    ),
    max_leaves=12,
)


@given(changes=st.dictionaries(st.sampled_from(list(EVENT)), JSON), cut=st.integers(0, 400))
def test_no_frame_raises(changes: dict[str, Any], cut: int) -> None:
    """Any value in any field, whole or cut off, alone or in an envelope."""
    text = json.dumps(EVENT | changes)
    for shape in (text, text[:cut], f'{{"stream":"x","data":{text}}}', json.dumps(changes)):
        XRPETH.read(shape, received_ms=RECEIVED_MS)


@given(data=st.binary(max_size=64) | st.text(max_size=64))
def test_no_garbage_raises(data: bytes | str) -> None:
    """Neither bytes nor text."""
    assert not isinstance(XRPETH.read(data, received_ms=RECEIVED_MS), Trades)
