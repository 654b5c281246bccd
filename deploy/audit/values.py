"""The values of a window from its events: section 9 of docs/windows.md, and docs/metrics.md."""

import math
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

from .form import Record
from .seen import place_of

GRID = 10**8
HASHES_MAX = 4_096
NO_DEVELOPMENT = ("comment", "fork", "issue", "star")
_SIZE_MIN, _SIZE_MAX = 1e-12, 1e15
_RATIO = 0.02 / 0.99
_PER_OCTAVE = 1 / math.log2(1 + _RATIO)
_TEXT_DIGITS = 4
"""Of a simhash: its first 16 bits."""

Values = dict[str, Any]


class Print(NamedTuple):
    """What is kept of a trade; prints sort by (time, venue, length of id, id), the one applied first last."""

    event_ms: int
    venue: str
    id_length: int
    trade_id: str
    minus_number: int
    price: float
    size: float
    size_grid: int
    quote_grid: int
    bought: bool


class Report(NamedTuple):
    """What is kept of a candle or a turnover."""

    is_flow: bool
    venue: str
    place: str
    event_ms: int
    volume: int


class Posting(NamedTuple):
    """What is kept of a post."""

    bot: bool
    engagement: int
    tone: int
    tone_square: int
    text: str
    author: int


class Act(NamedTuple):
    """What is kept of an act in a repository."""

    act: str
    bot: bool
    author: int


Entry = Print | Report | Posting | Act


def grid(number: float) -> int:
    """Return a number on the grid, rounded half to even."""
    return round(number * 1e8)


def entry_of(event: Record, number: int) -> Entry:
    """Return what is kept of an event; ``number`` counts the events applied."""
    match event["type"]:
        case "trade":
            price, size = float(event["price"]), float(event["size"])
            return Print(
                event["event_ms"],
                event["venue"],
                len(event["trade_id"]),
                event["trade_id"],
                -number,
                price,
                size,
                grid(size),
                grid(price * size),
                event["side"] == "buy",
            )
        case "post":
            tone = float(event["tone"])
            return Posting(
                event["bot"],
                event["engagement"],
                grid(tone),
                grid(tone * tone),
                event["simhash"][:_TEXT_DIGITS],
                _hash_of(event["author"]),
            )
        case "repository.event":
            return Act(event["act"], event["bot"], _hash_of(event["author"]))
        case tag:
            return Report(
                tag == "volume.flow",
                event["venue"],
                place_of(event),
                event["event_ms"],
                grid(float(event["volume"])),
            )


def values_of(kind: str, entries: Sequence[Any], before: Sequence[Any], *, pane_ms: int) -> Values:
    """Return a window's values from its entries, at least one, and those of the span before it."""
    match kind:
        case "market":
            return market(sorted(entries), pane_ms)
        case "volume":
            return volume(entries, before)
        case "social":
            return social(entries)
        case _:
            return development(entries)


