"""Files as frames: one line each, plain or gzip."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from topics import ContractError

LINE_BYTES_MAX = 1024 * 1024
"""Of one line, without its end: no record may be larger."""

_END = b"\r\n"


class Frame(NamedTuple):
    """What a recording holds for one event."""

    data: bytes
    origin: str
    """Where it stands: file/line, or topic/partition/offset."""
    fault: ContractError | None = None
    """Why it cannot even be looked at; the data may be cut."""


def frames_of(files: Iterable[Path]) -> Iterator[Frame]:
    """Yield every line that is not blank, file after file.

    A line that is too long is cut and says so. A file that cannot be read further says so in a frame without
    data, and the next file is read.
    """
    for path in files:
        number = 0
        try:
            with _open(path) as file:
                while line := file.readline(LINE_BYTES_MAX + len(_END)):
                    number += 1
                    if not line.isspace():
                        yield _frame(file, line, f"{path.name}/{number}")
        except (OSError, EOFError, zlib.error) as error:
            fault = ContractError(f"{path} cannot be read further: {error}", reason="malformed")
            yield Frame(b"", f"{path.name}/{number + 1}", fault)


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb")


def _frame(file: BinaryIO, line: bytes, origin: str) -> Frame:
    """Return a line's frame; the rest of one that is too long is passed over."""
    data = line.rstrip(_END)
    if len(data) <= LINE_BYTES_MAX:
        return Frame(data, origin)
    while line and not line.endswith(b"\n"):
        line = file.readline(LINE_BYTES_MAX)
    fault = ContractError(f"a line of more than {LINE_BYTES_MAX} bytes", reason="too_large")
    return Frame(data[:LINE_BYTES_MAX], origin, fault)
