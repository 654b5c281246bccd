"""What we have of ccxt: connection, subscription, pings; and the tap by which frames go past its own parsing.

ccxt's values are not used: its ring of 1,000 trades loses them silently, its prices are doubles, and an
exception in one of its parsers ends its receive loop without a word. Some of the names the tap hangs on are
not documented, so ccxt's version is pinned, and the tests run all this against a server of their own.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import ClientError, WSMsgType
from aiohttp._websocket.reader_py import MSG_SIZE_OVERHEAD

from .addresses import point_rest, point_websocket
from .venues import Market, Venue

KEEP_ALIVE_MS = 15_000
"""Between ccxt's own pings; two unanswered ones end the connection. (Its 180 s would take nine minutes.)"""

DRAIN_MAX = 100
"""Frames taken between two looks whether the socket is to be held: far fewer than the backlog has room for then."""


class Client(Protocol):
    """One connection, as ccxt has it."""

    connection: Any
    """aiohttp's websocket; None before it is dialled."""
    subscriptions: Mapping[str, Any]
    lastPong: int | None  # noqa: N815 - ccxt's name
    last_retry_after: float | None
    ping: Callable[[Any], Any] | None
    """Makes a ping of text, where the venue does not answer the protocol's."""
    handle_message: Callable[[Any], None]
    handle_text_or_binary_message: Callable[[Any], None]
    receive: Callable[[], Awaitable[Any]]
    receive_loop: Callable[[], None]
    buffer: deque[tuple[Any, int]] | None
    """Frames that aiohttp has read and nobody has taken, each with its size."""

    def closed(self) -> bool:
        """Return whether it is not open: not yet, or no more."""

    def on_error(self, error: Exception) -> None:
        """End it; who watches it gets the error."""

    async def send(self, message: Any) -> None:  # noqa: ANN401
        """Send a message, as JSON if it is not text."""

    async def close(self) -> None:
        """Say goodbye."""


class Exchange(Protocol):
    """One venue, as ccxt has it."""

    client: Callable[[str], Client]
    on_connected: Callable[..., None]
    urls: Any

    def open(self) -> None:
        """Know the running loop."""

    def set_markets(self, markets: list[dict[str, Any]]) -> Any:  # noqa: ANN401
        """Know these markets, and ask the network for none."""

    async def watch_trades_for_symbols(self, symbols: Sequence[str]) -> Any:  # noqa: ANN401
        """Dial and subscribe if that is not done; return when ccxt has parsed a trade."""

    async def watch_trades(self, symbol: str) -> Any:  # noqa: ANN401
        """The same for one symbol."""

    async def watch_tickers(self, symbols: Sequence[str]) -> Any:  # noqa: ANN401
        """The same for tickers."""

    async def close(self) -> None:
        """Close every connection; the next watching dials anew."""


class Ear(Protocol):
    """Who hears what a connection brings."""

    def tapped(self, client: Client) -> None:
        """Take a connection, not yet dialled."""

    def opened(self, client: Client) -> None:
        """Take that it is open."""

    def text(self, client: Client, frame: str) -> bool:
        """Take a text frame; return whether ccxt shall not see it."""

    def pong(self, payload: bytes | None) -> None:
        """Take the answer to a ping; None if it was one of text."""

    @property
    def held(self) -> bool:
        """Whether the socket must not be read now."""

    async def room(self) -> None:
        """Return when the socket may be read."""

    def broken(self, client: Client, error: Exception, *, ours: bool, frame: str) -> None:
        """Take an exception, ours or ccxt's, that a frame caused."""


def create_exchange(venue: Venue, config: Mapping[str, Any], *, ca_file: str | None = None) -> Any:  # noqa: ANN401 - ccxt's
    """Return ccxt's exchange for a venue; it knows the venue's markets, and asks the network for none.

    The first call takes seconds, for the import.
    """
    import ccxt.pro  # noqa: PLC0415 - 4 s of CPU and 119 MiB, which only this source needs

    exchange = getattr(ccxt.pro, venue.exchange)({"options": dict(venue.options), **config})
    exchange.set_markets([_ccxt_market(market) for market in venue.markets])
    if ca_file is not None:
        exchange.cafile = ca_file
    return exchange


def create_ccxt(
    venue: Venue,
    url: str | None,
    ear: Ear,
    *,
    rest_url: str | None = None,
    ca_file: str | None = None,
    keep_alive_ms: int = KEEP_ALIVE_MS,
) -> Exchange:
    """Return ccxt's exchange for one connection to a venue, which is heard by ``ear``.

    ``url`` stands in for the venue's websocket address, ``rest_url`` for the host of its REST.
    """
    exchange: Exchange = create_exchange(
        venue, {"streaming": {"keepAlive": keep_alive_ms}}, ca_file=ca_file
    )
    if rest_url is not None:
        point_rest(exchange.urls, rest_url)
    if url is not None:
        spot = venue.markets[0].settle is None
        point_websocket(venue.exchange, exchange.urls, url, address=venue.address, spot=spot)
    make, connected = exchange.client, exchange.on_connected

    def client(url: str) -> Client:
        made = make(url)
        if "receive" not in vars(made):  # its own method yet: not tapped
            _tap(made, ear)
        return made

    def on_connected(client: Client, message: Any = None) -> None:  # noqa: ANN401 - ccxt's
        connected(client, message)
        ear.opened(client)

    exchange.client = client
    exchange.on_connected = on_connected
    exchange.open()  # KuCoin's needs the loop before it watches anything
    return exchange


