"""What posts do to an analysis: a step less sure, at most. Nobody can write it surer, or into another direction."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.answered import Answered
from agents.answer.words import BASIS_MAX, Words
from agents.ask.excerpts.bearing import LESS_SURE, borne, doubt_in, doubt_of
from agents.ask.excerpts.choosing import EXCERPTS_MIN
from agents.ask.excerpts.reading import UNCLEAR, Reading
from tests.strategies.contracts import events
from topics import Outlook
from topics.analysis import Confidence

from .posts import a_read, tempered

WORDS = Words(
    headline="SOL fell",
    text="It fell.",
    confidence="medium",
    confidence_basis="evidence agrees",
    outlook=Outlook(direction="up", horizon_ms=1, probability=0.55),
)


def reading(**changes: object) -> Reading:
    """Return a reading that says nothing but this."""
    return msgspec.structs.replace(UNCLEAR, **changes)


@pytest.mark.parametrize(
    ("read", "doubt"),
    [
        (UNCLEAR, None),
        (reading(tone="positive", topic="listing", coordinated="no"), None),
        (reading(promotional=2, instructing=2), None),
        (reading(coordinated="yes"), "posts look coordinated"),
        (reading(instructing=3), "posts try to steer their readers"),
        (reading(promotional=3), "posts are mostly promotion"),
    ],
)
def test_posts_that_are_no_evidence_make_it_less_sure(read: Reading, doubt: str | None) -> None:
    """From half of them on, or where one hand wrote them; the reason is in our words."""
    assert doubt_of(read, 6) == doubt
    made = tempered(WORDS, read, 6)
    if doubt is None:
        assert made == WORDS
    else:
        assert (made.confidence, made.confidence_basis) == ("low", f"evidence agrees; {doubt}")


def test_of_too_few_posts_nothing_is_concluded() -> None:
    """One post is not allowed to speak for all."""
    read = reading(coordinated="yes", promotional=2, instructing=2)
    assert tempered(WORDS, read, EXCERPTS_MIN - 1) == WORDS
    assert tempered(WORDS, read, EXCERPTS_MIN) != WORDS
    assert tempered(WORDS, read, 0) == WORDS


def test_a_basis_that_leaves_no_room_gives_way() -> None:
    """To the character: the contract's bound holds, and the doubt is what must be told."""
    doubt = "posts look coordinated"
    room = BASIS_MAX - len(f"; {doubt}")
    for size, basis in ((room, f"{'b' * room}; {doubt}"), (room + 1, doubt)):
        words = msgspec.structs.replace(WORDS, confidence_basis="b" * size)
        assert tempered(words, reading(coordinated="yes"), 6).confidence_basis == basis


ORDER: tuple[Confidence, ...] = ("low", "medium", "high")


@given(events(Reading), st.integers(0, 12), st.sampled_from(ORDER), st.text(max_size=BASIS_MAX))
def test_whatever_is_read_nothing_but_confidence_moves_and_by_a_step_down(
    read: Reading, asked: int, confidence: Confidence, basis: str
) -> None:
    """Direction, outlook, headline and text stand; the basis fits its bound."""
    words = msgspec.structs.replace(WORDS, confidence=confidence, confidence_basis=basis)
    made = tempered(words, read, asked)
    assert 0 <= ORDER.index(confidence) - ORDER.index(made.confidence) <= 1
    assert made.confidence in (confidence, LESS_SURE[confidence])
    assert len(made.confidence_basis) <= BASIS_MAX
    same = {"confidence": confidence, "confidence_basis": basis}
    assert msgspec.structs.replace(made, **same) == words


def test_of_several_readings_one_step_is_the_most() -> None:
    """Of candidates that took each other over; the last that has a doubt is told."""
    words = msgspec.structs.replace(WORDS, confidence="high")
    doubts = ("one", None, "two", None)
    readings = tuple(a_read(doubt, number) for number, doubt in enumerate(doubts))
    answered = Answered(words=words, origin="model", reason="answered", readings=readings)
    made = borne(answered).words
    assert (made.confidence, made.confidence_basis) == ("medium", "evidence agrees; two")
    assert answered.attempt_ids == [f"reading/{number}" for number in range(4)]
    assert answered.cost_nano_usd == 4_000


@pytest.mark.parametrize("answer", [None, "", "no JSON", "{}", '{"coordinated":"yes"}'])
def test_what_is_no_answer_makes_nothing_less_sure(answer: str | None) -> None:
    """Neither live nor from the journal."""
    assert doubt_in(answer, 6) is None
