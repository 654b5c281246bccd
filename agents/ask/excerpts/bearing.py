"""What a reading of posts does to an analysis: it may make it one step less sure, and nothing else. PURE.

Who writes posts can so lower the confidence of an analysis by a step. Nobody can raise it, or move its direction,
outlook, headline or text by what he writes.
"""

from msgspec.structs import replace

from agents.answer.words import BASIS_MAX, Words
from topics.analysis import Confidence

from .choosing import EXCERPTS_MIN
from .reading import Reading

DOUBTFUL = 0.5
"""Share of excerpts that call to act, or that try to steer the reader, from which posts are no evidence."""
LESS_SURE: dict[Confidence, Confidence] = {"high": "medium", "medium": "low", "low": "low"}


def doubt_of(reading: Reading, asked: int) -> str | None:
    """Return why ``asked`` excerpts make an analysis less sure, in words of ours; None where they do not."""
    if asked < EXCERPTS_MIN:
        return None
    if reading.coordinated == "yes":
        return "posts look coordinated"
    if reading.instructing >= DOUBTFUL * asked:
        return "posts try to steer their readers"
    if reading.promotional >= DOUBTFUL * asked:
        return "posts are mostly promotion"
    return None


def tempered(words: Words, reading: Reading, asked: int) -> Words:
    """Return the words of an analysis with what ``asked`` excerpts of posts make of their confidence."""
    doubt = doubt_of(reading, asked)
    if doubt is None:
        return words
    basis = f"{words.confidence_basis}; {doubt}" if words.confidence_basis else doubt
    return replace(
        words,
        confidence=LESS_SURE[words.confidence],
        confidence_basis=basis if len(basis) <= BASIS_MAX else doubt,
    )
