"""What the simulated model says of a state: its words, slots in their places, and no number."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agents.fake_claude.dice import Dice
from agents.fake_claude.states import (
    HEADLINE_CHARS_MAX,
    SLOTS_MAX,
    TOLD_MAX,
    WORDS_MAX,
    headline,
    state_of,
    text,
)

from .wire import asking

STATE = {"direction": "up", "volume": "high", "tone": "negative"}
SLOTS = [
    {"slot": "symbol", "label": "the asset's name"},
    {"slot": "return_1m", "of": "direction", "label": "price change over 1m"},
    {"slot": "volume_ratio_1m", "of": "volume", "label": "volume"},
    {"slot": "posts_5m.usual", "of": "tone", "label": "what is usual of it"},
]


def told(state: Any, slots: Any) -> Any:
    """Return the state found in a prompt that holds these."""
    return state_of(asking(f"Here: {json.dumps({'state': state, 'slots': slots})} Thanks."))


def test_a_text_says_words_of_the_state_each_with_its_slot() -> None:
    """And the name by its slot; another request has another order."""
    state = told(STATE, SLOTS)
    texts = {text(state, Dice(bytes([seed]))) for seed in range(40)}
    assert len(texts) > 20
    for said in texts:
        assert "{symbol}" in said
        assert "direction" not in said or "up at {return_1m}" in said
        assert "tone" not in said or "negative" in said
        assert "usual" not in said
    assert text(state, Dice(b"1")) == text(state, Dice(b"1"))


def test_another_state_reads_otherwise() -> None:
    """In headline and text."""
    one, other = told(STATE, SLOTS), told(STATE | {"direction": "down"}, SLOTS)
    seed = next(s for s in (bytes([n]) for n in range(99)) if "direction" in headline(one, Dice(s)))
    assert headline(one, Dice(seed)) != headline(other, Dice(seed))
    assert text(one, Dice(seed)) != text(other, Dice(seed))


def test_what_is_no_state_is_none() -> None:
    """Facts, prose, and what only looks like one."""
    assert state_of(asking("How is it?")) is None
    assert told(["up"], SLOTS) is None
    assert told(STATE, "none") is None
    nothing = told({}, [])
    assert headline(nothing, Dice(b"")) == "Simulated"
    assert "nothing is known" in text(nothing, Dice(b""))


@given(
    st.dictionaries(st.text(max_size=30), st.one_of(st.text(max_size=30), st.integers())),
    st.lists(st.dictionaries(st.sampled_from(["slot", "of"]), st.text(max_size=40))),
    st.binary(max_size=16),
)
def test_whatever_it_is_told_it_writes_no_number(
    state: dict[str, Any], slots: list[dict[str, str]], seed: bytes
) -> None:
    """Only plain words and plain slots are taken, and few."""
    found = told(state, slots)
    assert len(found.words) <= WORDS_MAX
    line = headline(found, Dice(seed))
    assert len(line) <= HEADLINE_CHARS_MAX
    bare = "".join(part.partition("}")[2] or part for part in text(found, Dice(seed)).split("{"))
    assert not any(char.isnumeric() for char in bare)
    assert text(found, Dice(seed)).count("; ") < TOLD_MAX
    assert SLOTS_MAX == 64
