"""An endpoint for GitHub's deliveries: signed, bounded, and never ahead of what the queue takes."""

import asyncio
import re
from collections.abc import Callable

from aiohttp import web
from msgspec import Struct

from .acts import Readers
from .deliveries import Delivery, DeliveryError, read, signed
from .settings import WebhookSettings

PATH = "/github"
BODY_BYTES_MAX = 25 * 1024 * 1024
"""GitHub sends no larger delivery."""
READ_S = 10.0
"""For a whole body: GitHub itself waits no longer for the answer."""
IN_FLIGHT_MAX = 8
"""Bodies in memory at once."""

_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,64}")

Taken = Callable[[Delivery], "bool | None"]
"""Takes what was delivered: False if there is no room, None if it is of no repository that is followed."""


class Received(Struct):
    """What became of deliveries."""

    taken: int = 0
    unsigned: int = 0
    unknown: int = 0
    unreadable: int = 0
    turned_away: int = 0
    """For there was no room: GitHub shows them as failed, and they can be sent again."""
    too_large: int = 0
    too_slow: int = 0


class Webhooks:
    """Listens for as long as a source runs."""

    def __init__(
        self,
        settings: WebhookSettings,
        readers: Readers,
        take: Taken,
        refuse: Callable[[str, bytes, str], bool],
        *,
        body_bytes_max: int = BODY_BYTES_MAX,
        read_s: float = READ_S,
    ) -> None:
        """Prepare. ``refuse`` takes the words, the bytes and the delivery's id of what cannot be read."""
        self.received = Received()
        self.port = settings.port
        self._settings, self._readers, self._take, self._refuse = settings, readers, take, refuse
        self._secret = settings.secret.get_secret_value().encode()
        self._read_s, self._in_flight = read_s, 0
        app = web.Application(client_max_size=body_bytes_max)
        app.router.add_post(PATH, self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be had.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        if self._in_flight >= IN_FLIGHT_MAX:
            self.received.turned_away += 1
            return web.Response(status=503, headers={"Retry-After": "5"})
        self._in_flight += 1
        try:
            async with asyncio.timeout(self._read_s):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            self.received.too_large += 1
            return web.Response(status=413)
        except TimeoutError:
            self.received.too_slow += 1
            return web.Response(status=408)
        finally:
            self._in_flight -= 1
        return web.Response(status=self._status(request, body))

    def _status(self, request: web.Request, body: bytes) -> int:
        """Take a body, and return what to answer."""
        if not signed(body, self._secret, request.headers.get("X-Hub-Signature-256", "")):
            self.received.unsigned += 1
            return 401
        event = request.headers.get("X-GitHub-Event", "")
        if event == "ping":
            self.received.taken += 1
            return 200
        try:
            taken = self._take(read(event, body, self._readers))
        except DeliveryError as error:
            self.received.unreadable += 1
            told = _DELIVERY.match(request.headers.get("X-GitHub-Delivery", ""))
            return 400 if self._refuse(str(error), body, told[0] if told else "?") else 503
        if taken is None:
            self.received.unknown += 1
            return 404
        if not taken:
            self.received.turned_away += 1
            return 503
        self.received.taken += 1
        return 202
