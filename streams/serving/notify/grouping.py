"""Which notices to one receiver make one message. PURE: time is an argument, in milliseconds.

Two wishes meet here: an alert is told at once, and forty alerts of one rule are not forty messages.

- What begins (fires), what ends and what is explained are grouped apart, by rule.
- The first of a group is told after `SETTLE_MS`, with those that came meanwhile: a fall of the whole market closes
  the windows of many assets in one moment, and is one message.
- What follows within `GATHER_MS` of that message is gathered, and told as one more when the time is over; and so on.
- Whatever else is to be told of an alert that waits goes with it: nobody reads that it is over before that it fires.
"""

from typing import NamedTuple

from .notice import Entry, Phase

SETTLE_MS = 100
"""A fifth of the half second in which an alert is to be told; checkpoints of one instant are some 50 ms apart."""
GATHER_MS = 10_000

_Name = tuple[str, Phase]
"""Of a group: its rule, and what is told of it."""


class _Group:
    __slots__ = ("due_ms", "follows", "waiting")

    def __init__(self, due_ms: int, *, follows: bool) -> None:
        self.due_ms = due_ms
        self.follows = follows
        """Whether a message of it has been told, whose time is not over."""
        self.waiting: list[Entry] = []

    @property
    def order(self) -> tuple[int, int]:
        """The most severe first, then what has waited longest."""
        return -max(entry.notice.rank for entry in self.waiting), self.due_ms


class Due(NamedTuple):
    """Notices of one rule that are to be told now."""

    entries: list[Entry]
    gathered: bool
    """Whether they followed a message of their group within its time."""
    group: _Name

    @property
    def critical(self) -> bool:
        """Whether one of them is."""
        return any(entry.notice.alert.severity == "critical" for entry in self.entries)


class Groups:
    """The notices to one receiver that are not told yet."""

    def __init__(self) -> None:
        """Begin with none."""
        self._groups: dict[_Name, _Group] = {}
        self._of_alert: dict[str, tuple[_Name, int]] = {}
        """The group in which notices of an alert wait, and how many."""
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    def add(self, entry: Entry, now_ms: int) -> None:
        """Take a notice in."""
        alert = entry.notice.alert
        name, count = self._of_alert.get(alert.alert_id, ((alert.rule, entry.notice.phase), 0))
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(now_ms + SETTLE_MS, follows=False)
        group.waiting.append(entry)
        self._of_alert[alert.alert_id] = (name, count + 1)
        self._waiting += 1

    def due_ms(self) -> int | None:
        """Return when the next group is to be told, or None."""
        return min((g.due_ms for g in self._groups.values() if g.waiting), default=None)

    def pop(self, now_ms: int) -> Due | None:
        """Return the group that is to be told now, the most severe of several; or None. `told` says that it was."""
        self._forget(now_ms)
        due = [(g.order, n) for n, g in self._groups.items() if g.waiting and g.due_ms <= now_ms]
        if not due:
            return None
        name = min(due)[1]
        group = self._groups.pop(name)
        found = Due(group.waiting, group.follows, name)
        for entry in found.entries:
            self._of_alert.pop(entry.notice.alert.alert_id, None)
        self._waiting -= len(found.entries)
        return found

    def told(self, due: Due, now_ms: int) -> None:
        """Note that a group was told: what follows within its time is gathered."""
        self._groups[due.group] = _Group(now_ms + GATHER_MS, follows=True)

    def drop_oldest(self) -> Entry:
        """Take out the first of the group that has waited longest. There must be one."""
        name = min((g.due_ms, n) for n, g in self._groups.items() if g.waiting)[1]
        entry = self._groups[name].waiting.pop(0)
        alert_id = entry.notice.alert.alert_id
        _, count = self._of_alert.pop(alert_id)
        if count > 1:
            self._of_alert[alert_id] = (name, count - 1)
        self._waiting -= 1
        return entry

    def _forget(self, now_ms: int) -> None:
        """Forget groups whose time is over, with nothing in it: the next of them is told at once again."""
        over = [n for n, g in self._groups.items() if not g.waiting and g.due_ms <= now_ms]
        for name in over:
            del self._groups[name]
