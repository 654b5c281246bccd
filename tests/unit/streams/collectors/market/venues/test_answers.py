"""Frames without data, as far as the golden ones do not have them: answers, notices and what is unknown."""

import pytest

from streams.collectors.market.venues import Acknowledged, Farewell, Other, VenueError

from .golden import read


@pytest.mark.parametrize(
    ("file", "frame", "reading"),
    [
        ("okx/documented", '{"event":"notice","code":"1","msg":"hello"}', Other()),
        ("okx/documented", '{"event":"notice","code":"64008","msg":5}', Farewell("5")),
        ("okx/documented", '{"event":"login","code":"0"}', Other()),
        ("okx/documented", '{"event":"unsubscribe","arg":[]}', Acknowledged()),
        (
            "okx/documented",
            '{"event":"channel-conn-count-error","channel":"trades","connCount":"20"}',
            VenueError("channel-conn-count-error: None", None, refuses=True),
        ),
        ("okx/documented", '{"arg":{"channel":"books"},"data":[]}', Other()),
        ("okx/documented", '{"arg":{"channel":"trades"},"data":[]}', Other()),
        ("okx/documented", '{"arg":5}', Other()),
        ("kraken/documented", '{"channel":"book","data":[]}', Other()),
        ("kraken/documented", '{"channel":"trade","data":[]}', Other()),
        ("kraken/documented", '{"channel":"ticker","data":[]}', Other()),
        ("kraken/documented", '{"channel":"status","data":[{"system":"post_only"}]}', Other()),
        (
            "kraken/documented",
            '{"method":"unsubscribe","success":true,"time_out":"2025-11-25T20:00:00Z"}',
            Acknowledged(1_764_100_800_000),
        ),
        (
            "kraken/documented",
            '{"error":"Malformed request","success":false}',
            VenueError("Malformed request", None),
        ),
        ("coinbase/documented", '{"channel":"l2_data","events":[]}', Other()),
        (
            "coinbase/documented",
            '{"channel":"market_trades","timestamp":"2025-11-25T20:00:00Z","events":[]}',
            Other(1_764_100_800_000),
        ),
        ("coinbase/documented", '{"channel":"ticker","events":[{"tickers":[]}]}', Other()),
        ("coinbase/documented", '{"channel":"heartbeats","timestamp":"soon"}', Other()),
        ("bybit/documented", '{"topic":"publicTrade.BTCUSDT","data":[],"ts":7}', Other(7)),
        ("bybit/documented", '{"topic":"orderbook.1.BTCUSDT","ts":7,"data":{}}', Other(7)),
        ("bybit/documented", '{"op":"pong","args":[]}', Other()),
        ("bybit/documented", '{"op":"pong","args":"x"}', Other()),
        (
            "bybit/documented",
            '{"success":false,"ret_msg":"error:invalid op","op":""}',
            VenueError("error:invalid op", None),
        ),
    ],
)
def test_a_frame_without_data_is_told_apart(file: str, frame: str, reading: object) -> None:
    assert read(file, frame) == reading


@pytest.mark.parametrize("file", ["okx/documented", "kraken/documented", "coinbase/documented"])
def test_an_error_is_quoted_in_a_few_words(file: str) -> None:
    frame = f'{{"type":"error","event":"error","error":"{"x" * 5_000}","msg":"{"x" * 5_000}","message":"{"x" * 5_000}"}}'
    reading = read(file, frame)
    assert isinstance(reading, VenueError)
    assert len(reading.message) <= 300
