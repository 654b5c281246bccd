"""The excerpts as a request: strangers' words are marked data in the user's message, and never in the system prompt."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agents.ask.excerpts.question import mark_of, question_of, system_text, version
from agents.ask.excerpts.sanitising import sanitised
from tests.injection import OWN

MODEL = "claude-haiku-5-5"
EXCERPTS = tuple(text for case in OWN if (text := sanitised(case.text)))


def test_every_word_of_a_stranger_carries_the_mark() -> None:
    """As JSON: no quote, bracket or line of theirs ends the list."""
    asked = question_of("SOL", EXCERPTS, MODEL, "attempt-1")
    told = json.loads(asked.user)
    assert list(told) == ["asset", "mark", "excerpts"]
    assert [text.split(told["mark"]) for text in told["excerpts"]] == [t.split() for t in EXCERPTS]
    assert not any(" " in text for text in told["excerpts"])
    assert asked.system == system_text()
    assert asked.asked == len(EXCERPTS)


def test_the_mark_is_another_each_time_and_the_question_the_same() -> None:
    """Nobody can write it into a post beforehand; the same posts have one key, other ones another."""
    one, other = (question_of("SOL", EXCERPTS, MODEL, f"attempt-{n}") for n in (1, 2))
    assert json.loads(one.user)["mark"] != json.loads(other.user)["mark"]
    assert (one.item_key, one.version) == (other.item_key, version())
    assert one.item_key != question_of("BTC", EXCERPTS, MODEL, "attempt-1").item_key
    assert one.item_key != question_of("SOL", EXCERPTS[1:], MODEL, "attempt-1").item_key
    assert one.item_key != question_of("SOL", EXCERPTS, "another", "attempt-1").item_key


@given(st.text(), st.text())
def test_a_mark_is_four_small_letters_between_carets(nonce: str, key: str) -> None:
    """Whatever it follows from."""
    mark = mark_of(nonce, key)
    assert (mark[0], mark[-1], len(mark)) == ("^", "^", 6)
    assert mark[1:-1].isascii()
    assert mark[1:-1].islower()


def test_the_system_prompt_names_every_word_that_may_be_said() -> None:
    """And is the same for every asset, so that a provider can cache it."""
    text = system_text()
    for word in ("topic", "tone", "coordinated", "promotional", "instructing", "mark", "excerpts"):
        assert f"`{word}`" in text
    assert "SOL" not in text
