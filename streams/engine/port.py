"""What the engine asks of the program it carries, and what it tells about itself."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, Protocol

from msgspec import Struct

from topics.record import LogRecord, OutRecord


class Checkpoint(Struct):
    """All that one transaction writes: outputs first, then state, the meta entry last."""

    outputs: list[OutRecord]
    entries: list[tuple[bytes, bytes | None]]


class PartitionProgram(Protocol):
    """The state of one partition number over all source topics. Every method is synchronous."""

    def feed(self, topic: str, records: Iterable[LogRecord]) -> bool:
        """Fold records, and return whether there is something worth writing at once.

        Records whose offset is below the next one have been folded before and are passed over.

        Raises:
            ValueError: An offset is missing between the last record and these.
        """

    def next_offsets(self) -> Mapping[str, int]:
        """Return, by source topic, the offset to go on from; a topic never read is absent."""

    def take(self) -> Checkpoint | None:
        """Return what has changed since the last call, or None when nothing has."""


class ProgramFactory(Protocol):
    """Makes the program of one partition out of its changelog entries."""

    def __call__(self, partition: int, entries: Mapping[bytes, bytes]) -> PartitionProgram:
        """Return a program that goes on where the entries end."""


class Observer(Protocol):
    """Told what the engine does, for metrics. Must not raise."""

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        """A transaction has been committed."""

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        """The partitions of this worker are loaded and will be read."""


class Fatal(Protocol):
    """Ends the process. Whatever went wrong, the supervisor's restart is the one way to recover."""

    def __call__(self, reason: str, error: BaseException | None = None) -> NoReturn:
        """Say why and end the process at once, before anything more can be written."""
