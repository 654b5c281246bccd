"""Dead letters: chosen, explained, and written again. What is here is pure; `redrive.running.Redriver` reads and writes."""

from .explaining import REMEDIES, Remedy, explained
from .letters import Chosen, Gathered, Letter, letter_of
from .plan import ATTEMPTS_MAX, LETTERS_MAX, Going, Plan, Staying, planned

__all__ = [
    "ATTEMPTS_MAX",
    "LETTERS_MAX",
    "REMEDIES",
    "Chosen",
    "Gathered",
    "Going",
    "Letter",
    "Plan",
    "Remedy",
    "Staying",
    "explained",
    "letter_of",
    "planned",
]
