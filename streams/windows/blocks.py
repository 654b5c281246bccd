"""The blocks of the four kinds behind one name, so that the fold knows nothing of what they count."""

from collections.abc import Sequence
from typing import Any, Protocol

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


def block_type(kind: Kind) -> type:
    """Return the struct that holds a kind's block."""
    return _BLOCKS[kind]


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
