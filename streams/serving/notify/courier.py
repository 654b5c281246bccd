"""One receiver: its lane, its door, and the tries in between. Whatever it fails at, it fails alone."""

import asyncio
from collections.abc import Callable

import stamina
import structlog
from msgspec import Struct

from .door import Door, DoorError, Fires, Firing
from .lane import Lane, Message, Silenced
from .metrics import NOTIFY
from .notice import Entry
from .outcome import NOT_BORNE_OUT, End, Outcome
from .settings import NotifySettings
from .wording import letter_of

log = structlog.get_logger()


class Tally(Struct):
    """What became of the notices to one receiver, since the start of this process."""

    sent: int = 0
    """Messages."""
    told: int = 0
    """Notices in them."""
    muted: int = 0
    filtered: int = 0
    undeliverable: int = 0
    failed_attempts: int = 0
    last_delivered_ms: int | None = None
    failing: str = ""
    """Why the last attempt failed; empty when it did not."""


class Courier:
    """Tells one receiver, one message at a time."""

    def __init__(
        self,
        name: str,
        door: Door,
        lane: Lane,
        settings: NotifySettings,
        *,
        tally: Tally,
        dashboard: str,
        silenced: Silenced,
        firing: Firing,
        fires: Fires,
        done: Callable[[Outcome], None],
        now_ms: Callable[[], int],
    ) -> None:
        """Take what it needs. ``done`` is told what became of each notice."""
        self.name, self.lane, self.tally = name, lane, tally
        self._door, self._settings, self._dashboard = door, settings, dashboard
        self._silenced, self._firing, self._fires = silenced, firing, fires
        self._done, self._now_ms = done, now_ms
        self._offered = asyncio.Event()
        self._leaves = False
        self._refresh_ms = 0

    def offer(self, entry: Entry) -> None:
        """Tell this, in its turn."""
        given_up = self.lane.offer(entry, self._now_ms())
        for gone in given_up:
            self._end(gone, "undeliverable", words="too many waited for this receiver")
        self._offered.set()

    def leave_out(self, entry: Entry) -> None:
        """End this without a message: its alert's analysis did not bear it out."""
        self._end(entry, "muted", words=NOT_BORNE_OUT)

    def leave(self) -> None:
        """Begin no message any more; the one under way is finished, if it is taken in time."""
        self._leaves = True
        self._offered.set()

    async def run(self) -> None:
        """Tell until it leaves, or is cancelled."""
        while not self._leaves:
            now_ms = self._now_ms()
            told = self.lane.next(now_ms, self._silenced)
            if told is not None:
                for entry in told.muted:
                    self._end(entry, "muted", words="muted, or its alert acknowledged")
                if told.message is not None:
                    await self._deliver(told.message)
                continue
            if self._door.refreshes and now_ms >= self._refresh_ms:
                await self._refresh()
            await self._wait()

    async def _wait(self) -> None:
        """Wait for something to be offered, or to become due."""
        now_ms = self._now_ms()
        wakes = [self.lane.wakes_ms(now_ms), self._refresh_ms if self._door.refreshes else None]
        until_ms = min((time for time in wakes if time is not None), default=None)
        try:
            async with asyncio.timeout(
                None if until_ms is None else max(0.0, (until_ms - now_ms) / 1000)
            ):
                await self._offered.wait()
        except TimeoutError:
            pass
        self._offered.clear()

    async def _deliver(self, message: Message) -> None:
        letter = letter_of(message, self._dashboard, self._door.text_max)
        attempts, settings = 0, self._settings
        try:
            async for attempt in stamina.retry_context(
                on=_again,
                attempts=settings.attempts_max,
                timeout=settings.age_max_s,
                wait_initial=settings.wait_initial_s,
                wait_max=settings.wait_max_s,
                wait_jitter=settings.wait_initial_s,
            ):
                with attempt:
                    attempts = attempt.num
                    try:
                        await self._door.deliver(message, letter, self._fires)
                    except DoorError as error:
                        self._failed(error)
                        raise
        except DoorError as error:
            for entry in message.entries:
                self._end(
                    entry, "undeliverable", message=message, attempts=attempts, words=str(error)
                )
        else:
            self._delivered(message, attempts)

    def _failed(self, error: DoorError) -> None:
        NOTIFY.attempts_failed.labels(self.name).inc()
        self.tally.failed_attempts += 1
        self.tally.failing = str(error)

    def _delivered(self, message: Message, attempts: int) -> None:
        now_ms, tally = self._now_ms(), self.tally
        tally.sent += 1
        tally.last_delivered_ms, tally.failing = now_ms, ""
        NOTIFY.messages.labels(self.name, message.form).inc()
        for entry in message.entries:
            if message.form == "sent" and not entry.withheld:
                took_s = max(0, now_ms - entry.notice.logged_ms) / 1000
                NOTIFY.delivery_s.labels(self.name).observe(took_s)
            self._end(entry, message.form, message=message, attempts=attempts)

    def _end(
        self,
        entry: Entry,
        end: End,
        *,
        message: Message | None = None,
        attempts: int = 0,
        words: str = "",
    ) -> None:
        NOTIFY.notices.labels(self.name, end).inc()
        tally = self.tally
        match end:
            case "muted":
                tally.muted += 1
            case "undeliverable":
                tally.undeliverable += 1
                log.warning("a receiver was not told", receiver=self.name, key=entry.key, why=words)
            case _:
                tally.told += 1
        self._done(
            Outcome(
                entry=entry,
                receiver=self.name,
                end=end,
                at_ms=self._now_ms(),
                message_id=None if message is None else message.message_id,
                attempts=attempts,
                words=words,
            )
        )

    async def _refresh(self) -> None:
        try:
            await self._door.refresh(self._firing())
        except DoorError as error:
            NOTIFY.refreshes_failed.labels(self.name).inc()
            self._failed(error)
        else:
            self.tally.failing = ""
        self._refresh_ms = self._now_ms() + int(self._settings.refresh_s * 1000)


def _again(error: Exception) -> bool | float:
    """Return whether to try again, or after how many seconds the receiver asks us to."""
    if not isinstance(error, DoorError) or error.final:
        return False
    return True if error.retry_after_s is None else error.retry_after_s
