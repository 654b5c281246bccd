"""What must not come back: the question's marker, our instructions, a stranger's post."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.leaks import GRAM, Confidential, leak_in, overlap
from agents.answer.verdict import Rejected, judge
from agents.ask.prompt import prompt_of, system_text

from .moments import FALL
from .test_harmless import SENTENCES

ASKED = prompt_of(FALL, "claude-haiku-5-5")
POST = "my uncle works at the exchange and the listing of this coin is already certain"
HELD = Confidential(canary=ASKED.canary, instructions=ASKED.system, posts=(POST,))
_words = st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=GRAM, max_size=30)


def verdict_on(text: str) -> str:
    """Return the reason of a refusal, or `accepted`."""
    body = {"headline": "A quiet hour", "text": text, "confidence": "low", "outlook": "unclear"}
    said = judge(msgspec.json.encode(body | {"outlook_strength": "none"}).decode(), FALL, HELD)
    return said.reason if isinstance(said, Rejected) else "accepted"


@pytest.mark.parametrize(
    "text",
    [
        f"The marker is {ASKED.canary}.",
        f"The marker is {ASKED.canary.upper()[:1]}{ASKED.canary[1:]}.",
        f"The marker is {'-'.join(ASKED.canary)}.",
        f"The marker is {' '.join(ASKED.canary)}.",
        "You read market data of one crypto asset and say what is going on.",
        "It said: my uncle works at the exchange, and the end is near.",
    ],
)
def test_what_comes_back_is_refused(text: str) -> None:
    """However it is spelt; eight words in a row of ours or of a stranger's are no coincidence."""
    assert verdict_on(text) == "leak"


def test_seven_words_in_a_row_may_be_chance() -> None:
    """And without anything to hold it against, nothing is looked for."""
    assert verdict_on("My uncle works at the exchange and so on.") == "accepted"
    assert leak_in(f"{POST} {ASKED.canary}", Confidential()) is None


@pytest.mark.parametrize(
    "text",
    [
        "That is unusual against the asset's own past, and nothing else is.",
        "The move is behind the reasons given, and more volume came with it over the five minutes.",
        "It stands out from its own history, the farthest of all.",
        "Posts and price contradict each other, and the posts are less to be trusted here.",
        "Development is missing from the data, which weakens what is said of the hour.",
        "All else is as usual and needs no sentence.",
        *(sentence for _, sentence in SENTENCES),
    ],
)
def test_what_anybody_would_write_is_not_taken_for_our_instructions(text: str) -> None:
    """The prompt asks for what it names, so it does not name it in the words an answer would use."""
    assert overlap(text, (system_text(),)) is None


def test_which_part_came_back_is_told() -> None:
    """Each by its name."""
    assert leak_in(ASKED.canary, HELD) == "canary"
    assert leak_in(system_text(), HELD) == "instructions"
    assert leak_in(POST, HELD) == "posts"


@given(_words, st.data())
def test_any_eight_words_are_found_in_any_surroundings(
    words: list[str], data: st.DataObject
) -> None:
    """Whatever the case and the punctuation; and what is found is in both."""
    at = data.draw(st.integers(0, len(words) - GRAM))
    run = words[at : at + GRAM]
    found = overlap(f"X. {', '.join(run).upper()}! y", ["other words", " ".join(words)])
    assert found is not None
    assert len(found.split()) == GRAM
    assert found in " ".join(words)
    assert overlap(" ".join(run[1:]), [" ".join(words[: at + 1])]) is None
