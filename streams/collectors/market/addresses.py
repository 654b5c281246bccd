"""Where a venue is, and how ccxt is told of another place: a proxy, or a server of one's own. PURE."""

from collections.abc import Mapping
from typing import Any

WEBSOCKETS: Mapping[str, tuple[str, ...]] = {
    "binance": ("ws", "{address}"),
    "coinbase": ("ws",),
    "coinbaseexchange": ("ws",),
    "kraken": ("ws", "publicV2"),
    "okx": ("ws",),
    "bybit": ("ws", "public", "{address}"),
    "bitstamp": ("ws",),
    "gemini": ("ws",),
    "gate": ("{type}",),
    "kucoin": ("public",),
}
"""The place of the websocket's address in `urls["api"]` of each of ccxt's classes. ``{address}`` is the venue's word
for it, ``{type}`` is spot or swap. KuCoin's is not a websocket's: a token is asked for there, and comes with one."""

PATHS: Mapping[str, str] = {
    "binance:spot": "/stream/ws",
    "binance": "/ws",
    "kraken": "/v2",
    "bybit:spot": "/v5/public/spot",
    "bybit": "/v5/public/linear",
    "okx": "/ws/v5",
    "gate": "/ws/v4/",
}
"""What must stand in the address, as ccxt tells spot from futures, and one protocol from another, by it."""


def point_websocket(exchange: str, urls: Any, url: str, *, address: str, spot: bool) -> None:  # noqa: ANN401 - ccxt's
    """Put ``url`` in the place of the venue's websocket address."""
    kind = "spot" if spot else "swap"
    *way, last = (step.format(address=address, type=kind) for step in WEBSOCKETS[exchange])
    place = urls["api"]
    for step in way:
        place = place[step]
    place[last] = {"usdt": url, "btc": url} if exchange == "gate" and not spot else url


def point_rest(urls: Any, url: str) -> None:  # noqa: ANN401 - ccxt's
    """Put the host of ``url`` in the place of the venue's, in every address of its REST; the paths stay."""
    urls["api"] = _moved(urls["api"], url.rstrip("/"))


def _moved(place: Any, url: str) -> Any:  # noqa: ANN401 - a tree of addresses
    if isinstance(place, Mapping):
        return {name: _moved(inner, url) for name, inner in place.items()}
    scheme, _, rest = place.partition("://")
    if scheme not in ("http", "https"):
        return place
    _, slash, path = rest.partition("/")
    return url + slash + path
