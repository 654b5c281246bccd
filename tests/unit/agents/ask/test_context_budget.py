"""What a question has room for: counted by the most its tokens can be, and left out by worth."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.answer.reading import told_of
from agents.ask.context_budget import kept_within, tokens_at_most
from agents.ask.prompt import prompt_of
from agents.decide.facts import slots_of
from agents.settings import ModelSettings
from tests.strategies.aggregates import MINUTE_MS, histories, market
from tests.unit.agents.answer.moments import FALL, posts
from tests.unit.agents.answer.situations import SITUATIONS
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate

from .golden import MODEL, TOKENS_MAX, earlier, many

SIZES = st.lists(st.integers(1, 50), max_size=12)


@given(SIZES, st.integers(0, 300))
def test_what_is_kept_has_room_and_what_is_worth_more_goes_first(
    tokens: list[int], room: int
) -> None:
    """All kept fit together, they are the first in order, and the next one would not have fitted."""
    order = sorted(range(len(tokens)), key=lambda at: (tokens[at] * 7) % 5)
    kept = kept_within(room, order, tokens)
    assert sum(tokens[at] for at in kept) <= room
    assert kept == set(order[: len(kept)])
    if len(kept) < len(order):
        assert sum(tokens[at] for at in order[: len(kept) + 1]) > room
    assert kept <= kept_within(room + 1, order, tokens)


def test_a_token_is_at_least_a_byte() -> None:
    """Letters beyond ASCII count as all of their bytes."""
    assert tokens_at_most("ten bytes.") == 10
    assert tokens_at_most("€") == 3


@pytest.mark.parametrize("tokens_max", [4_000, 5_000, 6_500, 8_000])
def test_a_question_has_no_more_tokens_than_it_may(tokens_max: int) -> None:
    """Every byte of the message counted, the marker's too, and the room is used."""
    prompt = prompt_of(many(), MODEL, tokens_max)
    size = tokens_at_most(prompt.user)
    told = json.loads(prompt.user)
    left_out = len(many().facts) - len(told["facts"])
    assert size <= tokens_max
    assert (size > tokens_max - 400) == (left_out > 0)
    said = [words for words in told["data"]["missing"] if words.endswith("left out")]
    assert said == ([f"{left_out} facts left out"] if left_out else [])


@given(histories(max_size=40), st.integers(1_000, 9_000))
def test_more_room_never_takes_a_fact_away(log: list[Aggregate], tokens_max: int) -> None:
    """What is told in little room is told in more, under the same names, in the same order."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if own:
        made = candidate_of(own)
        little, much = (prompt_of(made, MODEL, size).slots or () for size in (tokens_max, 9_500))
        assert set(little) <= set(much)
        assert [slot for slot in slots_of(made.facts) if slot in little] == list(little)


def test_what_the_reason_stands_on_is_told_in_the_least_room() -> None:
    """The leading instrument's minute, whole; and the posts, as one of their kind."""
    slots = prompt_of(many(), MODEL, TOKENS_MAX).slots or ()
    wanted = {
        slot
        for slot, fact in slots_of(many().facts).items()
        if fact.subject == "BTC/USDT" and fact.window_ms == 60_000
    }
    assert wanted <= set(slots)
    assert "posts_5m" in slots


@given(histories(max_size=60), st.sampled_from(sorted(SITUATIONS)))
def test_in_the_least_room_there_is_room_for_what_the_reason_stands_on(
    log: list[Aggregate], before: str
) -> None:
    """Whatever else is to be said of the market: what changed since another one, what is unusual, what contradicts."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if own:
        made = earlier(candidate_of(own), SITUATIONS[before])
        lead = told_of(made.facts).lead
        minute = {
            slot
            for slot, fact in slots_of(made.facts).items()
            if fact.subject == lead and fact.window_ms == MINUTE_MS
        }
        assert minute <= set(prompt_of(made, MODEL, TOKENS_MAX).slots or ())


def test_which_reason_it_is_says_what_is_told_first() -> None:
    """In room for a few facts only: of posts where posts are why, of the minute where the price is."""
    first = {
        reason: prompt_of(replace(many(), reasons=(reason,)), MODEL, 1_000).slots or ()
        for reason in ("social_spike", "price_drop")
    }
    assert "posts_5m" in first["social_spike"]
    assert "posts_5m" not in first["price_drop"]
    assert "return_1m_usdt" in first["price_drop"]


def test_a_sentence_is_told_with_its_slots_or_not_at_all() -> None:
    """A note on a fact that had no room would let the model use a slot that nobody told it."""
    for made in (FALL, *SITUATIONS.values(), many()):
        for tokens_max in (1_200, 1_800, 2_500, 4_000):
            prompt = prompt_of(made, MODEL, tokens_max)
            told = json.loads(prompt.user)
            slots = {fact["slot"] for fact in told["facts"]}
            assert slots == set(prompt.slots or ())
            for note in ("changed", "unusual", "contradicts"):
                for words in told[note]:
                    named = {
                        part.partition("}")[0].partition(".")[0] for part in words.split("{")[1:]
                    }
                    assert named <= slots


def test_another_room_is_another_question_only_where_it_leaves_something_out() -> None:
    """Who changes the setting asks anew where more or less is told, and has the same answers elsewhere."""
    one, other = (prompt_of(FALL, MODEL, size) for size in (20_000, 30_000))
    assert one == other
    assert prompt_of(many(), MODEL, 4_000).item_key != prompt_of(many(), MODEL, 8_000).item_key


def test_the_default_has_room_for_two_instruments_and_every_kind() -> None:
    """With nothing left out: what most assets have."""
    windows = [
        market(quote, window_ms=size)
        for quote in ("BTC/USDT", "BTC/USD")
        for size in (60_000, 300_000, 3_600_000)
    ]
    made = candidate_of([*windows, *posts(12), market("BTC/USDT", 60, last=96.0)])
    prompt = prompt_of(made, MODEL, ModelSettings().context_tokens_max)
    assert len(prompt.slots or ()) == len(made.facts)
