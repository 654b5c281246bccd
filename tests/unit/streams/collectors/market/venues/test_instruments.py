"""What can be subscribed at each venue, and under which name."""

from decimal import Decimal

import pytest

from streams.collectors.market.venues import VENUES
from streams.collectors.market.venues.instruments import Instruments
from topics import SettingsError


@pytest.mark.parametrize(
    ("venue", "symbol", "name", "address"),
    [
        ("binance", "BTC/USDT", "BTCUSDT", "spot"),
        ("binance", "BTC/USDT:USDT", "BTCUSDT", "linear"),
        ("bybit", "BTC/USDT", "BTCUSDT", "public/spot"),
        ("bybit", "BTC/USDT:USDT", "BTCUSDT", "public/linear"),
        ("bybit", "BTC/USDC:USDC", "BTCPERP", "public/linear"),
        ("coinbase", "BTC/USD", "BTC-USD", ""),
        ("kraken", "BTC/USD", "BTC/USD", "publicV2"),
        ("okx", "BTC/USDT", "BTC-USDT", ""),
    ],
)
def test_a_symbol_has_the_venues_name(venue: str, symbol: str, name: str, address: str) -> None:
    made = VENUES[venue]("live", (symbol, symbol))
    (market,) = made.markets
    assert (market.symbol, market.venue_id, made.address) == (symbol, name, address)


@pytest.mark.parametrize(
    ("venue", "symbols", "words"),
    [
        ("coinbase", ("BTC/USDC:USDC",), "only spot"),
        ("kraken", ("BTC/USD:USD",), "only spot"),
        ("okx", ("BTC/USDT:USDT",), "contracts"),
        ("bybit", ("BTC/USD:BTC",), "not settled in its quote"),
        ("bybit", ("BTC/USDT", "BTC/USDT:USDT"), "two connections"),
        ("binance", ("AB/C", "A/BC"), "one name"),
        ("bybit", ("AB/C", "A/BC"), "one name"),
    ],
)
def test_what_cannot_be_had_is_refused_in_words(
    venue: str, symbols: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as error:
        VENUES[venue]("live", symbols)
    assert "sources.live.symbols" in str(error.value)


def test_bybit_takes_ten_spot_symbols_in_one_subscription() -> None:
    assert VENUES["bybit"]("live", ("BTC/USDT",)).limits.symbols_max == 10
    assert VENUES["bybit"]("live", ("BTC/USDT:USDT",)).limits.symbols_max == 200


def test_coinbase_is_asked_for_heartbeats() -> None:
    """ccxt does not, and the venue closes quiet connections."""
    assert VENUES["coinbase"]("live", ("BTC/USD", "ETH/EUR")).greetings == (
        {"type": "subscribe", "channel": "heartbeats", "product_ids": ["BTC-USD", "ETH-EUR"]},
    )


def test_a_level_is_of_the_base_asset() -> None:
    made = Instruments("live", "v", ("ETH/BTC",), lambda base, quote, _: base + quote)
    level = made.level("ETHBTC", Decimal("1.50"), event_ms=7, received_ms=9)
    assert (level.subject, level.instrument, str(level.volume)) == ("ETH", "ETH/BTC", "1.50")
    for name, volume in (
        ("ETHBT", Decimal(1)),
        ("ETHBTC", Decimal(-1)),
        ("ETHBTC", Decimal("NaN")),
    ):
        with pytest.raises((ValueError, ArithmeticError)):
            made.level(name, volume, event_ms=7, received_ms=9)
