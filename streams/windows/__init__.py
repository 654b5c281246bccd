"""The core: records of a partition into windows. No I/O, no clock; docs/windows.md specifies it."""

from .fold import Fold
from .kinds import KIND_RULES, KindRules, WindowSize
from .outputs import Output
from .runs import feed_slice
from .state import Entry, StateError, restore, take_entries

__all__ = [
    "KIND_RULES",
    "Entry",
    "Fold",
    "KindRules",
    "Output",
    "StateError",
    "WindowSize",
    "feed_slice",
    "restore",
    "take_entries",
]
