"""Where a reader of changes is: the next offset of each log, so that it means the same on every replica. PURE."""

import re
from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from .shown import Change, Changes, Place

CHANGES_MAX = 10_000
"""Of all topics: some minutes of a busy pipeline; who was away longer reads anew what is shown."""
CURSOR_CHARS_MAX = 4_000
"""Of a cursor somebody sends: one of twelve topics of 24 partitions is shorter."""
_CURSOR = re.compile(r"(?:[a-z.]{1,40}(?:-[0-9]{1,5}\.[0-9]{1,19})+(?:~(?!$)|$))*")
_LOG = re.compile(r"-([0-9]+)\.([0-9]+)")

Positions = dict[tuple[str, int], int]
"""Topic and partition, and the offset that comes next."""


class CursorError(ValueError):
    """Somebody sent a cursor that is none."""


def written(positions: Mapping[tuple[str, int], int]) -> str:
    """Return a cursor in letters that an address and a header may hold: `aggregates-0.17-1.4~alerts-0.2`."""
    topics: dict[str, str] = {}
    for (topic, partition), offset in sorted(positions.items()):
        topics[topic] = topics.get(topic, topic) + f"-{partition}.{offset}"
    return "~".join(topics.values())


def read(text: str) -> Positions:
    """Return the positions of a cursor.

    Raises:
        CursorError: It is none.
    """
    if len(text) > CURSOR_CHARS_MAX or not _CURSOR.fullmatch(text):
        msg = "not a cursor: take one that a stream gave"
        raise CursorError(msg)
    found: Positions = {}
    for part in text.split("~") if text else ():
        topic = part.partition("-")[0]
        for partition, offset in _LOG.findall(part):
            found[topic, int(partition)] = int(offset)
    return found


class _Came(Struct):
    serial: int
    what: str
    key: str
    asset: str
    place: Place
    at_ms: int


class Ring:
    """The last changes in the order they came here, and how far each log was read."""

    def __init__(self) -> None:
        """Begin with none."""
        self.serial = 0
        """Rises with each change; of this process alone."""
        self._positions: Positions = {}
        self._shown: Positions = {}
        """Of those logs, and of those records of them, that have changes."""
        self._dropped: Positions = {}
        """By log, the offset after the last change that is remembered no more."""
        self._came: deque[_Came] = deque()
        self._written = 0, ""
        """The cursor as it was at a serial."""

    def __len__(self) -> int:
        """Return how many changes are remembered."""
        return len(self._came)

    def is_new(self, place: Place) -> bool:
        """Return whether a record was not read before, and remember that it was read now."""
        log = place.topic, place.partition
        if place.offset < self._positions.get(log, 0):
            return False
        self._positions[log] = place.offset + 1
        return True

    def begin_anew(self, topic: str, partition: int, offset: int) -> None:
        """Take it that a log is another one from now on, read from an offset."""
        log = topic, partition
        self._positions[log] = offset
        self._shown.pop(log, None)
        self.serial += 1
        self._came = deque(c for c in self._came if (c.place.topic, c.place.partition) != log)
        self._dropped.pop(log, None)

    def put(self, what: str, key: str, asset: str, place: Place, at_ms: int) -> None:
        """Remember a change."""
        if len(self._came) >= CHANGES_MAX:
            old = self._came.popleft().place
            self._dropped[old.topic, old.partition] = old.offset + 1
        self.serial += 1
        self._came.append(_Came(self.serial, what, key, asset, place, at_ms))
        self._shown[place.topic, place.partition] = place.offset + 1

    @property
    def cursor(self) -> str:
        """Where a reader is that has seen everything."""
        if self._written[0] != self.serial:
            self._written = self.serial, written(self._shown)
        return self._written[1]

    def after(self, cursor: str, most: int) -> Changes:
        """Return what came after a cursor, at most so many.

        Raises:
            CursorError: It is none.
        """
        if cursor == self.cursor:
            return Changes(items=(), cursor=cursor, complete=True)
        at = read(cursor)
        complete = all(at.get(log, 0) >= offset for log, offset in self._dropped.items())
        items = []
        for came in self._came:
            log = came.place.topic, came.place.partition
            if came.place.offset < at.get(log, 0):
                continue
            at[log] = came.place.offset + 1
            items.append(
                Change(
                    what=came.what,
                    key=came.key,
                    asset=came.asset,
                    place=came.place,
                    at_ms=came.at_ms,
                    cursor=written(at),
                )
            )
            if len(items) >= most:
                break
        return Changes(items=tuple(items), cursor=written(at), complete=complete)

    def touched(self, serial: int) -> tuple[int, frozenset[tuple[str, str]]]:
        """Return the topics and assets that changed after a serial, and the serial now: what a page must paint anew."""
        found = set()
        for came in reversed(self._came):
            if came.serial <= serial:
                break
            found.add((came.what, came.asset))
        return self.serial, frozenset(found)
