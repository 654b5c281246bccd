"""The social source: posts of people and bots, by the hour and by what happens to the asset: PURE."""

from collections.abc import Iterator
from hashlib import sha256
from heapq import merge
from math import exp
from random import Random
from typing import NamedTuple

from streams.collectors.lateness import LATENESS_MS
from streams.collectors.simhash import simhash
from topics import Post

from .assets import ASSETS, PLATFORM, Asset
from .chance import Rate, arrivals, chance
from .incidents import Incident
from .rhythm import hour_of
from .run import Run
from .texts import TONE, Mood, bot_text_of, text_of
from .timed import Made, Timed, in_order

POSTS_PER_MINUTE = 6.0
"""Over all assets, at an average hour without incidents."""
PUMP_TIMES, CRASH_TIMES = 15.0, 4.0
"""Times the usual number of posts in a social pump and in a flash crash."""
SWING = 0.3
"""How far the hour of the day moves the number of posts."""
TONE_SPREAD = 0.12
TONE_VERSION = "simulated-1"
BOT_TONE = 0.8
AUTHORS, BOTS = 400, 40
"""Of each asset."""
ENGAGEMENT_MAX = 100_000
DELAY_MS_MIN, DELAY_MS_MAX = 300, 9_500
"""From the post to its arrival."""


class Talk(NamedTuple):
    """How people speak about an asset at a time."""

    times: float
    bots: float
    """Share of the posts."""
    good: float
    """Share of the people's posts."""
    bad: float


_USUAL = Talk(1.0, 0.06, 0.30, 0.22)
_PUMPED = Talk(PUMP_TIMES, 0.5, 0.92, 0.02)
_CRASHED = Talk(CRASH_TIMES, 0.06, 0.08, 0.72)


def social(run: Run) -> Iterator[Timed]:
    """Yield the posts of a run in the order they arrive, with promises."""
    posts = merge(*(_posts(run, asset) for asset in ASSETS), key=lambda post: post.event_ms)
    made = (Made(post.event_ms, [Timed(post.received_ms, post)]) for post in posts)
    return in_order(made, run, lateness_ms=LATENESS_MS["social"])


def _posts(run: Run, asset: Asset) -> Iterator[Post]:
    happening = run.incidents_of(asset.name, "social_pump", "flash_crash")

    def rate(time_ms: int) -> Rate:
        active, until_ms = happening.at(time_ms)
        factor, hour_ends_ms = hour_of(time_ms, swing=SWING)
        per_minute = POSTS_PER_MINUTE * asset.weight * factor * _talk(active).times
        return Rate(per_minute, min(until_ms, hour_ends_ms))

    dice = chance(run.seed, "social", asset.name)
    times = chance(run.seed, "social", asset.name, "times")
    for number, at_ms in enumerate(arrivals(times, rate, run.start_ms, run.end_ms)):
        active, _ = happening.at(at_ms)
        post_id = f"{asset.name.lower()}-{run.start_ms}-{number}"
        yield _post(run, asset, post_id, at_ms=at_ms, talk=_talk(active), dice=dice)


def _talk(active: tuple[Incident, ...]) -> Talk:
    kinds = {incident.kind for incident in active}
    return _PUMPED if "social_pump" in kinds else _CRASHED if kinds else _USUAL


def _post(run: Run, asset: Asset, post_id: str, *, at_ms: int, talk: Talk, dice: Random) -> Post:
    bot = dice.random() < talk.bots
    mood = _mood(talk, dice)
    text = bot_text_of(asset.name, dice) if bot else text_of(asset.name, mood, dice)
    tone = dice.gauss(BOT_TONE if bot else TONE[mood], TONE_SPREAD)
    author = f"bot-{dice.randrange(BOTS)}" if bot else f"author-{dice.randrange(AUTHORS)}"
    return Post(
        subject=asset.name,
        source=run.name,
        platform=PLATFORM,
        post_id=post_id,
        event_ms=at_ms,
        received_ms=at_ms + dice.randint(DELAY_MS_MIN, DELAY_MS_MAX),
        author=sha256(f"{PLATFORM}/{asset.name}/{author}".encode()).hexdigest()[:16],
        text=text,
        language="en",
        tone=round(max(-1.0, min(1.0, tone)), 3),
        tone_version=TONE_VERSION,
        engagement=min(ENGAGEMENT_MAX, int(exp(dice.gauss(1.2, 1.3)))),
        simhash=simhash(text),
        bot=bot,
    )


def _mood(talk: Talk, dice: Random) -> Mood:
    draw = dice.random()
    return "good" if draw < talk.good else "bad" if draw < talk.good + talk.bad else "even"
