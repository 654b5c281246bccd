"""The posts of the last minutes: whatever is posted, no bound is passed, and nobody has two places."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ask.excerpts.recent import DELETED_MAX, RecentPosts
from topics import Post

from .posts import post

WINDOW_MS = 900_000
NOW_MS = 1_800_000_000_000


def recent(posts_max: int = 3, chars_max: int = 5, assets_max: int = 2) -> RecentPosts:
    """Return the posts of 15 minutes, none yet."""
    return RecentPosts(
        window_ms=WINDOW_MS, posts_max=posts_max, chars_max=chars_max, assets_max=assets_max
    )


def texts(posts: RecentPosts, asset: str = "SOL") -> list[str]:
    """Return what is said of an asset."""
    return [one.text for one in posts.about(asset, NOW_MS + 1)]


@st.composite
def a_post(draw: st.DrawFn) -> Post:
    """Draw a post by one of few authors about one of few assets."""
    number = draw(st.integers(0, 9))
    return post(
        number,
        draw(st.text(max_size=9)),
        subject=draw(st.sampled_from(["SOL", "BTC", "ETH", "ADA"])),
        bot=draw(st.booleans()),
        event_ms=NOW_MS - draw(st.integers(-5, 2)) * WINDOW_MS // 2,
    )


@given(st.lists(st.tuples(a_post(), st.integers(0, 2 * WINDOW_MS))), st.integers(0, WINDOW_MS))
def test_no_bound_is_passed_and_nobody_has_two_places(
    told: list[tuple[Post, int]], later_ms: int
) -> None:
    """Of texts an asset, of characters a text, of assets; each loss is told, and all that is kept is of lately."""
    posts, fates = recent(), Counter[str]()
    for one, ago_ms in told:
        fates.update(posts.take(one, NOW_MS - ago_ms, NOW_MS))
        assert posts.assets <= 2
        assert posts.posts <= 2 * 3
    gone = ("replaced", "pushed_out", "asset_pushed_out")
    assert fates["kept"] + fates["bot"] + fates["stale"] == len(told)
    assert posts.posts == fates["kept"] - sum(fates[fate] for fate in gone)
    for asset in ("SOL", "BTC", "ETH", "ADA"):
        kept = posts.about(asset, NOW_MS)
        assert len(kept) == len({one.author for one in kept}) <= 3
        assert all(len(one.text) <= 5 and not one.bot and one.subject == asset for one in kept)
        assert all(NOW_MS - WINDOW_MS <= one.event_ms < NOW_MS for one in kept)
    posts.forget(NOW_MS + later_ms)
    posts.forget(NOW_MS + 3 * WINDOW_MS)
    assert (posts.posts, posts.assets) == (0, 0)


def test_of_more_posts_than_places_the_oldest_goes() -> None:
    """At the bound nothing goes; one more, and it is told."""
    posts = recent()
    for number in range(3):
        assert posts.take(post(number, f"n{number}"), NOW_MS, NOW_MS) == ["kept"]
    assert texts(posts) == ["n0", "n1", "n2"]
    assert posts.take(post(3, "n3"), NOW_MS, NOW_MS) == ["kept", "pushed_out"]
    assert texts(posts) == ["n1", "n2", "n3"]


def test_who_posts_again_takes_the_place_he_has() -> None:
    """His last post is what he says, and it is the newest now."""
    posts = recent()
    for number in range(3):
        posts.take(post(number, f"n{number}"), NOW_MS, NOW_MS)
    again = post(9, "again", author=f"{0:016x}")
    assert posts.take(again, NOW_MS, NOW_MS) == ["kept", "replaced"]
    assert texts(posts) == ["n1", "n2", "again"]


def test_of_more_assets_than_places_the_silent_one_goes() -> None:
    """With all its posts, each told; who is spoken of again is not silent."""
    posts = recent()
    posts.take(post(1, "a", subject="SOL"), NOW_MS, NOW_MS)
    posts.take(post(2, "b", subject="BTC"), NOW_MS, NOW_MS)
    posts.take(post(3, "c", subject="BTC"), NOW_MS, NOW_MS)
    posts.take(post(4, "d", subject="SOL"), NOW_MS, NOW_MS)
    fates = posts.take(post(5, "e", subject="ETH"), NOW_MS, NOW_MS)
    assert fates == ["kept", "asset_pushed_out", "asset_pushed_out"]
    assert (texts(posts, "BTC"), texts(posts), texts(posts, "ETH")) == ([], ["a", "d"], ["e"])


def test_a_longer_text_is_cut() -> None:
    """At the bound it is whole."""
    posts = recent()
    assert posts.take(post(1, "12345"), NOW_MS, NOW_MS) == ["kept"]
    assert posts.take(post(2, "123456"), NOW_MS, NOW_MS) == ["kept", "cut"]
    assert texts(posts) == ["12345", "12345"]


@pytest.mark.parametrize(("ago_ms", "fate"), [(WINDOW_MS - 1, "kept"), (WINDOW_MS, "stale")])
def test_what_was_logged_long_ago_is_not_kept(ago_ms: int, fate: str) -> None:
    """As after a start, which reads a little too much; and what is kept is let go when its time has come."""
    posts = recent()
    assert posts.take(post(1, "a"), NOW_MS - ago_ms, NOW_MS) == [fate]
    posts.take(post(2, "b", bot=True), NOW_MS, NOW_MS)
    posts.take(post(3, "c"), NOW_MS, NOW_MS)
    posts.forget(NOW_MS + 1)
    assert texts(posts) == ["c"]


def test_of_a_candidate_of_before_the_posts_of_now_are_not_shown() -> None:
    """By the time that platforms give: from a window before it, to itself."""
    posts = recent(posts_max=9)
    for number, before_ms in enumerate((WINDOW_MS + 1, WINDOW_MS, 1, 0)):
        posts.take(post(number, f"{number}", event_ms=NOW_MS - before_ms), NOW_MS, NOW_MS)
    assert [one.text for one in posts.about("SOL", NOW_MS)] == ["1", "2"]
    assert posts.about("SOL", NOW_MS - 2 * WINDOW_MS) == []


def test_what_was_taken_back_is_gone_at_once_and_does_not_come_back() -> None:
    """Of its asset alone; its author's next post is another one."""
    posts = recent()
    posts.take(post(1, "a"), NOW_MS, NOW_MS)
    posts.take(post(2, "b"), NOW_MS, NOW_MS)
    posts.take(post(1, "a", subject="BTC"), NOW_MS, NOW_MS)
    assert posts.delete("SOL", "platform", "1")
    assert (texts(posts), texts(posts, "BTC")) == (["b"], ["a"])
    assert posts.take(post(1, "a"), NOW_MS, NOW_MS) == ["deleted"]
    assert posts.take(post(3, "c", author=f"{1:016x}"), NOW_MS, NOW_MS) == ["kept"]
    assert not posts.delete("SOL", "platform", "1")
    assert not posts.delete("SOL", "elsewhere", "2")
    assert not posts.delete("ETH", "platform", "2")
    assert texts(posts) == ["b", "c"]
    assert posts.delete("BTC", "platform", "1")
    assert posts.assets == 1


def test_of_more_deletions_than_places_the_oldest_is_forgotten() -> None:
    """At the bound none is."""
    posts = recent()
    for number in range(DELETED_MAX):
        posts.delete("SOL", "platform", str(number))
    assert posts.take(post(0, "a"), NOW_MS, NOW_MS) == ["deleted"]
    posts.delete("SOL", "platform", "one more")
    assert posts.take(post(0, "a"), NOW_MS, NOW_MS) == ["kept"]
    assert posts.take(post(1, "b"), NOW_MS, NOW_MS) == ["deleted"]
