"""What a process of the agent role under test is given, and the steps of its path where it can be harmed."""

from typing import Any

from msgspec import Struct

STEPS = (
    "fold",
    "gate",
    "inbox",
    "reserve",
    "intent",
    "confirm",
    "admit",
    "send",
    "billed",
    "result",
    "settle",
    "publish analysis",
    "publish decision",
    "publish tally",
    "commit",
)
"""In the order a candidate walks them. Each is the moment before it, but `billed`: the provider has charged the call,
and its answer is on the way."""
JOIN = "join"
"""The moment before a process asks for its partitions."""


class Briefing(Struct):
    """All that a process is given."""

    settings: dict[str, Any]
    told: str
    """A file for its steps: time, process id, what."""
    order: str
    """A file that holds `kill STEP`, `stop STEP` or `hold STEP`, while there is an order."""
    hold: str
    """A file that is there as long as it is to be held."""
    backlog_max: int | None = None
    """The bound of its outputs that wait, in place of the role's own."""
    defect: str = ""
