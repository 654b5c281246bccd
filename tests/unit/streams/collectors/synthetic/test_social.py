"""Posts: what is written, and the pump in the aggregates."""

from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.collectors.port import Through
from streams.collectors.simhash import simhash
from streams.collectors.synthetic.incidents import incidents
from streams.collectors.synthetic.run import START_MS
from streams.collectors.synthetic.social import POSTS_PER_MINUTE, social
from topics import Post, SocialValues

from .folding import HOUR_MS, MINUTE_MS, folded, run_for

SEEDS = st.integers(0, 10**6)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, HOUR_MS))
def test_a_pump_is_posts_with_high_tone_half_of_them_by_bots(seed: int, after_ms: int) -> None:
    """Many times the usual number in five minutes, and they are glad."""
    start_ms = START_MS + after_ms
    run = run_for(seed=seed, start_ms=start_ms)
    (pump,) = [i for i in incidents(seed, start_ms, 0.75) if i.kind == "social_pump"]
    windows = {
        start: values
        for start, values in folded(social, run, "social", until_ms=start_ms + 45 * MINUTE_MS)
        .windows("ADA", 5 * MINUTE_MS, 5 * MINUTE_MS)
        .items()
        if isinstance(values, SocialValues)
    }
    during = [
        v for s, v in windows.items() if pump.from_ms <= s and s + 5 * MINUTE_MS <= pump.to_ms
    ]
    usual = [
        v.posts for s, v in windows.items() if s + 5 * MINUTE_MS <= pump.from_ms or s >= pump.to_ms
    ]
    posts, bots = sum(v.posts for v in during), sum(v.bot_posts for v in during)
    assert during
    assert min(v.posts for v in during) > 5 * max(1, median(usual))
    assert 0.15 < bots / posts < 0.85
    assert min(v.tone_mean for v in during) > 0.4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_posts_are_as_a_platform_gives_them(seed: int) -> None:
    """In order, within the promise, with an id each, and the text's own fingerprint."""
    run = run_for(seed=seed, hours=6, incidents=False)
    through_ms, ids, posts = 0, set(), 0
    for timed in social(run):
        seen = timed.observation
        if isinstance(seen, Through):
            through_ms = seen.through_ms
            continue
        assert isinstance(seen, Post)
        posts += 1
        ids.add(seen.post_id)
        assert through_ms <= seen.event_ms < seen.received_ms == timed.due_ms
        assert seen.simhash == simhash(seen.text)
        assert seen.subject in seen.text
        assert "{" not in seen.text
    assert len(ids) == posts
    assert posts / (6 * 60) == pytest.approx(POSTS_PER_MINUTE, rel=0.4)


def test_bots_write_nearly_the_same_and_people_do_not() -> None:
    """Few fingerprints hold all of the bots' posts; bots and people are other authors."""
    posts = [t.observation for t in social(run_for(hours=4)) if isinstance(t.observation, Post)]
    bots = [post for post in posts if post.bot and post.subject == "ADA"]
    people = [post for post in posts if not post.bot and post.subject == "ADA"]
    assert len(bots) > 50
    assert len({post.text for post in bots}) <= 27
    assert len({post.text for post in people}) > 27
    assert not {post.author for post in bots} & {post.author for post in people}
    assert len({post.author for post in bots}) <= 40
