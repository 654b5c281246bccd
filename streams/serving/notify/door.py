"""The way out to one receiver, and how it can fail."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

from topics import Alert, PipelineError

from .lane import Message
from .wording import Letter

ASKED_S_MAX = 300.0
"""What a receiver may ask us to wait between two attempts."""
_REFUSALS = range(400, 500)
_PASSING = frozenset({408, 429})
"""A request that took too long, and too many of them: another time it may be taken."""

Firing = Callable[[], Sequence[Alert]]
"""The alerts that fire and are for one receiver."""
Fires = Callable[[Alert], bool]
"""Whether an alert fires now."""


class DoorError(PipelineError):
    """A receiver did not take a message. The words hold no address and no secret."""

    def __init__(
        self, words: str, *, retry_after_s: float | None = None, final: bool = False
    ) -> None:
        super().__init__(words)
        self.retry_after_s = retry_after_s
        """What it asks us to wait."""
        self.final = final
        """Whether another attempt would fail as well."""


class Door(Protocol):
    """Where messages to one receiver go."""

    text_max: int
    """Characters of a text it takes."""
    refreshes: bool
    """Whether it is told again and again what fires."""

    @property
    def shown(self) -> str:
        """Its address without secrets."""

    async def deliver(self, message: Message, letter: Letter, fires: Fires) -> None:
        """Return when the receiver has taken a message.

        Raises:
            DoorError: It has not, as far as is known.
        """

    async def refresh(self, alerts: Sequence[Alert]) -> None:
        """Tell again what fires, where that is asked for.

        Raises:
            DoorError: It was not taken.
        """

    async def attempt(self, letter: Letter) -> None:
        """Send a message that only tries the receiver.

        Raises:
            DoorError: It was not taken.
        """

    async def close(self) -> None:
        """Let go of connections."""


def is_refusal(status: int) -> bool:
    """Return whether an HTTP status says that the same message would be refused for ever."""
    return status in _REFUSALS and status not in _PASSING


def asked_wait_s(header: str | None, now_ms: int) -> float | None:
    """Return the seconds a `Retry-After` asks for, within bounds; None where it asks for none or makes no sense."""
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = (
            float(text)
            if text.isdigit()
            else (
                parsedate_to_datetime(text) - datetime.fromtimestamp(now_ms / 1000, UTC)
            ).total_seconds()
        )
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, seconds), ASKED_S_MAX)
