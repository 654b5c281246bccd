"""The numbers of a span that stand large: each with its unit, and how old it is or what it is of. PURE."""

from collections.abc import Sequence

from msgspec import Struct

from streams.serving.pages.charts.choosing import Choice
from streams.serving.pages.charts.windows import Windows, subject_of
from streams.serving.pages.pieces import Age, Amount, Line, Tone, Words
from streams.serving.shown import Point
from topics import Kind

from .quantities import measure, window_words

STALE_MS = 300_000
"""Of market time, behind the length of its window: what is this far behind is no news."""


class Tile(Struct, frozen=True, kw_only=True):
    """One number that stands large, with its unit, and how old it is or what it is of."""

    title: str
    value: Line
    note: Line = ()


def tiles(choice: Choice, found: Windows) -> tuple[Tile, ...]:
    """Return the numbers of the span. Sums are of what was seen; a note says where that was not all."""
    market, social, over = found.get("market", ()), found.get("social", ()), _over(choice)
    made = [
        _price(choice, market),
        _sum(choice, found, "market", "volume"),
        _takers(market, over),
        _sum(choice, found, "social", "posts"),
        _tone(social, over),
        _sum(choice, found, "development", "events"),
    ]
    return (*(tile for tile in made if tile is not None), _quality(market))


def _price(choice: Choice, market: Sequence[Point]) -> Tile:
    told = measure("market", "close", choice.subject)
    priced = [p for p in market if p.values.get("close") is not None]
    if not priced:
        return Tile(title="Last price", value=(Words("no trade in this span", tone="quiet"),))
    last, first = priced[-1], priced[0]
    opened, closed = first.values.get("open"), last.values["close"]
    note: Line = (Age(last.end_ms, stale_ms=STALE_MS, clock="market"),)
    if opened and closed is not None:
        change = (closed / opened - 1) * 100
        note = (Words(f"{change:+,.2f} % since the span began"), *note)
    return Tile(title="Last price", value=(Amount(told.digits(closed), told.unit),), note=note)


def _sum(choice: Choice, found: Windows, kind: Kind, name: str) -> Tile | None:
    """Return the sum of a value over the span; None where the asset has no such windows."""
    points = found.get(kind, ())
    if not points:
        return None
    told = measure(kind, name, subject_of(choice, kind))
    total = sum(p.values.get(name) or 0 for p in points)
    age = Age(points[-1].end_ms, stale_ms=STALE_MS + points[-1].window_ms, clock="market")
    return Tile(
        title=f"{told.label[:1].upper()}{told.label[1:]} {_over(choice)}",
        value=(Amount(told.digits(total), told.unit),),
        note=(age, *_seen(points)),
    )


def _over(choice: Choice) -> str:
    return f"in {window_words(choice.span_ms)}"


def _takers(market: Sequence[Point], over: str) -> Tile | None:
    pairs = [(p.values.get("taker_buy_ratio"), p.values.get("volume")) for p in market]
    volume = sum(v or 0 for share, v in pairs if share is not None)
    if not volume:
        return None
    bought = sum(share * (v or 0) for share, v in pairs if share is not None)
    return Tile(
        title=f"Bought by takers {over}",
        value=(Amount(f"{bought / volume * 100:.1f}", "%"),),
        note=(Words("of the volume"), Age(market[-1].end_ms, stale_ms=STALE_MS, clock="market")),
    )


def _tone(social: Sequence[Point], over: str) -> Tile | None:
    pairs = [(p.values.get("tone_mean"), p.values.get("posts")) for p in social]
    posts = sum(n or 0 for tone, n in pairs if tone is not None)
    if not posts:
        return None
    mean = sum(tone * (n or 0) for tone, n in pairs if tone is not None) / posts
    return Tile(
        title=f"Tone of posts {over}",
        value=(Amount(f"{mean:+.2f}", "from -1 to 1"),),
        note=(Age(social[-1].end_ms, stale_ms=2 * STALE_MS, clock="market"),),
    )


def _seen(points: Sequence[Point]) -> Line:
    holed = sum(p.state == "holed" or bool(p.missing_sources) for p in points)
    return (Words("at least: data are missing", tone="doubt"),) if holed else ()


def _quality(market: Sequence[Point]) -> Tile:
    title = "Windows seen whole"
    if not market:
        return Tile(title=title, value=(Words("no windows", tone="quiet"),))
    whole = sum(p.state == "complete" and not p.missing_sources for p in market)
    holed = sum(p.state == "holed" for p in market)
    unproven = sum(p.state == "unverifiable" for p in market)
    absent = (market[-1].start_ms - market[0].start_ms) // market[0].step_ms + 1 - len(market)
    counted = ((absent, "not there"), (holed, "holed"), (unproven, "unverifiable"))
    said = [f"{count} {word}" for count, word in counted if count]
    tone: Tone = "doubt" if holed or absent else ""
    note: Line = (Words(", ".join(said), tone=tone),) if said else (Words("nothing is known to be missing", tone="quiet"),)  # fmt: skip
    return Tile(
        title=title, value=(Amount(f"{whole} of {len(market) + absent}", "windows"),), note=note
    )
