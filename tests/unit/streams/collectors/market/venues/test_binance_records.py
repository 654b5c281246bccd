"""Binance's REST records, and the symbols that one connection can serve."""

import msgspec
import pytest

from streams.collectors.market.venues import Trades
from streams.collectors.market.venues.binance import Binance, parse_agg_trade
from tests.recordings import xrpeth_frames, xrpeth_lines
from topics import ContractError, SettingsError

RECEIVED_MS = 1_700_000_000_000


def test_a_record_of_the_rest_is_the_same_trade() -> None:
    """All 12,477, as the stream would have told them."""
    venue = Binance("live", ("XRP/ETH",))
    for line, text in zip(xrpeth_lines(), xrpeth_frames(), strict=True):
        said = parse_agg_trade(
            line, subject="XRP/ETH", source="live", venue="binance", received_ms=RECEIVED_MS
        )
        reading = venue.read(text, received_ms=RECEIVED_MS)
        assert isinstance(reading, Trades)
        assert reading.trades == [said]


def test_a_record_may_be_shifted_in_time() -> None:
    """By a constant, under another name; nothing else changes."""
    line = xrpeth_lines()[0]
    plain, moved = (
        parse_agg_trade(
            line,
            subject="XRP/ETH",
            source="past",
            venue="recorded",
            received_ms=RECEIVED_MS,
            shift_ms=shift_ms,
        )
        for shift_ms in (0, -5)
    )
    assert (plain.source, plain.venue) == ("past", "recorded")
    assert msgspec.structs.replace(plain, event_ms=plain.event_ms - 5) == moved


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "malformed"),
        (b"\xff", "malformed"),
        (b"[]", "invalid"),
        (b"{}", "invalid"),
        (b'{"a":1,"p":"0","q":"1","T":1,"m":true}', "invalid"),
        (b'{"a":1,"p":"x","q":"1","T":1,"m":true}', "invalid"),
    ],
)
def test_a_bad_record_is_a_contract_error(line: bytes, reason: str) -> None:
    """With the dead letter's reason."""
    with pytest.raises(ContractError) as caught:
        parse_agg_trade(line, subject="XRP/ETH", source="s", venue="v", received_ms=1)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("symbols", "words"),
    [
        (("BTC/USD:BTC",), "not settled in its quote"),
        (("BTC/USDT", "BTC/USDT:USDT"), "two connections"),
        (("AB/CUSD", "ABC/USD"), "one name"),
    ],
)
def test_symbols_that_cannot_be_had_together_are_refused(
    symbols: tuple[str, ...], words: str
) -> None:
    """By the key of the setting, and with what to do."""
    with pytest.raises(SettingsError, match=words) as caught:
        Binance("live", symbols)
    assert str(caught.value).startswith("sources.live.symbols: ")


def test_a_symbol_named_twice_is_one() -> None:
    """It is subscribed once."""
    assert [m.venue_id for m in Binance("live", ("XRP/ETH", "XRP/ETH")).markets] == ["XRPETH"]
