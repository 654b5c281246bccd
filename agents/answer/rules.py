"""The rules analyst: an honest reading of the facts without any model. PURE, deterministic, versioned.

It writes the same slots as the model, and its texts pass the same checks (a property of its tests).
"""

from collections.abc import Iterator, Mapping

from agents.decide.candidate import Candidate
from agents.decide.printing import span
from topics import DataQuality, Outlook
from topics.analysis import Confidence

from .anomalies import anomalies_of
from .crosschecks import crosschecks_of
from .headline import headline_of
from .reading import (
    FIVE_MS,
    FLAT_PERCENT,
    FULL_RATIO,
    HOUR_MS,
    MINUTE_MS,
    WINDOWS_MS,
    Told,
    agreed,
    direction_of,
    evidence,
    has_net_and_range,
    move_sign,
    regime_of,
    told_of,
)
from .slots import rendered
from .words import BASIS_MAX, OUTLOOK_MS, TEXT_MAX, Words

__all__ = ["VERSION", "Words", "analyse", "confidence_of", "direction_of", "template_of"]

VERSION = "rules-4"
WINDOWS_MIN = 10
"""Earlier windows below which a comparison bears no confidence."""
_EARLIER = {
    "return": "a price change of",
    "range": "high above low",
    "volume_ratio": "volume against usual",
    "posts": "posts",
    "events": "development events",
}
"""What is told of a window that is not the latest."""
ODDS, EVEN = 0.55, 0.5
"""The probability of an outlook: slight at most, and where there is none."""


def analyse(candidate: Candidate) -> Words:
    """Return what the facts say by themselves. Never sure: confidence is low or medium."""
    told = told_of(candidate.facts)
    against = crosschecks_of(told)
    confidence, basis = _confidence(told, candidate.quality, contradicted=bool(against))
    text = rendered(template_of(told), told.slots)
    if candidate.quality.words:
        text = f"{text} Mind the data: {candidate.quality.words}."
    return Words(
        headline=headline_of(told, candidate.asset, candidate.reasons),
        text=text[:TEXT_MAX],
        confidence=confidence,
        confidence_basis=basis,
        outlook=_outlook(told, confidence, contradicted=bool(against)),
    )


def confidence_of(candidate: Candidate) -> tuple[Confidence, str]:
    """Return how far facts bear a reading of them out, and what that rests on."""
    told = told_of(candidate.facts)
    return _confidence(told, candidate.quality, contradicted=bool(crosschecks_of(told)))


def template_of(told: Told) -> str:
    """Return the text about the market, its slots open."""
    anomalies = anomalies_of(told)
    unusual, against = {found.metric for found in anomalies}, crosschecks_of(told)
    sentences = [
        *_price(told),
        *_regime(told),
        *_volume(told, unusual),
        *_posts(told, unusual),
        *_development(told, unusual),
        *_earlier(told),
    ]
    if anomalies:
        sentences.append(f"Unusual: {'; '.join(found.words for found in anomalies)}.")
    elif not against and not told.earlier and _is_calm(told):
        sentences.append("Nothing stands out against the earlier windows.")
    sentences += against
    return " ".join(sentences or _reported(told)) or "Nothing is known of this asset yet."


def _is_calm(told: Told) -> bool:
    """Return whether that nothing stands out may be said: of a move that no score compares it may not."""
    moves = [told.fact("return", w) for w in WINDOWS_MS if move_sign(told, w)]
    known = any(fact.sample_size >= WINDOWS_MIN for fact in told.slots.values())
    scored = all(fact is not None and fact.z is not None for fact in moves)
    return known and scored and regime_of(told) != "volatile"


def _price(told: Told) -> Iterator[str]:
    window_ms = next((w for w in WINDOWS_MS if told.fact("return", w)), None)
    if window_ms is None:
        return
    move = round(told.value("return", window_ms) or 0.0, 2)
    verb = "rose" if move > 0 else "fell" if move < 0 else "held"
    amount = f" {told.slot('return', window_ms)}" if move else ""
    longer = [
        f"{told.slot('return', w)} over {span(w)}"
        for w in WINDOWS_MS
        if w > window_ms and told.fact("return", w)
    ]
    more = f"; the change is {' and '.join(longer)}" if longer else ""
    where = ""
    if told.fact("close", window_ms):
        if not move and (told.value("range", window_ms) or 0.0) > FLAT_PERCENT[window_ms]:
            verb = "came back"
        where = f" {'at' if verb == 'held' else 'to'} {told.slot('close', window_ms)}"
    yield f"{told.lead} {verb}{amount} over {span(window_ms)}{where}{more}."


def _regime(told: Told) -> Iterator[str]:
    regime = regime_of(told)
    if regime == "unclear":
        return
    if regime == "volatile":
        yield f"Regime: volatile{_volatility(told)}."
    elif regime == "ranging":
        window_ms = next(w for w in (HOUR_MS, FIVE_MS) if has_net_and_range(told, w))
        yield (
            f"Regime: ranging, {told.slot('range', window_ms)} between high and low over"
            f" {span(window_ms)} for a net {told.slot('return', window_ms)}."
        )
    else:
        yield f"Regime: {regime}."


