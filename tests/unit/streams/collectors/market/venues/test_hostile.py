"""What is malformed or hostile: nothing raises, nothing is lost but what is bad itself, and the next frame is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.market.venues import Levels, Reading, Trades, Unreadable

from .golden import FILES, frames, read

LISTS = {  # where the entries of a frame with several trades are
    "coinbase/documented": ("events", 0, "trades"),
    "kraken/documented": ("data",),
    "okx/documented": ("data",),
    "bybit/documented": ("data",),
    "bybit/documented-linear": ("data",),
    "gate/documented": ("result",),
    "gemini/recorded": ("trades",),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
ABSURD = st.sampled_from(
    ["NaN", "sNaN", "-Infinity", "1e999999999", "-1", "0", "1e-19", 10**400, 2**63, -1, 1e308, ""]
) | st.just("\ud800")
NO_TRADES: tuple[Any, ...] = ({"price": "x"}, None, [], 5, {"px": "1"})
READINGS = Reading.__args__


def several(file: str) -> str:
    """Return a golden frame with several trades."""
    return max(
        (f for f in frames(file) if isinstance(read(file, f), Trades)),
        key=lambda f: len(read(file, f).trades),  # type: ignore[union-attr]
    )


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where everything in a JSON value stands."""
    inside: list[tuple[Any, ...]] = []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            inside += [(*path, key), *paths(inner, (*path, key))]
    return inside


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
def test_any_value_in_any_place_of_any_frame(file: str, data: st.DataObject) -> None:
    """NaN, numbers of 400 digits, wrong types, missing fields: a reading all the same."""
    texts = [frame for frame in frames(file) if frame.startswith("{")]
    whole = json.loads(data.draw(st.sampled_from(texts)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(whole)))
        try:
            put(whole, path, data.draw(JSON | ABSURD))
        except (KeyError, IndexError, TypeError):
            break  # an earlier change took this place away
    assert isinstance(read(file, dumped(whole)), READINGS)


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
def test_any_frame_cut_off_or_with_bytes_changed(file: str, data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(frames(file))).encode())
    cut = data.draw(st.integers(0, len(frame)))
    assert isinstance(read(file, bytes(frame[:cut])), READINGS)
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(read(file, bytes(frame)), READINGS)


@pytest.mark.parametrize("file", FILES)
@given(garbage=st.binary(max_size=64) | st.text(max_size=64))
def test_garbage_is_no_trade(file: str, garbage: bytes | str) -> None:
    assert not isinstance(read(file, garbage), Trades)


DEEP = "[" * 100_000


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "frame",
    [
        "",
        "5",
        "null",
        "[]",
        DEEP,
        f'{{"data":{DEEP}',
        f'{{"events":{DEEP}',
        f'{{"channel":{DEEP}',
        f'{{"topic":{DEEP}',
        f'{{"arg":{DEEP}',
        f'{{"error":{DEEP}',
        '{"channel":"\ud800"}',
        b'{"channel":"\xff"}',
        '{"channel":' + "9" * 5_000 + "}",
        '{"channel":"trade","data":{}}',
        '{"channel":"market_trades","events":{}}',
        '{"channel":"market_trades","events":[{"trades":5}]}',
        '{"topic":"publicTrade.BTCUSDT","data":5}',
        '{"arg":{"channel":"trades"},"data":{}}',
        '{"event":"trade","channel":"live_trades_btcusd","data":5}',
        '{"type":"update","events":{}}',
        '{"type":"update","events":[{"type":"trade"}]}',
        '{"type":"l2_updates","trades":null}',
        '{"channel":"spot.trades","event":"update","result":5}',
        '{"channel":"spot.trades","event":"update","error":[],"result":[]}',
        '{"type":"message","topic":"/market/match:BTC-USDT","data":[]}',
        '{"type":"message","topic":"/market/snapshot:BTC-USDT","data":{"data":null}}',
    ],
    ids=lambda value: repr(value)[:24],
)
def test_frames_that_are_meant_to_harm(file: str, frame: str | bytes) -> None:
    reading = read(file, frame)
    assert isinstance(reading, READINGS)
    assert not isinstance(reading, Trades)


@pytest.mark.parametrize("file", LISTS)
def test_one_bad_trade_of_a_frame_costs_no_other(file: str) -> None:
    """Each entry is sent or refused: in = sent + refused."""
    frame = several(file)
    good = read(file, frame)
    assert isinstance(good, Trades)
    assert len(good.trades) > 1
    for at in range(len(good.trades)):
        for bad in NO_TRADES:
            whole = json.loads(frame, parse_float=str)
            put(whole, (*LISTS[file], at), bad)
            reading = read(file, dumped(whole))
            assert isinstance(reading, Trades)
            assert len(reading.trades) == len(good.trades) - 1
            (refused,) = reading.unreadable
            assert refused.entry == dumped(bad).encode()
            assert refused.reason == "invalid"
            assert reading.snapshot == good.snapshot


@pytest.mark.parametrize("file", LISTS)
def test_a_frame_of_bad_trades_is_refused_one_by_one(file: str) -> None:
    whole = json.loads(several(file))
    put(whole, LISTS[file], [5, "x", {}])
    reading = read(file, dumped(whole))
    assert isinstance(reading, Trades)
    assert reading.trades == []
    assert [bad.entry for bad in reading.unreadable] == [b"5", b'"x"', b"{}"]


@pytest.mark.parametrize("file", LISTS)
def test_a_frame_with_one_bad_trade_is_refused_as_a_whole(file: str) -> None:
    whole = json.loads(several(file))
    put(whole, LISTS[file], [5])
    reading = read(file, dumped(whole))
    assert isinstance(reading, Unreadable)
    assert reading.entry is None


@pytest.mark.parametrize("file", LISTS)
def test_an_instrument_that_was_not_subscribed_is_refused(file: str) -> None:
    whole = json.loads(several(file), parse_float=str)
    entries = whole
    for key in LISTS[file]:
        entries = entries[key]
    for entry in entries:
        for name in ("product_id", "symbol", "instId", "s", "currency_pair"):
            if name in entry:
                entry[name] = "NO/SUCH"
    reading = read(file, dumped(whole))
    assert isinstance(reading, Trades)
    assert reading.trades == []
    assert all("not a symbol that was subscribed" in bad.message for bad in reading.unreadable)


@pytest.mark.parametrize("file", ["okx/documented", "kraken/documented", "coinbase/documented"])
def test_one_bad_level_of_a_frame_costs_no_other(file: str) -> None:
    frame = next(frame for frame in frames(file) if isinstance(read(file, frame), Levels))
    whole = json.loads(frame, parse_float=str)
    entries = whole["events"][0]["tickers"] if "events" in whole else whole["data"]
    entries.append({"instId": "x"})
    reading, good = read(file, dumped(whole)), read(file, frame)
    assert isinstance(reading, Levels)
    assert isinstance(good, Levels)
    assert reading.levels == good.levels
    assert [bad.entry for bad in reading.unreadable] == [b'{"instId":"x"}']
    del entries[0]
    assert isinstance(read(file, dumped(whole)), Unreadable)
