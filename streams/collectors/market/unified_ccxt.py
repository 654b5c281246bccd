"""ccxt for venues that we do not read ourselves: its parsing is used, but for what loses trades in it.

ccxt keeps the latest trades of a symbol in a ring, wakes who waits and forgets to, and stops reading for good when one
of its parsers raises. Here each frame is looked at as soon as ccxt has parsed it: its trades are taken out of the ring,
which so never holds more than a frame's, and what a parser raises is told of that frame alone. Frames go to ccxt as they
came, bytes too.
"""

import difflib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol

from aiohttp import WSMsgType
from msgspec import Struct

from topics import SettingsError

from .tap import Client
from .venues import VENUES

RING_MAX = 100_000
"""Trades that ccxt is told to keep of a symbol: more than its largest frame (10 MiB) has."""
NEAR_MAX = 6
_REFUSED: Mapping[str, str] = {
    "coinbaseexchange": "ccxt takes the maker's side for the taker's there",
}


class Ear(Protocol):
    """Who hears what a connection brings."""

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""

    def parsed(self) -> None:
        """Take that ccxt has parsed a frame."""

    def broken(self, frame: str | bytes, error: Exception) -> None:
        """Take a frame at which one of ccxt's parsers raised."""

    def pong(self, payload: bytes) -> None:
        """Take the answer to a ping."""

    async def room(self) -> None:
        """Return when the socket may be read."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a venue is, if not where ccxt has it, and whom to trust."""

    url: str | None = None
    rest_url: str | None = None
    ca_file: str | None = None


def check_venue(source: str, venue: str) -> None:
    """Check that ccxt can watch trades of a venue. The first call takes seconds, for the import.

    Raises:
        SettingsError: It cannot; the message says why, and which names are near.
    """
    import ccxt.pro  # noqa: PLC0415 - 4 s of CPU and 119 MiB, which only this source needs

    def refuse(why: str) -> None:
        msg = f"sources.{source}.venue: {why}"
        raise SettingsError(msg)

    if venue in VENUES:
        refuse(f"{venue} is read by ourselves: take the type exchange")
    if venue in _REFUSED:
        refuse(f"{venue}: {_REFUSED[venue]}")
    if venue not in ccxt.pro.exchanges:
        known = sorted({*ccxt.pro.exchanges, *VENUES})
        near = difflib.get_close_matches(venue, known, NEAR_MAX, 0.5)
        hint = f"; near it are {', '.join(near)}" if near else ""
        refuse(f"ccxt streams from no venue of the name {venue!r}{hint}")
    if not getattr(ccxt.pro, venue)().has.get("watchTrades"):
        refuse(f"{venue} streams, but ccxt has no watchTrades for it")


def create_venue(venue: str, place: Place, *, exact: bool = True) -> Any:  # noqa: ANN401 - ccxt's
    """Return ccxt's exchange of that name.

    ``exact``: prices and sizes are given as the venue printed them, where it prints them as text.
    """
    import ccxt.pro  # noqa: PLC0415 - see above

    config: dict[str, Any] = {"options": {"tradesLimit": RING_MAX}}
    exchange = getattr(ccxt.pro, venue)({**config, **({"number": Decimal} if exact else {})})
    api = exchange.urls["api"]
    if place.rest_url is not None:
        api = _moved(api, place.rest_url.rstrip("/"), ("http", "https"))
    if place.url is not None:
        api = _moved(api, place.url.rstrip("/"), ("ws", "wss"))
    exchange.urls["api"] = api
    if place.ca_file is not None:
        exchange.cafile = place.ca_file
    return exchange


def tap(exchange: Any, ear: Ear) -> None:  # noqa: ANN401 - ccxt's
    """Have every new connection of an exchange heard."""
    make = exchange.client

    def client(url: str) -> Client:
        made: Client = make(url)
        if "receive" not in vars(made):  # its own method yet: not tapped
            _tap(made, ear)
        return made

    exchange.client = client


def drain(ring: Any) -> tuple[list[dict[str, Any]], int]:  # noqa: ANN401 - ccxt's
    """Take all trades out of a ring; return them, and how many it had let go of since it was last emptied."""
    trades = list(ring)
    counted: Callable[..., Any] | None = getattr(ring, "getLimit", None)
    appended = counted(None, None) if counted is not None else None
    ring.clear()
    return trades, max(0, (appended or 0) - len(trades))


def _tap(client: Client, ear: Ear) -> None:
    to_ccxt, handle, receive = (
        client.handle_text_or_binary_message,
        client.handle_message,
        client.receive,
    )

    def text(data: str | bytes) -> None:
        try:
            to_ccxt(data)
        except Exception as error:  # noqa: BLE001 - let through, it would end the receive loop in silence
            ear.broken(data, error)
        ear.parsed()

    def message(received: Any) -> None:  # noqa: ANN401 - aiohttp's
        if received.type is WSMsgType.PONG:
            ear.pong(received.data)
        handle(received)

    async def held() -> Any:  # noqa: ANN401 - aiohttp's
        await ear.room()
        return await receive()

    client.handle_text_or_binary_message = text
    client.handle_message = message
    client.receive = held
    ear.tapped(client)


def _moved(place: Any, url: str, schemes: tuple[str, ...]) -> Any:  # noqa: ANN401 - a tree of addresses
    """Return addresses with another host; their paths stay."""
    if isinstance(place, Mapping):
        return {name: _moved(inner, url, schemes) for name, inner in place.items()}
    if not isinstance(place, str):
        return place
    scheme, _, rest = place.partition("://")
    _, slash, path = rest.partition("/")
    return url + slash + path if scheme in schemes else place
