"""Which posts are shown: different ones, so that who shouts oftener, faster or under more names is heard no louder."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ask.excerpts import choosing
from agents.ask.excerpts.choosing import (
    CHARS_MIN,
    EXCERPTS_MAX,
    READ_MAX,
    alike,
    excerpts_of,
    shingles,
)

from .posts import DIFFERENT, post

PUMP = "Everybody is buying now, do not miss the next leg, join the group today"


def test_what_people_write_is_all_shown() -> None:
    """In an order that the seed decides, and not the time."""
    posts = [post(number, text) for number, text in enumerate(DIFFERENT)]
    first, other = (excerpts_of(posts, "SOL", seed) for seed in ("a", "b"))
    assert set(first) == set(other) == set(DIFFERENT)
    assert first != other
    assert excerpts_of(reversed(posts), "SOL", "a") == first


LOOKALIKES = {
    "o": "\u043e0",
    "e": "\u04353",
    "a": "\u0430@",
    "i": "\u04561",
    "t": "\u04427",
    "s": "\u0455$",
}


def disguised(text: str, number: int) -> str:
    """Return a text in which each letter is itself or one that looks like it, as the number's digits say."""
    dice = Random(number)
    return "".join(dice.choice(c + LOOKALIKES.get(c, c)) for c in text)


COPIES: dict[str, Callable[[int], str]] = {
    "the same": lambda _: PUMP,
    "numbered": lambda number: f"{PUMP} {number}",
    "in capitals": lambda number: PUMP.upper() if number % 2 else PUMP.replace(" ", "  "),
    "in look-alikes": lambda number: disguised(PUMP, number),
    "with unseen letters": lambda _: "\u200b".join(PUMP),
    "with a link of its own": lambda number: f"{PUMP} https://group{number}.example",
    "cut": lambda number: f"{'!' * (number % 7)}{PUMP[number % 9 :]}",
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_count_once(how: str) -> None:
    """Whatever is changed so that they look different to a program: four hundred of them take one place."""
    copies = [post(1_000 + number, COPIES[how](number)) for number in range(400)]
    posts = [*copies, *(post(number, text) for number, text in enumerate(DIFFERENT))]
    shown = excerpts_of(posts, "SOL", "seed")
    assert set(DIFFERENT) < set(shown)
    assert len(shown) == len(DIFFERENT) + 1


def test_an_author_has_one_place() -> None:
    """However much he has to say."""
    posts = [post(n, text, author="f" * 16) for n, text in enumerate(DIFFERENT)]
    assert len(excerpts_of(posts, "SOL", "seed")) == 1


def test_bots_other_assets_and_next_to_nothing_are_left_out() -> None:
    """One question has one asset, and a word alone says nothing."""
    posts = [
        post(1, DIFFERENT[0], bot=True),
        post(2, DIFFERENT[1], subject="BTC"),
        post(3, "x" * (CHARS_MIN - 1)),
        post(4, "https://only.a.link/of-some-length"),
        post(5, DIFFERENT[2]),
    ]
    assert excerpts_of(posts, "SOL", "seed") == (DIFFERENT[2],)


def test_at_most_so_many_are_shown_and_looked_at() -> None:
    """At the bounds: beyond them the rest is not read."""
    words = [" ".join(chr(97 + (n * 7 + k * k) % 26) * 5 for k in range(9)) for n in range(26)]
    posts = [post(n, text) for n, text in enumerate(words)]
    assert len(excerpts_of(posts, "SOL", "seed")) <= EXCERPTS_MAX
    many = [post(n, PUMP) for n in range(READ_MAX)]
    assert len(excerpts_of([*many, post(READ_MAX, DIFFERENT[0])], "SOL", "seed")) == 1


def test_who_posts_first_has_no_better_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more posts than are looked at those that the seed draws, wherever they stand."""
    monkeypatch.setattr(choosing, "POSTS_MAX", 3)
    posts = [post(number, text) for number, text in enumerate(DIFFERENT)]
    shown = {text for seed in "abcdefgh" for text in excerpts_of(posts, "SOL", seed)}
    assert shown == set(DIFFERENT)
    assert len(excerpts_of(posts, "SOL", "a")) == 3


@given(st.text(), st.text())
def test_being_alike_is_mutual_and_of_everything_with_itself(one: str, other: str) -> None:
    """And what has no letters is like anything of that sort."""
    assert alike(shingles(one), shingles(one))
    assert alike(shingles(one), shingles(other)) == alike(shingles(other), shingles(one))


@given(
    st.lists(st.tuples(st.text(max_size=40), st.integers(0, 3)), max_size=30), st.text(max_size=3)
)
def test_whatever_is_posted_the_bounds_hold(told: list[tuple[str, int]], seed: str) -> None:
    """No text twice, none too short, and no more authors than texts."""
    posts = [post(n, text, author=f"{who:016x}") for n, (text, who) in enumerate(told)]
    shown = excerpts_of(posts, "SOL", seed)
    assert len(set(shown)) == len(shown) <= min(EXCERPTS_MAX, 4)
    assert all(len(text) >= CHARS_MIN for text in shown)
