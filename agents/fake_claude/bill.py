"""What was used, by whom, and whether it arrived: the other side of our ledger.

Entries say what was used in tokens and what that cost in nano-dollars, by the API's request id and, where the request
had one, by ``metadata.user_id``, the only place the dialect has for a client's own name. An entry is made when the model has answered, before the answer is sent: a client that has gone is billed all the
same. What failed before the model (400, 429, 500, 529) is not on the bill.
"""

from collections import deque
from typing import Any

from msgspec import Struct

from .usage import Usage

IDS = ("request_id", "user_id", "message_id", "batch_id", "custom_id")
"""The fields an entry can be found by."""

_TOKENS = (
    "input_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "cache_read_tokens",
    "output_tokens",
)


class Entry(Struct, kw_only=True):
    """One answer the model gave."""

    at_ms: int
    """When the request arrived, in milliseconds since the epoch."""
    model: str
    usage: Usage
    cost_nano_usd: int
    """0 where it is not charged."""
    message_id: str
    charged: bool
    """False for a refusal that is not billed: its usage is reported and counts in no total."""
    request_id: str | None = None
    """None for a request of a batch."""
    user_id: str | None = None
    """The request's ``metadata.user_id``: the client's own name for it."""
    fault: str | None = None
    """What the script did to it."""
    delivered: bool | None = None
    """Whether the client was still there when the answer was ready; None until it is known."""
    batch_id: str | None = None
    custom_id: str | None = None

    def view(self) -> dict[str, Any]:
        """Return it as the bill shows it, with the usage as the client was told it."""
        shown = {name: getattr(self, name) for name in self.__struct_fields__}
        return {**shown, "usage": self.usage.of_message()}


class Total(Struct):
    """What all charged answers of one model used, dropped entries included."""

    requests: int = 0
    input_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int = 0

    def add(self, entry: Entry) -> None:
        """Count an answer."""
        self.requests += 1
        self.cost_nano_usd += entry.cost_nano_usd
        for name in _TOKENS:
            setattr(self, name, getattr(self, name) + getattr(entry.usage, name))


class Bill:
    """The entries in order, the newest ``entries_max`` of them, and totals that forget nothing."""

    def __init__(self, entries_max: int) -> None:
        """Begin empty."""
        self._entries: deque[Entry] = deque(maxlen=entries_max)
        self._dropped = 0
        self._totals: dict[str, Total] = {}

    def charge(self, entry: Entry) -> None:
        """Put an answer on the bill."""
        if len(self._entries) == self._entries.maxlen:
            self._dropped += 1
        self._entries.append(entry)
        if entry.charged:
            self._totals.setdefault(entry.model, Total()).add(entry)

    def clear(self) -> None:
        """Forget everything; requests still open will not come back."""
        self._entries.clear()
        self._dropped = 0
        self._totals.clear()

    def view(self, **names: str) -> dict[str, Any]:
        """Return the bill as JSON shows it; with ``names`` only the entries that have these ids.

        The totals are of everything all the same.
        """
        return {
            "entries": [
                entry.view()
                for entry in self._entries
                if all(getattr(entry, name) == wanted for name, wanted in names.items())
            ],
            "entries_max": self._entries.maxlen,
            "dropped": self._dropped,
            "totals": dict(self._totals),
        }
