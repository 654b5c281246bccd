"""What tells machines from people."""

from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social import bots as module
from streams.collectors.social.bots import (
    AUTHOR_POSTS,
    AUTHOR_SPAN_MS,
    REMEMBERED_MAX,
    TEXT_POSTS,
    Bots,
)

T0 = 1_700_000_000_000


def test_many_posts_in_a_minute_are_a_machines() -> None:
    bots = Bots()
    told = [
        bots.looks_like_one(author="a", simhash=f"{n:016x}", made_ms=T0 + n, post_id=str(n))
        for n in range(AUTHOR_POSTS)
    ]
    assert told == [False] * (AUTHOR_POSTS - 1) + [True]
    later_ms = T0 + AUTHOR_SPAN_MS + AUTHOR_POSTS
    assert not bots.looks_like_one(author="a", simhash="f", made_ms=later_ms, post_id="later")


def test_the_same_text_many_times_is_a_machines_whoever_posts_it() -> None:
    bots = Bots()
    told = [
        bots.looks_like_one(author=str(n), simhash="f", made_ms=T0 + n, post_id=str(n))
        for n in range(TEXT_POSTS)
    ]
    assert told == [False] * (TEXT_POSTS - 1) + [True]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_a_post_that_is_shown_again_counts_once_and_is_judged_the_same(shown: list[int]) -> None:
    bots, first = Bots(), dict[int, bool]()
    for n in sorted(shown):
        again = bots.looks_like_one(author="a", simhash="f", made_ms=T0 + n, post_id=str(n))
        assert first.setdefault(n, again) == again


def test_memory_is_bounded() -> None:
    bots = Bots()
    for n in range(REMEMBERED_MAX + 10):
        bots.looks_like_one(author=str(n), simhash=str(n), made_ms=T0, post_id=str(n))
    for often in (bots._authors, bots._texts):
        assert len(often._seen) == REMEMBERED_MAX
    for n in range(100):
        bots.looks_like_one(author="a", simhash="f", made_ms=T0 + n, post_id=str(n))
    assert len(bots._authors._seen["a"]) == module._KEPT
