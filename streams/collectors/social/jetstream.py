"""Bluesky's posts by Jetstream, live: every post of the network, of which those that name an asset are sent.

One connection after the other, to the hosts in turn. A cut is no hole: the next connection goes on where the last one
ended, and what comes twice is known by its id. What no host has any more is told as a gap of every asset.

Times are the stream's: when the service saw a post. What an author's program says is only looked at to leave out
what was imported from long ago. An author's name for himself (a DID) stays here: ids and authors are salted hashes.
"""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWSTimeout,
    TCPConnector,
    WSMsgType,
    WSServerHandshakeError,
)
from pydantic import Field

from streams.collectors.asking import USER_AGENT
from streams.collectors.port import (
    Clock,
    Context,
    Link,
    Observation,
    Refused,
    Source,
    SourceError,
    SourceType,
)
from topics import Kind

from .jetstream_frames import COLLECTION, Notice, Version, error_name
from .jetstream_position import RenumberedError
from .jetstream_posts import JetstreamPosts
from .settings import SocialSettings

URLS = (
    "wss://jetstream.us-west.bsky.network/xrpc/network.bsky.jetstream.subscribeEvents",
    "wss://jetstream.us-east.bsky.network/xrpc/network.bsky.jetstream.subscribeEvents",
    "wss://jetstream2.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
)
MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""A larger one ends the connection. We ask the service to send none of more than a million."""
WANTED_BYTES_MAX = 1_000_000
CONNECT_S = 15.0
"""For connecting, TLS and the upgrade."""
BODY_BYTES_MAX = 64 * 1024
_BAD_REQUEST = 400


class JetstreamSettings(SocialSettings):
    """Bluesky's posts, live; nobody needs a key for them."""

    type: Literal["jetstream"]
    urls: tuple[str, ...] = Field(default=URLS, min_length=1, max_length=16)
    """Of servers, in the order they are tried: an address that ends in `/subscribe` is v1, others are v2."""
    silence_s: float = Field(default=30.0, gt=0, le=3_600)
    """Without any frame for this long the connection is taken for dead, whatever pings say."""
    lateness_ms: int = Field(default=10_000, ge=0, le=600_000)
    """How far behind the stream's time the source's promises stay."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's: for a proxy or a server of one's own."""


def create_jetstream(name: str, settings: JetstreamSettings, context: Context) -> list[Source]:
    """Return the source of that name."""
    return [Jetstream(name, settings, now_ms=context.now_ms)]


