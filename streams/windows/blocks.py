"""The blocks of the four kinds behind one name, so that the fold knows nothing of what they count.

A block that was restored is read when it is first asked for: most are only waiting for the end of their hour, and to
read them all was half of the work of restoring.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from topics import Kind
from topics.aggregate import Values

from . import development, market, social, volume
from .kinds import KindRules


class Block(Protocol):
    """What the fold asks of a block: to take an event, and to carry a doubt."""

    unsure: bool
    """An event was taken that the memory of seen ids could not judge."""

    def add(self, event: Any, rules: KindRules) -> None:  # noqa: ANN401 - of its own kind
        """Take one event."""


_BLOCKS: dict[Kind, type] = {
    "market": market.MarketBlock,
    "volume": volume.VolumeBlock,
    "social": social.SocialBlock,
    "development": development.DevelopmentBlock,
}


_READERS: dict[Kind, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(block) for kind, block in _BLOCKS.items()
}


class Blocks:
    """The blocks of one subject by their start."""

    def __init__(self, kind: Kind) -> None:
        """Begin with none."""
        self._reader = _READERS[kind]
        self._held: dict[int, Block | bytes] = {}
        """As they are, or as they were written."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._held)

    def __iter__(self) -> Iterator[int]:
        """Go through the starts."""
        return iter(self._held)

    def __setitem__(self, start_ms: int, block: Block | bytes) -> None:
        """Hold a block, or what one was written as."""
        self._held[start_ms] = block

    def __delitem__(self, start_ms: int) -> None:
        """Let a block go."""
        del self._held[start_ms]

    def get(self, start_ms: int) -> Block | None:
        """Return the block that begins then, if there is one."""
        block = self._held.get(start_ms)
        if isinstance(block, bytes):
            block = self._held[start_ms] = self._reader.decode(block)
        return block

    def between(self, start_ms: int, end_ms: int, block_ms: int) -> list[Block]:
        """Return the blocks of [start_ms, end_ms), oldest first."""
        found = map(self.get, range(start_ms, end_ms, block_ms))
        return [block for block in found if block is not None]


def empty_block(kind: Kind) -> Block:
    """Return a block of a kind without events."""
    return market.empty() if kind == "market" else _BLOCKS[kind]()


def values_of(kind: Kind, blocks: Sequence[Any], before: Sequence[Any]) -> Values:
    """Return the values of a window from its blocks, oldest first, at least one; and those of the span before."""
    held = list(blocks)
    match kind:
        case "market":
            return market.values(held)
        case "volume":
            return volume.values(held, list(before))
        case "social":
            return social.values(held)
        case "development":
            return development.values(held)