def _volatility(told: Told) -> str:
    """Return what shows it, if more than a score does."""
    scored = next((w for w in WINDOWS_MS if _has_score(told, w)), None)
    if scored is not None:
        return (
            f", realised volatility {told.slot('volatility', scored)} over"
            f" {span(scored)} against a usual {told.slot('volatility', scored, 'usual')}"
        )
    if told.fact("range", MINUTE_MS):
        return f", with {told.slot('range', MINUTE_MS)} between high and low in 1m"
    return ""


def _has_score(told: Told, window_ms: int) -> bool:
    fact = told.fact("volatility", window_ms)
    return fact is not None and fact.z is not None and fact.baseline is not None


def _volume(told: Told, unusual: set[str]) -> Iterator[str]:
    window_ms = next((w for w in WINDOWS_MS if told.fact("volume", w)), None)
    if window_ms is None or "volume" in unusual:
        return
    against = (
        f", {told.slot('volume_ratio', window_ms)} usual"
        if told.fact("volume_ratio", window_ms)
        else ""
    )
    bought = (
        f"; takers bought {told.slot('taker_buy_ratio', window_ms)} of it"
        if told.fact("taker_buy_ratio", window_ms)
        else ""
    )
    yield f"Volume over {span(window_ms)}: {told.slot('volume', window_ms)}{against}{bought}."


def _posts(told: Told, unusual: set[str]) -> Iterator[str]:
    if told.fact("posts", FIVE_MS) is None or "posts" in unusual:
        return
    against = (
        f" ({told.slot('posts_ratio', FIVE_MS)} usual)" if told.fact("posts_ratio", FIVE_MS) else ""
    )
    tone = f", tone {told.slot('tone', FIVE_MS)}" if told.fact("tone", FIVE_MS) else ""
    yield f"Posts over 5m: {told.slot('posts', FIVE_MS)}{against}{tone}."


def _reported(told: Told) -> Iterator[str]:
    """Return what is reported of the turnover, where nothing else is known."""
    for window_ms in WINDOWS_MS:
        if told.fact("flow", window_ms):
            yield f"Reported volume over {span(window_ms)}: {told.slot('flow', window_ms)}."
            break


def _development(told: Told, unusual: set[str]) -> Iterator[str]:
    events = told.fact("events", HOUR_MS)
    if events is None or "events" in unusual:
        return
    usual = "" if events.baseline is None else f", usually {told.slot('events', HOUR_MS, 'usual')}"
    yield f"Development events over 1h: {told.slot('events', HOUR_MS)}{usual}."


def _earlier(told: Told) -> Iterator[str]:
    """Return what the windows before show of which a reason stands; each number brings its time with it."""
    for before in told.earlier:
        numbers = [
            f"{words} {before.slot(metric, window_ms)}"
            for (metric, window_ms) in before.names
            if (words := _EARLIER.get(metric))
        ]
        if numbers:
            yield f"Before that{f', of {before.lead}' if before.lead else ''}: {', '.join(numbers)}."


def _confidence(told: Told, quality: DataQuality, *, contradicted: bool) -> tuple[Confidence, str]:
    points = evidence(told)
    signs, windows = set(points.values()), _windows(told)
    poor = quality.short_history or quality.completeness == "holed" or bool(quality.stale_feeds)
    basis = [quality.words] if quality.words else []
    basis.append(_agreement(points))
    if contradicted:
        basis.append("a cross-check speaks against it")
    basis.append(
        f"compared with {windows} earlier windows" if windows else "nothing to compare with"
    )
    sure = not poor and not contradicted and len(signs) <= 1 and windows >= WINDOWS_MIN
    return "medium" if sure else "low", "; ".join(basis)[-BASIS_MAX:]


def _agreement(points: Mapping[str, int]) -> str:
    up, down = (_together([name for name, sign in points.items() if sign == s]) for s in (1, -1))
    if up and down:
        return f"evidence is split: up by {up}, down by {down}"
    if not points:
        return "no evidence of a move"
    way, names = ("up", up) if up else ("down", down)
    return f"evidence agrees: {way} by {names}" if agreed(points) else f"{way} by {names} alone"


def _together(names: list[str]) -> str:
    """Return names in one phrase: "price over 1m, 5m and takers"."""
    spans = [name.removeprefix("price over ") for name in names if name.startswith("price over ")]
    prices = [f"price over {', '.join(spans)}"] if spans else []
    return " and ".join([*prices, *(name for name in names if not name.startswith("price"))])


def _windows(told: Told) -> int:
    """Return how many earlier windows the best comparison of the smallest windows rests on."""
    return max((told.slots[name].sample_size for name in told.names.values()), default=0)


def _outlook(told: Told, confidence: Confidence, *, contradicted: bool) -> Outlook:
    way = agreed(evidence(told))
    full = any((told.value("volume_ratio", w) or 0.0) >= FULL_RATIO for w in (MINUTE_MS, FIVE_MS))
    if not way or not full or contradicted or confidence == "low":
        return Outlook(direction="unclear", horizon_ms=OUTLOOK_MS, probability=EVEN)
    return Outlook(direction="up" if way > 0 else "down", horizon_ms=OUTLOOK_MS, probability=ODDS)
