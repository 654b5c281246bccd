"""What changed last, so that a page paints nothing anew in vain, and how far each log was read. PURE."""

from collections import deque
from typing import NamedTuple

from .cursor import Positions
from .records import Place

CHANGES_MAX = 10_000
"""Of all topics: some minutes of a busy pipeline; a page looks every second."""


class _Came(NamedTuple):
    serial: int
    what: str
    asset: str


class Ring:
    """The last changes in the order they came here."""

    def __init__(self) -> None:
        """Begin with none."""
        self.serial = 0
        """Rises with each change; of this process alone."""
        self._positions: Positions = {}
        self._came: deque[_Came] = deque(maxlen=CHANGES_MAX)

    def __len__(self) -> int:
        """Return how many changes are remembered."""
        return len(self._came)

    @property
    def forgotten(self) -> int:
        """How many changes are not."""
        return self.serial - len(self._came)

    def is_new(self, place: Place) -> bool:
        """Return whether a record was not read before, and remember that it was read now."""
        log = place.topic, place.partition
        if place.offset < self._positions.get(log, 0):
            return False
        self._positions[log] = place.offset + 1
        return True

    def begin_anew(self, topic: str, partition: int, offset: int) -> None:
        """Take it that a log is another one from now on, read from an offset."""
        self._positions[topic, partition] = offset

    def put(self, what: str, asset: str) -> None:
        """Remember a change: of what topic, and of which asset, if it is of one."""
        self.serial += 1
        self._came.append(_Came(self.serial, what, asset))

    def touched(self, serial: int) -> tuple[int, frozenset[tuple[str, str]]]:
        """Return the topics and assets that changed after a serial, and the serial now: what a page must paint anew.

        Of more changes than are remembered it is the last ones: who was away so long paints all.
        """
        found = set()
        for came in reversed(self._came):
            if came.serial <= serial:
                break
            found.add((came.what, came.asset))
        return self.serial, frozenset(found)
