"""When a record is done with: once every receiver has its outcome of it. PURE."""

from collections.abc import Mapping

from topics.offsets import Offsets

from .notice import Place


class Account:
    """The records that were read and are not done with, and the offsets that may be committed for it."""

    def __init__(self, begins: Mapping[tuple[str, int], int]) -> None:
        """Begin at these offsets, by topic and partition: what is below is done with."""
        self._offsets = {place: Offsets(first) for place, first in begins.items()}
        self._open: dict[Place, int] = {}

    def __len__(self) -> int:
        """How many records are not done with."""
        return len(self._open)

    def open(self, place: Place) -> None:
        """Take a record in. It is done with when whoever took it in and every receiver has settled it."""
        self._offsets[place.topic, place.partition].read(place.offset)
        self._open[place] = 1

    def expect(self, place: Place | None) -> None:
        """Expect one more outcome of a record; None: of what no record said."""
        if place is not None:
            self._open[place] += 1

    def settle(self, place: Place | None) -> None:
        """Note that one outcome is known and acknowledged."""
        if place is None:
            return
        self._open[place] -= 1
        if not self._open[place]:
            del self._open[place]
            self._offsets[place.topic, place.partition].finish(place.offset)

    def pass_to(self, topic: str, partition: int, offset: int) -> None:
        """Note that what has not been read below an offset carries no record."""
        self._offsets[topic, partition].pass_to(offset)

    def moved(self) -> dict[tuple[str, int], int]:
        """Return the offsets to commit, where there is more than was committed."""
        return {place: o.committable for place, o in self._offsets.items() if o.has_moved}

    def commit(self, committed: Mapping[tuple[str, int], int]) -> None:
        """Note that these offsets are committed."""
        for place, offset in committed.items():
            self._offsets[place].commit(offset)
