"""The rules' headline: what happened, with its number, in one line. PURE."""

from agents.decide.printing import span

from .reading import (
    FIVE_MS,
    FULL_RATIO,
    HOUR_MS,
    MINUTE_MS,
    THIN_RATIO,
    WINDOWS_MS,
    Told,
    regime_of,
)
from .slots import rendered
from .words import HEADLINE_MAX

_NO_NUMBERS = "no numbers yet"


def headline_of(told: Told, asset: str, reasons: tuple[str, ...]) -> str:
    """Return the line, its slots filled: the parts that fit, the first reason's first; never cut in a number."""
    line = ""
    for part in headline_parts(told, asset, reasons):
        longer = line + rendered(part, told.slots)
        if len(longer) <= HEADLINE_MAX:
            line = longer
    return line or f"{asset}: {_NO_NUMBERS}"


def headline_parts(told: Told, asset: str, reasons: tuple[str, ...]) -> list[str]:
    """Return the headline in parts, their slots open; each after the first begins with what joins it."""
    said: list[list[str]] = []
    if "price_drop" in reasons or "price_jump" in reasons:
        said.append(_move(told.most("range", MINUTE_MS)))
    if "volume_without_move" in reasons or ("volume_spike" in reasons and not any(said)):
        said.append(_volume(told.most("volume_ratio", MINUTE_MS)))
    if "social_spike" in reasons:
        said.append(_posts(told.most("posts", FIVE_MS), asset))
    if "development_drop" in reasons:
        said.append(_development(told.most("events", HOUR_MS, sign=-1), asset))
    said = [parts for parts in said if parts] or [_state(told) or _other(told, asset)]
    first, *others = said
    return first + [f"{'; ' if i == 0 else ''}{p}" for o in others for i, p in enumerate(o)]


def _move(told: Told) -> list[str]:
    if told.fact("return", MINUTE_MS) is None:
        return []
    move = round(told.value("return", MINUTE_MS) or 0.0, 2)
    ratio = told.value("volume_ratio", MINUTE_MS)
    volume = []
    if ratio is not None and not THIN_RATIO < ratio < FULL_RATIO:
        volume = [f" on {told.slot('volume_ratio', MINUTE_MS)} usual volume"]
    wide = told.value("range", MINUTE_MS) or 0.0
    if told.is_earlier:
        return _earlier_move(told, move, wide)
    # The gate saw the extreme of the minute; where the price came back, its close does not show it.
    if abs(move) < wide / 2:
        swing = f"{told.lead} swung {told.slot('range', MINUTE_MS)} within 1m"
        return [swing, f", net {told.slot('return', MINUTE_MS)}", *volume]
    if not move:
        return []
    verb = "rose" if move > 0 else "fell"
    close = told.fact("close", MINUTE_MS)
    return [
        f"{told.lead} {verb} {told.slot('return', MINUTE_MS)} in 1m",
        *([f" to {told.slot('close', MINUTE_MS)}"] if close else []),
        *volume,
    ]


def _earlier_move(told: Told, move: float, wide: float) -> list[str]:
    """Return one number of a window before: it brings its time with it, and more of them would be too long a line."""
    if abs(move) < wide / 2 or not move:
        return [f"{told.lead} swung {told.slot('range', MINUTE_MS)}"]
    verb = "rose" if move > 0 else "fell"
    return [f"{told.lead} {verb} {told.slot('return', MINUTE_MS)}"]


def _volume(told: Told) -> list[str]:
    if told.fact("volume_ratio", MINUTE_MS) is None:
        return []
    if told.is_earlier:
        return [f"{told.lead} volume against usual at {told.slot('volume_ratio', MINUTE_MS)}"]
    traded = f"{told.lead} traded {told.slot('volume_ratio', MINUTE_MS)} usual volume in 1m"
    if told.fact("return", MINUTE_MS) is None:
        return [traded]
    return [traded, f", price change {told.slot('return', MINUTE_MS)}"]


def _posts(told: Told, asset: str) -> list[str]:
    if told.fact("posts", FIVE_MS) is None:
        return []
    if told.is_earlier:
        return [f"{asset} posts at {told.slot('posts', FIVE_MS)}"]
    count = [f"{asset} had {told.slot('posts', FIVE_MS)} posts in 5m"]
    if told.fact("posts_ratio", FIVE_MS) is not None:
        count.append(f", {told.slot('posts_ratio', FIVE_MS)} usual")
    return count


def _development(told: Told, asset: str) -> list[str]:
    events = told.fact("events", HOUR_MS)
    if events is None:
        return []
    if told.is_earlier:
        return [f"{asset} development events at {told.slot('events', HOUR_MS)}"]
    count = [f"{asset} had {told.slot('events', HOUR_MS)} development events in 1h"]
    if events.baseline is not None:
        count.append(f", usually {told.slot('events', HOUR_MS, 'usual')}")
    return count


def _other(told: Told, asset: str) -> list[str]:
    """Return what is known of an asset without trades: its posts, its development, its reported volume."""
    reported = next((w for w in WINDOWS_MS if told.fact("flow", w)), None)
    volume = [] if reported is None else [_flow(told, asset, reported)]
    return _posts(told, asset) or _development(told, asset) or volume


def _flow(told: Told, asset: str, window_ms: int) -> str:
    return f"{asset} had a reported volume of {told.slot('flow', window_ms)} in {span(window_ms)}"


def _state(told: Told) -> list[str]:
    longest = next((w for w in reversed(WINDOWS_MS) if told.fact("return", w)), None)
    if longest is None:
        return []
    regime = regime_of(told)
    word = "" if regime == "unclear" else f" {regime},"
    parts = [f"{told.lead}{word} {told.slot('return', longest)} in {span(longest)}"]
    ratio = next((w for w in WINDOWS_MS if told.fact("volume_ratio", w)), None)
    if ratio is not None:
        parts.append(f", volume over {span(ratio)} {told.slot('volume_ratio', ratio)} usual")
    return parts
