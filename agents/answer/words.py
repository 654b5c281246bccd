"""What an analyst says, whoever it is: the one form that the model's and the rules' answers share. PURE."""

from msgspec import Struct

from topics import Outlook
from topics.analysis import Confidence

HEADLINE_MAX = 120
"""Characters of a headline once its slots are filled: the contract's bound."""
TEXT_MAX = 4_000
"""Characters of a text once its slots are filled: the contract's bound."""
BASIS_MAX = 400
"""Characters of what the confidence rests on: the contract's bound."""
OUTLOOK_MS = 3_600_000
"""How far ahead an outlook looks."""


class Words(Struct, frozen=True, kw_only=True):
    """What an analyst says; everything else of an analysis is filled in by code."""

    headline: str
    text: str
    confidence: Confidence
    confidence_basis: str
    outlook: Outlook | None = None
