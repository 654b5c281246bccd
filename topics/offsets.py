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
        self._committed = -1

    @property
    def committable(self) -> int:
        """The offset to commit: all below it are finished, and it is not."""
        return self._next

    @property
    def has_moved(self) -> bool:
        """Whether there is more to commit than was committed."""
        return self._next > self._committed

    @property
    def unfinished(self) -> int:
        """How many have been read and are not finished."""
        return self._read - self._next - len(self._finished)

    def read(self, offset: int) -> None:
        """Note that an offset has been read. Offsets between carry no record, and are finished."""
        self.pass_to(offset)
        self._read = max(self._read, offset + 1)

    def pass_to(self, offset: int) -> None:
        """Note that what has not been read below an offset carries no record: a transaction's end, say."""
        for skipped in range(self._read, offset):
            self.finish(skipped)
        self._read = max(self._read, offset)

    def finish(self, offset: int) -> None:
        """Note that an offset is finished; twice is once."""
        if offset < self._next:
            return
        self._finished.add(offset)
        while self._next in self._finished:
            self._finished.remove(self._next)
            self._next += 1

    def commit(self, offset: int) -> None:
        """Note that an offset is committed."""
        self._committed = max(self._committed, offset)
