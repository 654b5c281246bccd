"""What a venue's dialect must offer."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .market import Row, wall_ms

Page = tuple[int, str]
"""Status and body."""


def compact(value: object) -> str:
    """Return JSON as venues send it."""
    return json.dumps(value, separators=(",", ":"))


def rfc3339(ms: int, digits: str = "") -> str:
    """Return a time as text, with more digits behind the milliseconds."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}{digits}Z"


class Dialect:
    """One venue's protocol."""

    path = ""
    """Of the websocket address in the settings."""
    quote = "USDT"
    snapshot = 0
    """How many of the latest trades a subscription brings."""
    numbered = False
    """Whether ids prove that nothing is missing."""
    page = 1_000
    """Trades of a page of REST."""
    by_token = False
    """Whether the websocket's address is asked for by HTTP."""
    rest_ms = 1
    """To which REST cuts times."""

    now_ms = staticmethod(wall_ms)
    """The venue's clock."""

    def opened(self, query: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return what is said to a new connection, and to which instruments its address subscribes."""
        del query
        return [], []

    def answer(self, text: str) -> tuple[list[str], list[str]]:
        """Return the answers to a message, and to which instruments it subscribes."""
        raise NotImplementedError

    def name(self, symbol: str) -> str:
        """Return an instrument's name at the venue."""
        raise NotImplementedError

    def id(self, row: Row) -> str:
        """Return a trade's id at the venue."""
        return str(row.number)

    def frame(self, row: Row, sent_ms: int) -> str:
        """Return the frame of a trade."""
        raise NotImplementedError

    def latest(self, rows: Sequence[Row], sent_ms: int) -> str:
        """Return the frame of the latest trades, oldest first, that a subscription brings."""
        raise NotImplementedError

    def rest(self, path: str, query: Mapping[str, str], market: "Rows") -> Page:
        """Return a page of REST."""
        raise NotImplementedError

    def symbol(self, name: str, symbols: Sequence[str]) -> str:
        """Return our name of an instrument of the venue's."""
        return next(symbol for symbol in symbols if self.name(symbol).lower() == name.lower())


Rows = Mapping[str, Sequence[Row]]
"""By symbol, oldest first."""


def load(text: str) -> dict[str, Any]:
    """Return a message's fields."""
    fields: dict[str, Any] = json.loads(text)
    return fields
