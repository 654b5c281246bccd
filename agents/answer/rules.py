"""The rules analyst: an honest reading of the facts without any model. PURE, deterministic, versioned."""

from msgspec import Struct

from agents.decide.candidate import Candidate
from agents.decide.facts import find, printed
from topics import Fact, Outlook
from topics.analysis import Confidence, Direction

VERSION = "rules-1"
HEADLINE_MAX = 120
MINUTE_MS, FIVE_MS, HOUR_MS = 60_000, 300_000, 3_600_000
FLAT_PERCENT = 0.2
"""A price change of at most this much is flat."""
QUIET_RATIO, MUCH_RATIO = 0.5, 4.0
"""Volume against usual that is called falling, and much."""
SURGE_RATIO, UNMOVED_RATIO = 5.0, 2.0
"""Posts against usual that are called a surge, and volume against usual that has not followed."""

_REASONS = {
    "price_drop": "sharp fall within a minute",
    "price_jump": "sharp rise within a minute",
    "volume_spike": "unusual volume",
    "volume_without_move": "much volume without a move, as wash trading shows",
    "social_spike": "burst of posts",
    "development_drop": "development fell silent",
    "state_first": "first reading",
    "state_changed": "state changed",
    "state_expired": "unchanged",
}


class Words(Struct, frozen=True, kw_only=True):
    """What an analyst says; everything else of an analysis is filled in by code."""

    headline: str
    text: str
    confidence: Confidence
    confidence_basis: str
    outlook: Outlook | None = None


def direction_of(facts: tuple[Fact, ...]) -> Direction:
    """Return which way the price went over one and five minutes: mixed where the two disagree."""
    signs = {
        _sign(fact.value)
        for window_ms in (MINUTE_MS, FIVE_MS)
        if (fact := find(facts, "return", window_ms)) is not None
    }
    if {1, -1} <= signs:
        return "mixed"
    return "up" if 1 in signs else "down" if -1 in signs else "flat"


def analyse(candidate: Candidate) -> Words:
    """Return what the facts say by themselves. Never sure: confidence is low or medium."""
    facts, quality = candidate.facts, candidate.quality
    sentences = [
        sentence
        for sentence in (
            _price(facts),
            _volume(facts),
            _social(facts),
            _development(facts),
            _contradiction(facts),
        )
        if sentence
    ]
    if quality.words:
        sentences.append(f"Mind the data: {quality.words}.")
    poor = quality.short_history or quality.completeness == "holed" or bool(quality.stale_feeds)
    return Words(
        headline=_headline(candidate)[:HEADLINE_MAX],
        text=" ".join(sentences) or "Nothing is known of this asset yet.",
        confidence="low" if poor else "medium",
        confidence_basis=quality.words or "enough earlier windows to compare with, no known gap",
    )


def _headline(candidate: Candidate) -> str:
    why = "; ".join(_REASONS.get(reason, reason.replace("_", " ")) for reason in candidate.reasons)
    move = find(candidate.facts, "return", MINUTE_MS)
    where = move.subject if move else candidate.asset
    seen = f" {printed(move)} in 1m" if move else ""
    return f"{where}{seen}: {why}"


def _price(facts: tuple[Fact, ...]) -> str:
    minute, close = find(facts, "return", MINUTE_MS), find(facts, "close", MINUTE_MS)
    if minute is None or close is None:
        return ""
    verb = {1: "rose", -1: "fell", 0: "held"}[_sign(minute.value)]
    longer = [
        f"{printed(fact)} over {name}"
        for name, window_ms in (("5m", FIVE_MS), ("1h", HOUR_MS))
        if (fact := find(facts, "return", window_ms)) is not None
    ]
    more = f" ({', '.join(longer)})" if longer else ""
    return f"{minute.subject} {verb} {printed(minute)} in a minute to {printed(close)}{more}."


def _volume(facts: tuple[Fact, ...]) -> str:
    volume, ratio = find(facts, "volume", MINUTE_MS), find(facts, "volume_ratio", MINUTE_MS)
    taker = find(facts, "taker_buy_ratio", MINUTE_MS)
    if volume is None:
        return ""
    against = (
        f", {printed(ratio)} the median of the {volume.sample_size} windows before" if ratio else ""
    )
    bought = f"; takers bought {printed(taker)} of it" if taker else ""
    return f"Volume {printed(volume)}{against}{bought}."


def _social(facts: tuple[Fact, ...]) -> str:
    posts, tone = find(facts, "posts", FIVE_MS), find(facts, "tone", FIVE_MS)
    if posts is None or tone is None:
        return ""
    ratio = find(facts, "posts_ratio", FIVE_MS)
    against = f", {printed(ratio)} usual" if ratio else ""
    return f"{printed(posts)} posts in 5m{against}, tone {printed(tone)}."


def _development(facts: tuple[Fact, ...]) -> str:
    events = find(facts, "events", HOUR_MS)
    if events is None:
        return ""
    usual = f", usually {events.baseline:,.0f}" if events.baseline is not None else ""
    return f"{printed(events)} development events in 1h{usual}."


def _contradiction(facts: tuple[Fact, ...]) -> str:
    """Say what contradicts what: the part a reader would miss."""
    move, ratio = find(facts, "return", MINUTE_MS), find(facts, "volume_ratio", MINUTE_MS)
    posts = find(facts, "posts_ratio", FIVE_MS)
    found = []
    if move and ratio and _sign(move.value) == 1 and ratio.value < QUIET_RATIO:
        found.append("the price rises on falling volume")
    if move and ratio and _sign(move.value) == 0 and ratio.value >= MUCH_RATIO:
        found.append("much is traded, but the price does not move")
    if posts and ratio and posts.value >= SURGE_RATIO and ratio.value < UNMOVED_RATIO:
        found.append("posts surge while volume does not")
    return f"Against it: {'; '.join(found)}." if found else ""


def _sign(percent: float) -> int:
    return 0 if abs(percent) <= FLAT_PERCENT else 1 if percent > 0 else -1
