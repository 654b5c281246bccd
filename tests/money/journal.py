"""A journal that lasts: lines appended to files, one of each writer, read back whole."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from topics import Intent, Result, encode

_DECODER = msgspec.json.Decoder(Intent | Result)


class FileJournal:
    """What Kafka is to the agent. A line is written by one call: a process that is killed leaves whole lines."""

    def __init__(self, folder: Path, name: str) -> None:
        """Begin, or go on with, the writer's own file."""
        self._folder = folder
        self._file = (folder / f"{name}.jsonl").open("ab", buffering=0)

    async def write(self, entry: Intent | Result) -> None:
        """Append an entry; once it is in the system's hands a dead process cannot lose it."""
        self._file.write(encode(entry) + b"\n")

    async def read(self) -> AsyncIterator[Intent | Result]:
        """Yield what everybody had written when it was first asked."""
        for entry in entries(self._folder):
            yield entry

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def entries(folder: Path) -> Iterator[Intent | Result]:
    """Yield every entry of every writer, each writer's in order."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            yield _DECODER.decode(line)
