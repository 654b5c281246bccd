"""Golden frames: every digit of what is said of them, the takers' sides, and a second reader's opinion."""

import json
import re
from fractions import Fraction
from typing import Any

import pytest

from streams.collectors.continuity import Continuity
from streams.collectors.market.venues import Levels, Trades
from topics import Trade

from .ccxt_says import CcxtReader, agree
from .golden import FILES, RECEIVED_MS, expected, frames, read, said, trades, venue

_WORDS = [("buy", "sell"), ("BUY", "SELL"), ("Buy", "Sell"), ("ask", "bid"), ("0", "1")]
FLIPPED = {word: other for a, b in _WORDS for word, other in ((a, b), (b, a))}
SIDE = re.compile(r'"(side|S|makerSide|type)":( ?"?)(buy|sell|BUY|SELL|Buy|Sell|ask|bid|0|1)\b')
WITHOUT_TURNOVER = {"bitstamp", "gemini", "kucoin/recorded"}
"""The venues that stream none, and a recording without its channel."""


def taker_buy_ratio(seen: list[Trade]) -> Fraction:
    nothing = Fraction(0)
    bought = sum((Fraction(trade.size) for trade in seen if trade.side == "buy"), nothing)
    return bought / sum((Fraction(trade.size) for trade in seen), nothing)


@pytest.mark.parametrize("file", FILES)
def test_every_frame_is_read_as_it_is_written_down(file: str) -> None:
    assert tuple(said(read(file, frame)) for frame in frames(file)) == expected(file)


@pytest.mark.parametrize("file", FILES)
def test_bytes_say_what_text_says(file: str) -> None:
    for frame in frames(file):
        assert read(file, frame.encode()) == read(file, frame)


@pytest.mark.parametrize("file", FILES)
def test_flipping_every_side_flips_the_taker_buy_ratio(file: str) -> None:
    flipped = [
        SIDE.sub(lambda m: f'"{m[1]}":{m[2]}{FLIPPED[m[3]]}', frame) for frame in frames(file)
    ]
    readings = [read(file, frame) for frame in flipped]
    others = [t for reading in readings if isinstance(reading, Trades) for t in reading.trades]
    ours = [trade for _, trade in trades(file)]
    assert len(others) == len(ours)
    assert 0 < taker_buy_ratio(ours) < 1
    assert taker_buy_ratio(others) == 1 - taker_buy_ratio(ours)


def test_coinbase_prints_the_makers_side() -> None:
    frame = next(frame for frame in frames("coinbase/documented") if '"snapshot"' in frame)
    printed = {
        trade["trade_id"]: trade["side"] for trade in json.loads(frame)["events"][0]["trades"]
    }
    reading = read("coinbase/documented", frame)
    assert isinstance(reading, Trades)
    assert {trade.trade_id: trade.side for trade in reading.trades} == {
        trade_id: {"BUY": "sell", "SELL": "buy"}[side] for trade_id, side in printed.items()
    }


@pytest.mark.parametrize("file", FILES)
def test_ccxt_reads_the_same_trades(file: str, ccxt_pro: Any) -> None:
    """Price, size, time, id and instrument; the side too, but for Coinbase, where ccxt hands on the maker's."""
    reader = CcxtReader(ccxt_pro, venue(file))
    for frame in frames(file):
        reading = read(file, frame)
        if isinstance(reading, Trades):
            theirs = {(p["symbol"], p["id"]): p for p in reader.entries(frame)}
            assert len(theirs) == len(reading.trades)
            for trade in reading.trades:
                agree(trade, theirs[trade.subject, trade.trade_id], name=venue(file).exchange)


@pytest.mark.parametrize("file", FILES)
def test_numbers_are_given_where_the_venue_numbers_and_nowhere_else(file: str) -> None:
    for _, trade in trades(file):
        assert (trade.sequence is not None) is venue(file).numbered
        assert trade.sequence is None or str(trade.sequence) == trade.trade_id


@pytest.mark.parametrize("file", ["coinbase/documented", "kraken/documented"])
def test_no_hole_is_invented_between_golden_frames(file: str) -> None:
    """Although snapshots and updates come newest first."""
    continuity = Continuity()
    assert [mark for _, trade in trades(file) for mark in continuity.observe(trade)] == []


def test_okx_numbered_its_fills_without_holes_when_it_was_recorded() -> None:
    """68 steps of one, in frames of before the fills were put together."""
    ids = [int(trade.trade_id) for _, trade in trades("okx/recorded")]
    assert ids == list(range(ids[0], ids[0] + 69))


@pytest.mark.parametrize(
    "file", [f for f in FILES if not {f, f.partition("/")[0]} & WITHOUT_TURNOVER]
)
def test_levels_are_of_a_day_and_of_the_frames_time(file: str) -> None:
    levels = [
        level
        for frame in frames(file)
        if isinstance(reading := read(file, frame), Levels)
        for level in reading.levels
    ]
    assert levels
    for level in levels:
        assert (level.span_ms, level.received_ms) == (86_400_000, RECEIVED_MS)
        assert str(level.volume) in "".join(frames(file))


@pytest.mark.parametrize("file", FILES)
def test_the_settings_of_a_venue_are_whole(file: str) -> None:
    made = venue(file)
    assert made.limits.symbols_max >= len(made.markets)
    assert made.limits.connections_per_5_min > 0
    assert {market.symbol for market in made.markets} >= {t.subject for _, t in trades(file)}
