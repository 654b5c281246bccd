"""Where a reader of changes is: the next offset of each log, so that it means the same on every replica. PURE."""

import re
from collections.abc import Mapping

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