def warm() -> None:
    """Import what takes seconds."""
    import ccxt.pro  # noqa: PLC0415, F401 - as above


def errors() -> tuple[type[Exception], ...]:
    """Return what comes out of ccxt when a connection or a subscription fails."""
    from ccxt.base.errors import BaseError  # noqa: PLC0415 - the package is the cost named above

    return (BaseError, ClientError, OSError)


def hang_up(client: Client, why: str) -> None:
    """End a connection: who watches it gets ``why``, as if the network had failed."""
    from ccxt.base.errors import NetworkError  # noqa: PLC0415 - as above

    client.on_error(NetworkError(why))


def forgive(client: Client) -> None:
    """Let ccxt count unanswered pings anew: while the socket is not read, no answer can be seen."""
    client.lastPong = None


def _tap(client: Client, ear: Ear) -> None:
    to_ccxt, handle = client.handle_text_or_binary_message, client.handle_message
    receive = client.receive

    def text(data: str | bytes) -> None:
        frame = data.decode(errors="replace") if isinstance(data, bytes) else data
        ours = True
        try:
            if not ear.text(client, frame):
                ours = False
                if _pongs(client, frame, to_ccxt):
                    ear.pong(None)
        except Exception as error:  # noqa: BLE001 - let through, it would end the receive loop in silence
            ear.broken(client, error, ours=ours, frame=frame)

    def message(received: Any) -> None:  # noqa: ANN401 - aiohttp's
        if received.type is WSMsgType.PONG:
            ear.pong(received.data)
        handle(received)

    async def held() -> Any:  # noqa: ANN401 - aiohttp's
        await ear.room()
        return await receive()

    client.receive_loop = _loop(client, ear, text, message)
    client.handle_text_or_binary_message = text
    client.handle_message = message
    client.receive = held
    ear.tapped(client)


def _loop(
    client: Client, ear: Ear, text: Callable[[Any], None], other: Callable[[Any], None]
) -> Callable[[], None]:
    """Return what takes all that aiohttp has read, until the socket is to be held; ccxt takes the last, and the next."""
    receive_loop = client.receive_loop
    waiting: set[asyncio.Task[None]] = set()

    def loop() -> None:
        buffer = client.buffer
        while buffer and len(buffer) > 1 and not client.closed():
            _drain(buffer, text, other)
            if ear.held:
                waiting.add(later := asyncio.create_task(again()))
                later.add_done_callback(waiting.discard)
                return
        receive_loop()

    async def again() -> None:
        await ear.room()
        loop()

    return loop


def _drain(
    buffer: deque[tuple[Any, int]], text: Callable[[Any], None], other: Callable[[Any], None]
) -> None:
    """Take the oldest of the frames that wait, but never the last.

    ccxt does the same, but asks for the buffer twice a frame, and takes all of it whoever must wait meanwhile.
    """
    taken = 0
    try:
        for _ in range(min(len(buffer) - 1, DRAIN_MAX)):
            received, size = buffer.popleft()
            taken += size + MSG_SIZE_OVERHEAD
            if received.type is WSMsgType.TEXT:
                text(received.data)
            else:
                other(received)
    finally:
        # aiohttp counts what waits, so as to stop reading; it is told with the next frame that it reads itself.
        last, size = buffer[0]
        buffer[0] = (last, size + taken)


def _pongs(client: Client, frame: str, to_ccxt: Callable[[Any], None]) -> bool:
    """Hand a frame to ccxt, and return whether it took it for the answer to a ping of text."""
    before, client.lastPong = client.lastPong, None
    to_ccxt(frame)
    answered: int | None = getattr(client, "lastPong", None)
    if answered is None:
        client.lastPong = before
    return answered is not None


def _ccxt_market(market: Market) -> dict[str, Any]:
    """Return as much of a market as ccxt needs to subscribe to it."""
    spot = market.settle is None
    return {
        "id": market.venue_id,
        "lowercaseId": market.venue_id.lower(),
        "symbol": market.symbol,
        "base": market.base,
        "quote": market.quote,
        "settle": market.settle,
        "baseId": market.base,
        "quoteId": market.quote,
        "settleId": market.settle,
        "type": "spot" if spot else "swap",
        "spot": spot,
        "margin": False,
        "swap": not spot,
        "future": False,
        "option": False,
        "contract": not spot,
        "linear": not spot,
        "inverse": False,
        "active": True,
        "precision": {"price": 1e-8, "amount": 1e-8},
        "limits": {},
        "info": {},
    }
