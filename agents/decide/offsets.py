"""Which offset of a partition may be committed: the first that is not finished. PURE."""


class Offsets:
    """The offsets of one partition, from reading to finished."""

    def __init__(self, first: int) -> None:
        """Begin at the offset to be read first."""
        self._next = first
        """Everything below is finished."""
        self._read = first
        """Everything below has been read."""
        self._finished: set[int] = set()
        """Finished offsets above `_next`."""

    @property
    def committable(self) -> int:
        """The offset to commit: all below it are finished, and it is not."""
        return self._next

    @property
    def unfinished(self) -> int:
        """How many have been read and are not finished."""
        return self._read - self._next - len(self._finished)

    def read(self, offset: int) -> None:
        """Note that an offset has been read. Offsets between carry no record, and are finished."""
        for skipped in range(self._read, offset):
            self.finish(skipped)
        self._read = max(self._read, offset + 1)

    def finish(self, offset: int) -> None:
        """Note that an offset is finished; twice is once."""
        if offset < self._next:
            return
        self._finished.add(offset)
        while self._next in self._finished:
            self._finished.remove(self._next)
            self._next += 1
