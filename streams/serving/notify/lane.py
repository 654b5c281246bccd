"""What one receiver is told, when, and together with what. PURE: time is an argument, in milliseconds.

Every notice that is offered leaves in exactly one way: in a message (of its moment, gathered, or in a digest),
muted, or given up because too many waited. A lane has one message under way at a time, so that a receiver reads
things in their order; while that one is tried again, all others wait and gather.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Literal

from msgspec import Struct

from .grouping import Due, Groups
from .notice import Entry, Notice
from .pacing import Pace

WAITING_MAX = 5_000
"""Notices that wait for one receiver, held back or not; beyond it the oldest is given up, and is a dead letter."""

Form = Literal["sent", "gathered", "digest"]
Silenced = Callable[[Notice, int], bool]
"""Whether people have muted a notice, or acknowledged its alert, at a time."""


class Message(Struct, frozen=True, kw_only=True):
    """One message to one receiver."""

    form: Form
    entries: tuple[Entry, ...]
    begun_ms: int

    @property
    def message_id(self) -> str:
        """A function of the keys in it."""
        keys = "\0".join(entry.key for entry in self.entries)
        return f"{self.form}.{sha256(keys.encode()).hexdigest()[:16]}"


class Told(Struct, frozen=True):
    """What is to be done now: a message, and what ends without one."""

    message: Message | None
    muted: tuple[Entry, ...] = ()


class Lane:
    """The notices on their way to one receiver."""

    def __init__(
        self, per_hour: int, begun_ms: Iterable[int] = (), *, waiting_max: int = WAITING_MAX
    ) -> None:
        """Begin with nothing to tell, and with the messages of the last hour as far as they are known."""
        self._groups = Groups()
        self._pace = Pace(per_hour, begun_ms)
        self._held: dict[str, Entry] = {}
        """By key, in their order."""
        self._held_alerts: dict[str, int] = {}
        self._held_since_ms = 0
        self._held_critical = False
        self._waiting_max = waiting_max

    @property
    def waiting(self) -> int:
        """How many notices wait, those held back included."""
        return len(self._groups) + len(self._held)

    @property
    def held(self) -> int:
        """How many are held back for the digest, because the hour's messages are used up."""
        return len(self._held)

    def offer(self, entry: Entry, now_ms: int) -> list[Entry]:
        """Take a notice in, and return those that are given up for it."""
        given_up = []
        if self.waiting >= self._waiting_max:
            given_up = [self._oldest()]
        if entry.notice.alert.alert_id in self._held_alerts:
            self._hold([entry], now_ms)  # not before what is held of the same alert
        else:
            self._groups.add(entry, now_ms)
        return given_up

    def next(self, now_ms: int, silenced: Silenced) -> Told | None:
        """Return what is to be told now, or None. A message that is returned has begun."""
        while (due := self._groups.pop(now_ms)) is not None:
            loud, muted = _parted(due.entries, silenced, now_ms)
            message = self._message(due._replace(entries=loud), now_ms)
            if message is not None or muted:
                return Told(message, tuple(muted))
        return self._digest(now_ms, silenced)

    def wakes_ms(self, now_ms: int) -> int | None:
        """Return when to ask again, if nothing is offered meanwhile; None: not before."""
        times = [self._groups.due_ms()]
        if self._held:
            times.append(self._digest_ms(now_ms))
        return min((time for time in times if time is not None), default=None)

    def _message(self, due: Due, now_ms: int) -> Message | None:
        """Return the message of a group, or hold it back."""
        if not due.entries:
            return None
        if not self._pace.has_room(critical=due.critical, now_ms=now_ms):
            self._hold(due.entries, now_ms)
            return None
        self._groups.told(due, now_ms)
        return self._begin("gathered" if due.gathered else "sent", due.entries, now_ms)

    def _digest(self, now_ms: int, silenced: Silenced) -> Told | None:
        if not self._held or self._digest_ms(now_ms) > now_ms:
            return None
        loud, muted = _parted(self._held.values(), silenced, now_ms)
        self._held.clear()
        self._held_alerts.clear()
        self._held_critical = False
        message = self._begin("digest", loud, now_ms) if loud else None
        return Told(message, tuple(muted))

    def _digest_ms(self, now_ms: int) -> int:
        return self._pace.digest_ms(self._held_since_ms, now_ms, critical=self._held_critical)

    def _begin(self, form: Form, entries: list[Entry], now_ms: int) -> Message:
        self._pace.begin(now_ms)
        return Message(form=form, entries=tuple(entries), begun_ms=now_ms)

    def _hold(self, entries: Iterable[Entry], now_ms: int) -> None:
        if not self._held:
            self._held_since_ms = now_ms
        for entry in entries:
            self._held[entry.key] = entry
            alert = entry.notice.alert
            self._held_alerts[alert.alert_id] = self._held_alerts.get(alert.alert_id, 0) + 1
            self._held_critical |= alert.severity == "critical"

    def _oldest(self) -> Entry:
        """Take out the notice that is given up: of those held back the first, else of those that gather."""
        if self._held:
            entry = self._held.pop(next(iter(self._held)))
            alert_id = entry.notice.alert.alert_id
            self._held_alerts[alert_id] -= 1
            if not self._held_alerts[alert_id]:
                del self._held_alerts[alert_id]
            return entry
        return self._groups.drop_oldest()


def _parted(
    entries: Iterable[Entry], silenced: Silenced, now_ms: int
) -> tuple[list[Entry], list[Entry]]:
    """Return those to be told, and those that people silenced."""
    loud: list[Entry] = []
    muted: list[Entry] = []
    for entry in entries:
        (muted if silenced(entry.notice, now_ms) else loud).append(entry)
    return loud, muted
