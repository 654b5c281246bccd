"""Numbers of posts can be made by whoever posts: they set no direction, and take at most a step of confidence away."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.reading import direction_of
from agents.answer.rules import analyse
from agents.answer.verdict import judge
from agents.answer.words import Words
from tests.strategies.aggregates import calm, development, market, social
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate

CONFIDENCES = ("low", "medium", "high")
POSTS = st.lists(
    st.tuples(st.integers(0, 100_000), st.floats(-1, 1, allow_nan=False)), min_size=3, max_size=9
)


def said(windows: list[Aggregate], outlook: str) -> Words:
    """Return what comes of a model's answer with an outlook, about the last of some windows."""
    answer = {
        "headline": "Posts are many",
        "text": "There is much talk.",
        "confidence": "high",
        "outlook": outlook,
        "outlook_strength": "clear",
    }
    words = judge(msgspec.json.encode(answer).decode(), candidate_of(windows, product="state"))
    assert isinstance(words, Words)
    return words


@given(POSTS, st.sampled_from([94.0, 99.0, 100.0, 101.0, 106.0]), st.sampled_from([1.0, 30.0]))
def test_however_many_and_glad_posts_are_the_direction_is_the_prices(
    posts: list[tuple[int, float]], last: float, volume: float
) -> None:
    """By the rules: what they say of the direction is the same, or that it is unclear; and a step less sure at most."""
    moved = market(number=12, last=last, volume=volume)
    spoken = [social(number=n, posts=count, tone=tone) for n, (count, tone) in enumerate(posts)]
    without, with_posts = (
        candidate_of([*calm(12), moved]),
        candidate_of([*spoken, *calm(12), moved]),
    )
    before, after = analyse(without), analyse(with_posts)
    assert direction_of(with_posts.facts) == direction_of(without.facts)
    assert before.outlook is not None
    assert after.outlook is not None
    assert after.outlook.direction in (before.outlook.direction, "unclear")
    assert 0 <= CONFIDENCES.index(before.confidence) - CONFIDENCES.index(after.confidence) <= 1


@pytest.mark.parametrize("outlook", ["up", "down", "unclear"])
@pytest.mark.parametrize("trades", [[], calm(13)], ids=["no trades", "a flat price"])
def test_where_no_price_points_anywhere_a_model_has_no_outlook(
    trades: list[Aggregate], outlook: str
) -> None:
    """Whatever it says: of posts and repositories alone nothing follows for the price."""
    spoken = [social(number=n, posts=40, tone=0.9) for n in range(9)]
    words = said([*trades, *spoken, development()], outlook)
    assert words.outlook is not None
    assert (words.outlook.direction, words.outlook.probability) == ("unclear", 0.5)


def test_where_one_does_it_has_its_own() -> None:
    """Then the check is of its words, and later of what came."""
    words = said([*calm(12), market(number=12, last=96.0)], "down")
    assert words.outlook is not None
    assert (words.outlook.direction, words.outlook.probability) == ("down", 0.65)
