"""Dead letters read from the log and written again: the shell of a redrive."""

from collections.abc import Callable

from msgspec import Struct

from streams.serving.acts.writing import ControlWriter
from topics.settings import BrokerSettings

from .letters import Chosen, Letter
from .plan import ATTEMPTS_MAX, LETTERS_MAX, Plan


class Outcome(Struct, frozen=True, kw_only=True):
    """What a redrive did."""

    redrive_id: str
    written: int
    """Records written now."""
    before: int
    """Records of the same redrive that had been written before it was broken off."""
    staying: int


class Redriver:
    """Lists, explains, plans and redrives dead letters. Whether one may is the caller's to know."""

    def __init__(
        self,
        broker: BrokerSettings,
        writer: ControlWriter,
        *,
        now_ms: Callable[[], int],
        attempts_max: int = ATTEMPTS_MAX,
        letters_max: int = LETTERS_MAX,
    ) -> None:
        """Take where the letters are, and what writes the act down."""
        self._broker, self._writer, self._now_ms = broker, writer, now_ms
        self._attempts_max, self._letters_max = attempts_max, letters_max

    async def letters(self, chosen: Chosen, most: int) -> list[Letter]:
        """Return the newest letters that are meant, at most so many, oldest first.

        Raises:
            TopicsError: No broker answers in time, or there is no such topic.
        """
        raise NotImplementedError

    async def plan(self, chosen: Chosen) -> Plan:
        """Return what a redrive of the meant letters would do; nothing is written.

        Raises:
            TopicsError: No broker answers in time, or there is no such topic.
        """
        raise NotImplementedError

    async def redrive(self, plan: Plan, *, actor: str, reason: str) -> Outcome:
        """Write the letters of a plan again, and on `control` who did it, why and how many.

        Asked for again after it was broken off, it writes what is left.

        Raises:
            ActRefusedError: Nothing goes, or actor or reason is missing; nothing was written.
            TopicsError: No broker answers in time. Part of it may have been written.
        """
        raise NotImplementedError
