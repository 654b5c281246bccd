"""Whether a connection lives: how long it has been silent, and whether it answers when it is asked."""

from contextlib import suppress

from .silence import Silence
from .tap import Client, errors, forgive, hang_up
from .venues import VenueClock

PROBE_S, PROBE_TEXT_S = 0.5, 5.0
"""A connection that is quiet for this long is asked whether it lives, and not more often than that: Binance hangs up
on more than five messages a second, and pings of text count with other venues too."""
PROBE_LOST_S = 10.0
"""After which an answer is not waited for any more."""
SUBSCRIBED_S = 10.0
"""For the venue to answer a subscription, or to send anything."""


class Liveness:
    """Of one connection. Times are the loop's."""

    def __init__(self, silence: Silence, clock: VenueClock) -> None:
        """Begin before the connection is open."""
        self.opened_s: float | None = None
        self.subscribed_s: float | None = None
        """Since when it brings what there is."""
        self.stale = False
        self.frames = 0
        self._silence, self._clock = silence, clock
        self._heard_s: float | None = None
        """When the last frame came, or the connection was first seen open."""
        self._probe: tuple[bytes, float] | None = None
        """The ping that has not been answered, and when it was sent."""
        self._probe_due_s = 0.0
        self._was_held = False
        """Whether the socket was held since the last look."""

    def frame(self, now_s: float) -> None:
        """Take a frame, of whatever."""
        self.frames += 1
        self._heard_s = now_s

    def data(self, now_s: float) -> None:
        """Take a frame with data."""
        self._silence.data(now_s)
        self.stale = False

    def subscribed(self, now_s: float) -> None:
        """Take that from now on it brings what there is."""
        self.subscribed_s = now_s
        self._silence.began(now_s)

    def held(self) -> None:
        """Take that the socket is not read now."""
        self._was_held = True

    def pong(self, payload: bytes | None) -> None:
        """Take the answer to a ping; None is one of text, which says no more than that."""
        if self._probe is not None and payload in (None, self._probe[0]):
            self._clock.answered(self._probe[1])
            self._probe = None

    async def look(self, client: Client, now_s: float, *, held: bool) -> bool:
        """End the connection if it is silent, ask it if it is quiet; return whether it answers no subscription, but lives."""
        if held or self._was_held or self._heard_s is None:
            # While we do not read, neither frames nor pongs can come: that is no fault of the venue's.
            self._heard_s, self._was_held = now_s, False
            self._silence.began(now_s)
            forgive(client)
            return False
        if self.subscribed_s is None:
            return self._waited(client, now_s)
        quiet_s, limit_s = self._silence.quiet_s(now_s), self._silence.limit_s()
        if quiet_s >= limit_s:
            self._silence.hung_up()
            hang_up(client, f"no data for {limit_s:g} s")
            return False
        self.stale = quiet_s >= limit_s / 2
        await self._ask(client, self._heard_s, now_s)
        return False

    def _waited(self, client: Client, now_s: float) -> bool:
        opened_s = now_s if self.opened_s is None else self.opened_s
        if now_s - opened_s < min(SUBSCRIBED_S, self._silence.limit_s()):
            return False
        if not self.frames:
            self._silence.hung_up()
            hang_up(client, "no answer to the subscription")
        return self.frames > 0

    async def _ask(self, client: Client, heard_s: float, now_s: float) -> None:
        """Ping, if it is quiet, unless a ping is under way."""
        of_text = getattr(client, "ping", None)
        every_s = PROBE_TEXT_S if of_text else PROBE_S
        if now_s - heard_s < every_s or now_s < self._probe_due_s:
            return
        if self._probe is not None and now_s - self._probe[1] < PROBE_LOST_S:
            return
        self._probe_due_s = now_s + every_s
        self._probe = (f"{self.frames}/{now_s}".encode(), now_s)
        with suppress(*errors()):  # ccxt tells how the connection ended
            if of_text:
                await client.send(of_text(client))
            else:
                await client.connection.ping(self._probe[0])
