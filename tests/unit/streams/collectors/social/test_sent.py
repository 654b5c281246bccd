"""What is remembered of posts: within its bounds nothing is told twice, and nothing that was not sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.sent import KEPT_MS, SentPosts
from tests.unit.agents.ask.excerpts.posts import post
from topics import Post, PostDeleted

NOW_MS = 1_800_000_000_000


def named(number: int, *assets: str, at_ms: int = NOW_MS) -> list[Post]:
    """Return a post of a number, an event an asset."""
    return [post(number, "words", subject=a, event_ms=at_ms) for a in assets]


def sent(**bounds: int) -> SentPosts:
    """Return a memory."""
    return SentPosts("posts", "platform", **bounds)


def test_a_post_that_is_taken_back_is_told_under_each_asset_once() -> None:
    """Not before it was made, whatever a clock says; one that was never sent is counted."""
    memory = sent()
    memory.sent(named(1, "BTC", "SOL"), "here")
    told = memory.taken_back("1", NOW_MS - 5, NOW_MS + 9)
    assert [(one.subject, one.event_ms, one.received_ms) for one in told] == [
        ("BTC", NOW_MS, NOW_MS + 9),
        ("SOL", NOW_MS, NOW_MS + 9),
    ]
    assert memory.taken_back("1", NOW_MS, NOW_MS) == []
    assert memory.knows("1")
    assert memory.unknown == 0
    assert memory.taken_back("2", NOW_MS, NOW_MS) == []
    assert memory.unknown == 1


def test_of_more_posts_than_places_the_oldest_is_forgotten() -> None:
    """At the bound none is; and what is older than the topic keeps is forgotten too."""
    memory = sent(most=3)
    for number in range(3):
        memory.sent(named(number, "BTC"), "here")
    assert memory.knows("0")
    memory.sent(named(3, "BTC"), "here")
    assert not memory.knows("0")
    assert len(memory) == 3
    memory.sent(named(4, "BTC", at_ms=NOW_MS + KEPT_MS), "here")
    assert memory.knows("1") is False
    assert len(memory) == 3
    memory.sent(named(5, "BTC", at_ms=NOW_MS + KEPT_MS + 1), "here")
    assert len(memory) == 2
    assert memory.place_gone("here", NOW_MS, NOW_MS) != []


def test_what_vanishes_is_judged_only_where_all_was_read() -> None:
    """From the time on from which it was."""
    memory = sent()
    for number, place in enumerate(("here", "there", "here", "here")):
        memory.sent(named(number, "BTC", at_ms=NOW_MS + number), place)
    told = memory.vanished({"3"}, NOW_MS + 1, {"here"}, NOW_MS + 99)
    assert [one.post_id for one in told] == ["2"]
    memory.seen_at("1", "here")
    assert [one.post_id for one in memory.vanished({"3"}, NOW_MS + 1, {"here"}, NOW_MS)] == ["1"]
    assert memory.vanished({"3"}, NOW_MS + 1, {"here", "there"}, NOW_MS) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["sent", "taken_back", "place_gone", "resume"]),
            st.integers(0, 8),
            st.sampled_from(["here", "there"]),
            st.sets(st.sampled_from(["BTC", "SOL"]), min_size=1),
        ),
        max_size=60,
    ),
    st.integers(1, 6),
)
def test_nothing_is_told_twice_nor_what_was_not_sent(
    acts: list[tuple[str, int, str, set[str]]], most: int
) -> None:
    """Whatever comes in whatever order, and across restarts."""
    memory, log = sent(most=most), list[Post | PostDeleted]()
    for act, number, place, assets in acts:
        match act:
            case "sent" if not memory.knows(str(number)):
                posts = named(number, *sorted(assets))
                memory.sent(posts, place)
                log += posts
            case "taken_back":
                log += memory.taken_back(str(number), NOW_MS, NOW_MS)
            case "place_gone":
                log += memory.place_gone(place, NOW_MS, NOW_MS)
            case "resume":
                memory = sent(most=most)
                memory.resume(log, lambda post_id: "here" if int(post_id) % 2 else "there")
        assert len(memory) <= most
    alive: set[tuple[str, str]] = set()
    for one in log:
        key = (one.post_id, one.subject)
        if isinstance(one, Post):
            alive.add(key)
        else:
            assert key in alive
            alive.remove(key)


@pytest.mark.parametrize("order", [1, -1])
def test_a_restart_knows_what_the_log_shows(order: int) -> None:
    """Two assets of a post, in whatever order; one that was taken back is not told again."""
    memory = sent()
    posts = [*named(1, "BTC", "SOL"), *named(2, "BTC")][::order]
    gone = PostDeleted(
        subject="BTC",
        source="posts",
        platform="platform",
        post_id="2",
        event_ms=NOW_MS,
        received_ms=NOW_MS,
    )
    memory.resume([*posts, gone], lambda _: "")
    assert sorted(one.subject for one in memory.taken_back("1", NOW_MS, NOW_MS)) == ["BTC", "SOL"]
    assert memory.taken_back("2", NOW_MS, NOW_MS) == []
