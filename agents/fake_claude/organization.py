"""What the one organization that asks the fake has with it: its bill, its rate limits, its cache, and its bad luck."""

from msgspec import Struct

from .bill import Bill
from .faults import Player
from .limits import Buckets
from .prompt_cache import PromptCache


class Organization(Struct, frozen=True):
    """The state that requests share; any key is of this organization."""

    bill: Bill
    player: Player
    buckets: Buckets
    prompt_cache: PromptCache

    def reset(self) -> None:
        """Begin as after the start: no bill, full buckets, an empty cache, the script from its beginning."""
        self.bill.clear()
        self.buckets.clear()
        self.prompt_cache.clear()
        self.player.restart(self.player.script)
