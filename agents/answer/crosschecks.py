"""Where facts of different kinds contradict or qualify each other: the part a reader would miss. PURE."""

from collections.abc import Iterator

from agents.decide.printing import span

from .reading import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    MUCH_RATIO,
    TAKERS_BUY,
    TAKERS_SELL,
    THIN_RATIO,
    Told,
    move_sign,
)

SURGE_RATIO, UNMOVED_RATIO, SURGE_POSTS = 5.0, 2.0, 20.0
"""Posts against usual that are called a surge, volume against usual that has not followed, and the least posts."""
STILL_PERCENT = 0.5
"""High above low of a window in which the price stood still."""
APART_BPS = 20.0
"""Venues' last prices this far apart are told."""
ONE_VENUE_PERCENT, BUSY_RATIO = 80.0, 2.0
"""The share of one venue that is told where volume is at least this much against usual."""
SILENT_RATIO, SILENT_EVENTS = 0.25, 10.0
"""Development against usual that is called a drop, and the least that is usual."""
GLAD_TONE = 0.3
"""Tone of posts that is called good; its negative is called bad."""


def crosschecks_of(told: Told) -> list[str]:
    """Return what contradicts what, in sentences with slots."""
    return [
        *_price_and_volume(told),
        *_windows(told),
        *_takers(told),
        *_posts(told),
        *_development(told),
        *_venues(told),
    ]


def _price_and_volume(told: Told) -> Iterator[str]:
    for window_ms in (MINUTE_MS, FIVE_MS):
        ratio, sign = told.value("volume_ratio", window_ms), move_sign(told, window_ms)
        if ratio is None or told.fact("return", window_ms) is None:
            continue
        slot = told.slot("volume_ratio", window_ms)
        if sign and ratio < THIN_RATIO:
            move = "rise" if sign > 0 else "fall"
            yield f"The {move} over {span(window_ms)} is on thin volume, {slot} usual."
            return
        still = (told.value("range", window_ms) or 0.0) <= STILL_PERCENT
        if not sign and still and ratio >= MUCH_RATIO:
            yield (
                f"Much was traded over {span(window_ms)}, {slot} usual, without a move of the price"
                f" ({told.slot('return', window_ms)}), as wash trading or a large resting order shows."
            )
            return


def _windows(told: Told) -> Iterator[str]:
    short, long = move_sign(told, MINUTE_MS), move_sign(told, HOUR_MS)
    if short and long and short != long:
        yield (
            f"The last minute ({told.slot('return', MINUTE_MS)}) goes against the hour"
            f" ({told.slot('return', HOUR_MS)})."
        )


def _takers(told: Told) -> Iterator[str]:
    bought, sign = told.value("taker_buy_ratio", MINUTE_MS), move_sign(told, MINUTE_MS)
    if bought is None or not sign:
        return
    if (bought >= TAKERS_BUY and sign < 0) or (bought <= TAKERS_SELL and sign > 0):
        verb = "rose" if sign > 0 else "fell"
        share = told.slot("taker_buy_ratio", MINUTE_MS)
        yield f"The price {verb} although takers bought {share} of the volume."


def _posts(told: Told) -> Iterator[str]:
    posts, surge = told.value("posts", FIVE_MS) or 0.0, told.value("posts_ratio", FIVE_MS) or 0.0
    tone = told.value("tone", FIVE_MS) or 0.0
    for window_ms in (FIVE_MS, MINUTE_MS):
        ratio = told.value("volume_ratio", window_ms)
        if ratio is None:
            continue
        if posts >= SURGE_POSTS and surge >= SURGE_RATIO and ratio < UNMOVED_RATIO:
            yield (
                f"Posts are at {told.slot('posts_ratio', FIVE_MS)} usual while volume over"
                f" {span(window_ms)} does not follow ({told.slot('volume_ratio', window_ms)} usual)."
            )
        break
    sign = move_sign(told, FIVE_MS)
    if posts >= SURGE_POSTS and abs(tone) >= GLAD_TONE and sign * tone < 0:
        yield (
            f"The tone of posts ({told.slot('tone', FIVE_MS)}) is at odds with the price"
            f" ({told.slot('return', FIVE_MS)} over 5m)."
        )


def _development(told: Told) -> Iterator[str]:
    events = told.fact("events", HOUR_MS)
    if events is None or events.baseline is None or events.baseline < SILENT_EVENTS:
        return
    rising = next((w for w in (HOUR_MS, FIVE_MS, MINUTE_MS) if move_sign(told, w) > 0), None)
    if events.value <= SILENT_RATIO * events.baseline and rising is not None:
        yield (
            f"Development went quiet while the price rose {told.slot('return', rising)} over"
            f" {span(rising)}."
        )


def _venues(told: Told) -> Iterator[str]:
    for window_ms in (MINUTE_MS, FIVE_MS):
        if (told.value("venue_spread", window_ms) or 0.0) >= APART_BPS:
            yield f"Venues are apart: their last prices differ by {told.slot('venue_spread', window_ms)}."
            break
    for window_ms in (MINUTE_MS, FIVE_MS):
        share, ratio = told.value("venue_share", window_ms), told.value("volume_ratio", window_ms)
        if share is None or ratio is None:
            continue
        if share >= ONE_VENUE_PERCENT and ratio >= BUSY_RATIO:
            yield (
                f"One venue has {told.slot('venue_share', window_ms)} of the volume over"
                f" {span(window_ms)}, which is {told.slot('volume_ratio', window_ms)} usual."
            )
        break