def market(prints: Sequence[Print], pane_ms: int) -> Values:
    """Return the values of prints in their order."""
    # Of prints that differ in nothing but their arrival the first one counts, for open as for close.
    *_, opened = takewhile(lambda p: p[:4] == prints[0][:4], prints)
    opening = opened.price
    closing = prints[-1].price
    volume = sum(p.size_grid for p in prints)
    bought = sum(p.size_grid for p in prints if p.bought)
    quote = sum(p.quote_grid for p in prints)
    closes = list({p.event_ms // pane_ms: p.price for p in prints}.values())
    variance = math.fsum(math.log(b / a) ** 2 for a, b in pairwise(closes))
    venues = dict.fromkeys(sorted({p.venue for p in prints}), 0)
    for p in prints:
        venues[p.venue] += p.size_grid
    last = venues | {p.venue: p.price for p in prints}
    high, low = max(last.values()), min(last.values())
    sizes = sorted(p.size for p in prints)
    return {
        "trades": len(prints),
        "open": opening,
        "high": max(p.price for p in prints),
        "low": min(p.price for p in prints),
        "close": closing,
        "vwap": quote / volume if volume else None,
        "volume": volume / GRID,
        "quote_volume": quote / GRID,
        "taker_buy_volume": bought / GRID,
        "taker_buy_ratio": bought / volume if volume else None,
        "signed_volume": (2 * bought - volume) / GRID,
        "log_return": math.log(closing / opening),
        "realised_variance": variance,
        "realised_volatility": math.sqrt(variance),
        "largest_trade": sizes[-1],
        "trade_size_p50": quantile(sizes, 0.5),
        "trade_size_p90": quantile(sizes, 0.9),
        "trade_size_p99": quantile(sizes, 0.99),
        "venue_volume": {name: part / GRID for name, part in venues.items()},
        "venue_close": last,
        "venue_share": {name: part / volume for name, part in venues.items()} if volume else {},
        "venue_spread": (high - low) / ((high + low) / 2) if len(last) > 1 else None,
    }


def volume(reports: Iterable[Report], before: Iterable[Report]) -> Values:
    """Return the values of reports, and how they changed against the span before."""
    flows, levels, samples = _reported(reports)
    flows_then, levels_then, _ = _reported(before)
    flow = sum(flows.values())
    return {
        "flow": flow / GRID,
        "flow_samples": samples,
        "level": sum(r.volume for r in levels.values()) / GRID if levels else None,
        "level_venues": sorted({r.venue for r in levels.values()}),
        "concentration": sum(v * v for v in flows.values()) / (flow * flow) if flow else None,
        "flow_change": _change(flows, flows_then),
        "level_change": _change(
            {place: r.volume for place, r in levels.items()},
            {place: r.volume for place, r in levels_then.items()},
        ),
    }


def _reported(reports: Iterable[Report]) -> tuple[dict[str, int], dict[str, Report], int]:
    """Return the flow by venue, the last level by place, and the number of flows."""
    flows: dict[str, int] = {}
    levels: dict[str, Report] = {}
    samples = 0
    for report in reports:
        if report.is_flow:
            samples += 1
            flows[report.venue] = flows.get(report.venue, 0) + report.volume
        else:
            known = levels.get(report.place, report)
            levels[report.place] = max(known, report, key=lambda r: (r.event_ms, r.volume))
    return flows, levels, samples


def _change(now: dict[str, int], then: dict[str, int]) -> float | None:
    both = now.keys() & then.keys()
    was, is_now = sum(then[name] for name in both), sum(now[name] for name in both)
    return (is_now - was) / was if was else None


def social(posts: Sequence[Posting]) -> Values:
    """Return the values of posts."""
    n = len(posts)
    tone, squares = sum(p.tone for p in posts), sum(p.tone_square for p in posts)
    return {
        "posts": n,
        "bot_posts": sum(p.bot for p in posts),
        "engagement": sum(p.engagement for p in posts),
        "tone_mean": tone / (n * GRID),
        "tone_stdev": math.sqrt(max(0, n * squares * GRID - tone * tone) / (n * n * GRID * GRID)),
        "distinct_posts": len({p.text for p in posts}),
        "unique_authors": unique({p.author for p in posts}),
    }


def development(acts: Sequence[Act]) -> Values:
    """Return the values of acts."""
    people = [act for act in acts if not act.bot]
    counted = [act for act in people if act.act not in NO_DEVELOPMENT]

    def count(name: str) -> int:
        return sum(act.act == name for act in people)

    return {
        "events": len(counted),
        "commits": count("commit"),
        "pull_requests": count("pull_request"),
        "releases": count("release"),
        "issues": count("issue"),
        "bot_events": len(acts) - len(people),
        "unique_authors": unique({act.author for act in counted}),
    }


def quantile(sizes: Sequence[float], q: float) -> float:
    """Return the sketch's value at q of sizes in ascending order."""
    size = min(max(sizes[math.floor(q * (len(sizes) - 1))], _SIZE_MIN), _SIZE_MAX)
    bucket = math.ceil(math.log2(size) * _PER_OCTAVE)
    return float(2 ** (bucket / _PER_OCTAVE) * 2 / (2 + _RATIO))


def unique(hashes: set[int]) -> int:
    """Return the number of authors by their hashes: exact, or by the least of many."""
    if len(hashes) < HASHES_MAX:
        return len(hashes)
    return (HASHES_MAX - 1) * 2**64 // max(1, sorted(hashes)[HASHES_MAX - 1])


def _hash_of(author: str) -> int:
    return int.from_bytes(blake2b(author.encode(), digest_size=8).digest(), "big")
