"""Where a venue is, and how ccxt is told of another place: a proxy, or a server of one's own. PURE."""

from collections.abc import Mapping
from typing import Any

_ELSEWHERE: Mapping[str, str] = {"gate": "{type}", "kucoin": "public"}
"""Where a class of ccxt's has its websocket's address, if not under ``ws``; ``{type}`` is spot or swap. KuCoin's is not
a websocket's: a token is asked for there, and the address comes with it."""


def point_websocket(exchange: str, urls: Any, url: str, *, address: str, spot: bool) -> None:  # noqa: ANN401 - ccxt's
    """Put ``url`` in the place of the venue's websocket address. ``address`` is the venue's word for it (`Venue`)."""
    way = _ELSEWHERE.get(exchange, f"ws/{address}".rstrip("/")).format(
        type="spot" if spot else "swap"
    )
    *steps, last = way.split("/")
    place = urls["api"]
    for step in steps:
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
