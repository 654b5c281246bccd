"""Dead letters: chosen, explained, and written again. What is here is pure; `redrive.running` reads and writes."""

from .explaining import REMEDIES, Remedy, explained
from .letters import Chosen, Letter, last_of_each
from .plan import ATTEMPTS_MAX, LETTERS_MAX, Going, Plan, Staying, planned

__all__ = [
    "ATTEMPTS_MAX",
    "LETTERS_MAX",
    "REMEDIES",
    "Chosen",
    "Going",
    "Letter",
    "Plan",
    "Remedy",
    "Staying",
    "explained",
    "last_of_each",
    "planned",
]
