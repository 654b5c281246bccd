"""What a reading of posts does to an analysis: it may make it one step less sure, and nothing else. PURE.

Who writes posts can so lower the confidence of an analysis by a step. Nobody can raise it, or move its direction,
outlook, headline or text by what he writes.
"""

from msgspec.structs import replace

from agents.answer.answered import Answered
from agents.answer.words import BASIS_MAX, Words
from agents.decide.candidate import Read, Sent
from topics import Result
from topics.analysis import Confidence

from .choosing import EXCERPTS_MIN
from .reading import Reading, reading_of

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


def doubt_in(answer: str | None, asked: int) -> str | None:
    """Return the same of an answer about ``asked`` excerpts, whatever it is."""
    return doubt_of(reading_of(answer, asked), asked)


def read_of(sent: Sent, result: Result) -> Read:
    """Return a question about posts out of the journal: what came of it, read again."""
    return Read(sent=sent, doubt=doubt_in(result.answer, result.excerpts or 0))


def borne(answered: Answered) -> Answered:
    """Return an answer with what was read of posts before: of several readings the last that has a doubt counts.

    So a step is the most, however many there are, whoever's the words are.
    """
    doubts = [read.doubt for read in answered.readings if read.doubt is not None]
    if not doubts:
        return answered
    return replace(answered, words=less_sure(answered.words, doubts[-1]))


def less_sure(words: Words, doubt: str) -> Words:
    """Return the words of an analysis one step less sure, where there is one, and why."""
    basis = f"{words.confidence_basis}; {doubt}" if words.confidence_basis else doubt
    return replace(
        words,
        confidence=LESS_SURE[words.confidence],
        confidence_basis=basis if len(basis) <= BASIS_MAX else doubt,
    )