class Jetstream:
    """The stream, over as many connections as it takes."""

    kind: Kind = "social"

    def __init__(self, name: str, settings: JetstreamSettings, *, now_ms: Clock) -> None:
        """Prepare; nothing is dialled before the first observation is asked for."""
        self.name = name
        self.posts = JetstreamPosts(
            name,
            salt=settings.salt.get_secret_value(),
            assets=settings.assets,
            followed=settings.followed(),
            lateness_ms=settings.lateness_ms,
        )
        self._settings, self._now_ms = settings, now_ms
        self._host = 0
        self._begun_ms = 0
        self._frames = 0

    def resume(self, past: Sequence[object]) -> None:
        """Go on behind what the log has of this source."""
        self.posts.resume(past)

    async def observations(self) -> AsyncIterator[Observation]:
        """Connect to a host, and yield what comes until the connection fails.

        Raises:
            SourceError: It failed; the next call goes on where it did, at the next host if this one gave nothing.
        """
        # Its beginning names a connection, so that the letters of two processes never have one origin.
        self._begun_ms = max(self._now_ms(), self._begun_ms + 1)
        self._frames = 0
        url = self._settings.urls[self._host % len(self._settings.urls)]
        yield Link(state="connecting", reason=_host_of(url))
        try:
            async with self._session() as session:
                async for observation in self._connection(session, url):
                    yield observation
        except RenumberedError as error:
            msg = f"{_host_of(url)}: {error}"
            raise SourceError(msg) from error
        except (ClientError, OSError, TimeoutError, ValueError) as error:
            msg = f"{_host_of(url)}: {type(error).__name__}: {error}".partition("?")[0]
            raise SourceError(msg) from error
        finally:
            if self._frames == 0:
                self._host += 1

    async def _connection(self, session: ClientSession, url: str) -> AsyncIterator[Observation]:
        version: Version = 1 if urlsplit(url).path.endswith("/subscribe") else 2
        address = _with_query(url, version, self.posts.position.ask(url, version))
        try:
            connecting = session.ws_connect(
                address,
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=ClientWSTimeout(ws_close=1.0),
                protocols=() if version == 1 else ("xrpc.v1.json",),
            )
            socket = await connecting
        except WSServerHandshakeError as error:
            raise await self._refused(session, url, address, error) from error
        async with socket:
            yield Link(state="connected", reason=_host_of(url))
            while True:
                frame = await self._frame(socket, url)
                self._frames += 1
                for observation in self._take(frame, version, url):
                    yield observation

    async def _frame(self, socket, url: str) -> bytes | str:  # type: ignore[no-untyped-def]  # noqa: ANN001
        try:
            message = await socket.receive(timeout=self._settings.silence_s)
        except TimeoutError:
            msg = f"{_host_of(url)}: no frame for {self._settings.silence_s:g} s"
            raise SourceError(msg) from None
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            frame: bytes | str = message.data
            return frame
        why = socket.exception() or f"code {socket.close_code} {message.extra or ''}".strip()
        msg = f"{_host_of(url)}: the connection ended: {why}"
        raise SourceError(msg)

    def _take(self, frame: bytes | str, version: Version, url: str) -> Iterator[Observation]:
        for seen in self.posts.take(frame, version, self._now_ms()):
            match seen:
                case Notice(is_error=True):
                    msg = f"{_host_of(url)}: {seen.name}: {seen.message}"
                    raise SourceError(msg)
                case Notice():
                    yield Link(state="connected", reason=f"{seen.name}: {seen.message}")
                case Refused():
                    yield self._letter(seen)
                case _:
                    yield seen

    def _letter(self, refused: Refused) -> Refused:
        return Refused(
            reason=refused.reason,
            message=refused.message,
            original=refused.original,
            origin=f"{self.name}/{self._begun_ms}/{self._frames}",
            received_ms=refused.received_ms,
            events=refused.events,
        )

    async def _refused(
        self, session: ClientSession, url: str, address: str, error: WSServerHandshakeError
    ) -> SourceError:
        """Ask in plain HTTP what a refused upgrade does not let us read: whether the cursor is too old."""
        name = ""
        if error.status == _BAD_REQUEST:
            plain = address.replace("ws", "http", 1)
            with suppress(ClientError, OSError, TimeoutError):
                async with session.get(plain, timeout=ClientTimeout(total=CONNECT_S)) as answer:
                    name = error_name(await answer.content.read(BODY_BYTES_MAX))
        if name == "CursorTooOld":
            self.posts.position.too_old()
            self._frames = 1  # the host is well: it is asked again, by time
            return SourceError(f"{_host_of(url)}: CursorTooOld: what is left is asked for by time")
        return SourceError(f"{_host_of(url)}: {error.status} {name or error.message}")

    def _session(self) -> ClientSession:
        trusted = ssl.create_default_context(cafile=self._settings.ca_file)
        return ClientSession(
            connector=TCPConnector(ssl=trusted),
            headers={"User-Agent": USER_AGENT},
            timeout=ClientTimeout(total=None, connect=CONNECT_S, sock_connect=CONNECT_S),
            trust_env=True,
        )


def _with_query(url: str, version: Version, cursor: int | None) -> str:
    wanted = (
        [("wantedCollections", COLLECTION)]
        if version == 1
        else [("kinds", "commit"), ("kinds", "account"), ("collections", COLLECTION)]
    )
    wanted.append(("maxMessageSizeBytes", str(WANTED_BYTES_MAX)))
    if cursor is not None:
        wanted.append(("cursor", str(cursor)))
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(wanted), ""))


def _host_of(url: str) -> str:
    return urlsplit(url).hostname or url


TYPE = SourceType(
    name="jetstream",
    about="Bluesky: every post of the network, live, with replay of what was missed (36 hours)",
    kinds=("social",),
    settings=JetstreamSettings,
    create=create_jetstream,
    limits="one connection; the service drops who reads too slowly",
)
