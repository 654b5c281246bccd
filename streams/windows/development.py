"""Acts in repositories into blocks, blocks into the values of a window."""

from msgspec import Struct

from topics import DevelopmentValues

from .intake import RepositoryIn
from .kinds import KindRules
from .seen import digest_of
from .sketches import distinct, keep_least

NOT_COUNTED = frozenset({"comment", "fork", "issue", "star"})
"""Acts that are no development (Santiment's definition: their events leave these out)."""


class DevelopmentBlock(Struct, array_like=True):
    """One hour of one asset's repositories."""

    acts: dict[str, int] = {}
    """By act, bots left out."""
    bot_events: int = 0
    authors: set[int] = set()
    """Hashes of the authors of what counts as an event: the least of them."""
    unsure: bool = False

    def add(self, event: RepositoryIn, rules: KindRules) -> None:
        """Take one act."""
        del rules
        if event.bot:
            self.bot_events += 1
        else:
            self.acts[event.act] = self.acts.get(event.act, 0) + 1
            if event.act not in NOT_COUNTED:
                self.authors.add(digest_of(event.author))
                keep_least(self.authors)


def values(blocks: list[DevelopmentBlock]) -> DevelopmentValues:
    """Return the values of a window from its blocks."""

    def count(act: str) -> int:
        return sum(block.acts.get(act, 0) for block in blocks)

    return DevelopmentValues(
        events=sum(
            n for block in blocks for act, n in block.acts.items() if act not in NOT_COUNTED
        ),
        commits=count("commit"),
        pull_requests=count("pull_request"),
        releases=count("release"),
        issues=count("issue"),
        bot_events=sum(block.bot_events for block in blocks),
        unique_authors=distinct(set[int]().union(*(block.authors for block in blocks))),
    )
