"""What is kept of an answer, and what of it is said again: nothing that a model would not be let say."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.narrative import Narrative
from agents.ask.prompt import state_prompt_of
from agents.kept import WATCHED_MAX, Kept, Renders, key_of, packed, reader_of
from tests.unit.agents.answer.test_narrative import FLAT, RISE, answer
from tests.unit.agents.office import MODEL

PROMPT = state_prompt_of(RISE, MODEL)
READ = reader_of(RISE, PROMPT)
ATTEMPT = f"{PROMPT.item_key[:32]}/1800000000000-1-ab12cd34"


def kept(text: str = "The price rose {return_1m}.", **changes: object) -> bytes:
    """Return an answer as it is kept, with these fields otherwise."""
    fields = {"attempt_id": ATTEMPT, "provider": "anthropic", "answer": answer(text)}
    return json.dumps(fields | changes).encode()


def test_what_was_said_is_read_as_it_was() -> None:
    """With whose it was."""
    one = Kept(attempt_id=ATTEMPT, provider="anthropic", answer=answer())
    read = READ(packed(one))
    assert read is not None
    assert read.kept == one
    assert read.narrative == Narrative("{symbol} rose", "The price rose {return_1m}.")
    served = read.served(PROMPT, MODEL, 61_000)
    assert (served.item_key, served.prompt_version) == (PROMPT.item_key, PROMPT.version)
    assert (served.attempt_id, served.provider, served.age_ms) == (ATTEMPT, "anthropic", 61_000)


@pytest.mark.parametrize(
    "value",
    [
        kept("Buy now, it rose {return_1m}."),
        kept("The price fell {return_1m}."),
        kept("See https://example.org for {return_1m}."),
        kept("It rose 5.2 %."),
        kept(f"The price rose {{return_1m}}, {PROMPT.canary}."),
        kept(attempt_id="0" * 32 + "/1-1-ab"),
        kept(attempt_id="x" * 300),
        kept(provider="not a word"),
        kept(answer={"headline": "{symbol}", "text": "It rose."}),
        kept(more=1),
        b"",
        b"\xff\xfe",
        b"null",
    ],
)
def test_what_a_model_may_not_say_nobody_says_again(value: bytes) -> None:
    """Nor what answers another question, or was written by somebody else: the place it was kept in is not trusted."""
    assert READ(kept()) is not None
    assert READ(value) is None


def test_words_of_one_state_are_not_said_of_another() -> None:
    """They were asked by other words."""
    other = state_prompt_of(FLAT, MODEL)
    assert reader_of(FLAT, other)(kept()) is None


@given(value=st.binary(max_size=400))
def test_whatever_stands_there_is_read_or_passed_by(value: bytes) -> None:
    """And never raises."""
    assert READ(value) is None


@given(
    fields=st.fixed_dictionaries(
        {"attempt_id": st.just(ATTEMPT), "provider": st.just("aws"), "answer": st.text()}
    )
)
def test_whatever_was_answered_is_read_or_passed_by(fields: dict[str, str]) -> None:
    """The same."""
    assert READ(msgspec.json.encode(fields)) is None


def test_what_the_fake_said_is_not_said_for_a_real_model() -> None:
    """Though both share a Redis: their keys are others. So are those of another model."""
    keys = {
        key_of(state_prompt_of(RISE, MODEL), MODEL, simulated=True).word,
        key_of(state_prompt_of(RISE, MODEL), MODEL, simulated=False).word,
        key_of(state_prompt_of(RISE, "other"), "other", simulated=False).word,
        key_of(state_prompt_of(FLAT, MODEL), MODEL, simulated=False).word,
    }
    assert len(keys) == 4


@given(told=st.lists(st.booleans(), max_size=40))
def test_words_are_dropped_when_most_of_their_last_renders_failed(told: list[bool]) -> None:
    """Of the last four, more than half; then it begins anew."""
    renders, last = Renders(4, 0.5), list[bool]()
    for rejected in told:
        last = [*last, rejected][-4:]
        dropped = renders.take("word", rejected=rejected)
        assert dropped == (len(last) == 4 and sum(last) > 2)
        if dropped:
            last = []


def test_the_narratives_that_are_watched_are_bounded() -> None:
    """The one that was rendered longest ago is forgotten, and counted."""
    renders = Renders(2, 0.5)
    renders.take("first", rejected=True)
    for number in range(WATCHED_MAX):
        assert renders.forgotten == 0
        renders.take(f"word {number}", rejected=False)
    assert (len(renders), renders.forgotten) == (WATCHED_MAX, 1)
    assert not renders.take("first", rejected=True)
    assert renders.take("first", rejected=True)
