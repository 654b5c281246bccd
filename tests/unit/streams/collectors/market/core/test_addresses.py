"""ccxt is told of another place in whatever shape its class keeps the address."""

import pytest

from streams.collectors.market.addresses import point_rest, point_websocket


class Urls(dict[str, object]):
    """As ccxt has them."""


@pytest.mark.parametrize(
    ("exchange", "address", "spot", "api", "moved"),
    [
        ("okx", "", True, {"ws": "o"}, {"ws": "U"}),
        ("binance", "spot", True, {"ws": {"spot": "o", "x": "o"}}, {"ws": {"spot": "U", "x": "o"}}),
        ("bybit", "public/spot", True, {"ws": {"public": {"spot": "o"}}}, {"ws": {"public": {"spot": "U"}}}),
        ("gate", "", True, {"spot": "o", "ws": "o"}, {"spot": "U", "ws": "o"}),
        ("gate", "", False, {"swap": {"usdt": "o"}}, {"swap": {"usdt": "U", "btc": "U"}}),
        ("kucoin", "", True, {"public": "o", "ws": {}}, {"public": "U", "ws": {}}),
    ],
)  # fmt: skip
def test_the_websocket_is_moved(
    exchange: str, address: str, api: object, moved: object, *, spot: bool
) -> None:
    urls = Urls(api=api)
    point_websocket(exchange, urls, "U", address=address, spot=spot)
    assert urls["api"] == moved


def test_rest_is_moved_with_its_paths_and_websockets_are_not() -> None:
    urls = Urls(
        api={"a": "https://{hostname}", "b": {"c": "https://api.x.com/v3"}, "ws": "wss://x.com/ws"}
    )
    point_rest(urls, "http://127.0.0.1:1/")
    assert urls["api"] == {
        "a": "http://127.0.0.1:1",
        "b": {"c": "http://127.0.0.1:1/v3"},
        "ws": "wss://x.com/ws",
    }
