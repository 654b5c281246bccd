"""A second, slow implementation of docs/windows.md, for the tests: every value is recomputed from all events.

It shares no code with `streams/windows`: json, lists, Python integers.
"""

import json
import math
from hashlib import blake2b
from itertools import pairwise
from typing import Any

MIN = 60_000
TABLE: dict[str, dict[str, Any]] = {
    "market": {
        "pane": 10_000,
        "block": MIN,
        "sizes": [(MIN, MIN), (5 * MIN, MIN), (5 * MIN, 5 * MIN), (60 * MIN, 60 * MIN)],
        "horizon": 10 * MIN,
        "idle": 30_000,
        "dedupe": 2 * MIN,
    },
    "volume": {
        "pane": MIN,
        "block": MIN,
        "sizes": [(5 * MIN, 5 * MIN), (60 * MIN, 60 * MIN)],
        "horizon": 60 * MIN,
        "idle": 10 * MIN,
        "dedupe": 60 * MIN,
    },
    "social": {
        "pane": MIN,
        "block": MIN,
        "sizes": [(5 * MIN, 5 * MIN), (60 * MIN, 60 * MIN)],
        "horizon": 60 * MIN,
        "idle": 10 * MIN,
        "dedupe": 60 * MIN,
    },
    "development": {
        "pane": 5 * MIN,
        "block": 60 * MIN,
        "sizes": [(60 * MIN, 60 * MIN)],
        "horizon": 720 * MIN,
        "idle": 60 * MIN,
        "dedupe": 720 * MIN,
    },
}
TICK = 10_000
SCORED = {
    "market": ["volume", "taker_buy_ratio", "log_return", "realised_volatility"],
    "volume": ["flow", "level"],
    "social": ["posts", "engagement", "tone_mean", "unique_authors"],
    "development": ["events", "commits", "unique_authors"],
}


def grid(x: float) -> int:
    return round(x * 1e8)


class Oracle:
    """Folds decoded records (dicts) of one partition; only well-formed, well-routed ones."""

    def __init__(self, kind: str) -> None:
        self.kind, self.t = kind, TABLE[kind]
        spans = 2 if kind == "volume" else 1
        self.retention = spans * max(size for size, _ in self.t["sizes"]) + self.t["horizon"]
        self.clocks: dict[str, dict[str, Any]] = {}
        self.w: int | None = None
        self.events: list[dict[str, Any]] = []
        self.gaps: dict[tuple[str, str], dict[str, Any]] = {}
        self.sources: dict[tuple[str, str], dict[str, float]] = {}
        self.numbers: dict[tuple[str, str], set[int]] = {}
        self.digests: dict[int, set[bytes]] = {}
        self.floor = 0
        self.published: dict[tuple[int, str, int, int], int] = {}
        self.changed: set[tuple[int, str, int, int]] = set()
        self.history: dict[tuple[str, int, int], list[tuple[int, list[Any]]]] = {}
        self.outputs: list[dict[str, Any]] = []
        self.count = dict.fromkeys(
            ("heartbeats", "marks", "applied", "duplicates", "late", "corrected"), 0
        )

    def feed(self, value: bytes) -> None:
        record = json.loads(value)
        kind = record["type"]
        if kind == "heartbeat":
            self.heartbeat(record)
        elif kind.startswith("gap."):
            self.mark(record)
        else:
            self.event(record)

    def event(self, e: dict[str, Any]) -> None:
        at = e["event_ms"]
        if self.w is not None and at < self.w - self.t["horizon"]:
            self.count["late"] += 1
            self.outputs.append({"late": event_id(e), "lateness_ms": self.w - at})
            return
        unsure = False
        if e.get("sequence") is not None:
            seen = self.numbers.setdefault((e["subject"], e["venue"]), set())
            duplicate = e["sequence"] in seen
            seen.add(e["sequence"])
        else:
            digest = blake2b(event_id(e).encode(), digest_size=8).digest()
            span = self.digests.setdefault(at // TICK, set())
            unsure = at < self.floor
            duplicate = digest in span and not unsure
            if not unsure:
                span.add(digest)
        if duplicate:
            self.count["duplicates"] += 1
            return
        self.count["applied"] += 1
        hit = [w for w in self.holding(e["subject"], at, at + 1) if self.ended(w)]
        self.count["corrected"] += bool(hit)
        for window in hit:
            if not self.inside(window):
                self.published[window] = -1
            self.changed.add(window)
        self.events.append(e | {"unsure": unsure})
        shown = self.sources.setdefault(
            (e["subject"], e["source"]), {"first": at, "unproven": math.inf}
        )
        shown["first"] = min(shown["first"], at)
        if e.get("sequence") is None:
            shown["unproven"] = min(shown["unproven"], at)

    def mark(self, m: dict[str, Any]) -> None:
        self.count["marks"] += 1
        key = (m["subject"], m["gap_id"])
        if m["type"] == "gap.filled":
            self.gaps.pop(key, None)
        else:
            self.gaps[key] = m
        if self.w is not None:
            first = max(m["from_ms"], self.w - self.t["horizon"])
            for window in self.holding(m["subject"], first, min(m["to_ms"] + 1, self.w)):
                if self.ended(window) and self.inside(window):
                    self.changed.add(window)

    def heartbeat(self, h: dict[str, Any]) -> None:
        self.count["heartbeats"] += 1
        known = self.clocks.get(h["source"])
        told = {
            "epoch": h["epoch"],
            "through": h["through_ms"],
            "open": h.get("state", "open") == "open",
        }
        if known is None:
            self.clocks[h["source"]] = told | {"since": h["through_ms"]}
        elif h["epoch"] >= known["epoch"]:
            known.update(told, through=max(known["through"], h["through_ms"]))
        live = [c["through"] for c in self.clocks.values() if c["open"]]
        if not live:
            return
        new = min(t for t in live if t >= max(live) - self.t["idle"])
        old = self.w
        if old is not None and new <= old:
            return
        self.w = new
        every = {
            w
            for e in self.events
            for w in self.holding(e["subject"], e["event_ms"], e["event_ms"] + 1)
        }
        for window in sorted(w for w in every if self.ended(w) and w not in self.published):
            self.publish(window, 0)
        if old is None or new // TICK == old // TICK:
            return
        for window in sorted(self.changed):
            self.publish(window, self.published[window] + 1)
        self.changed.clear()
        self.forget()

    def forget(self) -> None:
        assert self.w is not None
        keep = self.w - self.retention
        block = self.t["block"]
        self.events = [e for e in self.events if e["event_ms"] // block * block + block > keep]
        self.gaps = {k: g for k, g in self.gaps.items() if g["to_ms"] > keep}
        alive = {e["subject"] for e in self.events} | {subject for subject, _ in self.gaps}
        alive |= {
            subject
            for (subject, size, step), told in self.history.items()
            if told and told[-1][0] + size + 288 * step > self.w
        }
        self.history = {k: v for k, v in self.history.items() if k[0] in alive}
        self.numbers = {k: v for k, v in self.numbers.items() if k[0] in alive}
        self.sources = {k: v for k, v in self.sources.items() if k[0] in alive}
        self.floor = max(self.floor, (self.w - self.t["dedupe"]) // TICK * TICK)

    def holding(self, subject: str, first: int, last: int) -> list[tuple[int, str, int, int]]:
        found = []
        for size, step in self.t["sizes"]:
            start = (first - size) // step * step
            while start < last:
                if start + size > first:
                    found.append((start, subject, size, step))
                start += step
        return found

    def ended(self, window: tuple[int, str, int, int]) -> bool:
        return self.w is not None and window[0] + window[2] <= self.w

    def inside(self, window: tuple[int, str, int, int]) -> list[dict[str, Any]]:
        start, subject, size, _ = window
        return [
            e
            for e in self.events
            if e["subject"] == subject and start <= e["event_ms"] < start + size
        ]

    def publish(self, window: tuple[int, str, int, int], revision: int) -> None:
        self.published[window] = revision
        start, subject, size, step = window
        events = self.inside(window)
        assert events
        shown = self.shown(subject, start + size)
        late_starters = [
            s for s in shown if s not in self.clocks or self.clocks[s]["since"] > start
        ]
        partial = len(late_starters) == len(shown)
        before = [
            e
            for e in self.events
            if e["subject"] == subject and start - size <= e["event_ms"] < start
        ]
        values = VALUES[self.kind](events, self.t, before)
        row = [values[name] for name in SCORED[self.kind]]
        told = self.history.setdefault((subject, size, step), [])
        reference = [] if partial else self.reference(told, start, revision)
        scores = score(SCORED[self.kind], row, reference)
        if revision == 0 and not partial:
            told.append((start, row))
        self.outputs.append(
            {
                "id": f"{self.kind}/{subject}/{size}/{step}/{start}/{revision}",
                "reason": "replay_start" if partial else "corrected" if revision else "closed",
                "completeness": self.completeness(window, shown),
                "values": values,
                "scores": scores,
                "history_n": len(reference),
            }
        )

    def reference(
        self, told: list[tuple[int, list[Any]]], start: int, revision: int
    ) -> list[list[Any]]:
        if revision == 0:
            return [row for _, row in told][-288:]
        at = [i for i, (known, _) in enumerate(told) if known == start]
        if not at or (at[-1] >= 288 and len(told) - at[-1] + 288 > 352) or len(told) - at[-1] > 352:
            return []
        return [row for _, row in told[: at[-1]]][-288:]

    def shown(self, subject: str, end: int) -> set[str]:
        return {
            source
            for (s, source), seen in self.sources.items()
            if s == subject and seen["first"] < end
        }

    def completeness(self, window: tuple[int, str, int, int], shown: set[str]) -> dict[str, Any]:
        start, subject, size, _ = window
        end = start + size
        missing = []
        for source in sorted(shown):
            clock = self.clocks.get(source)
            if clock is None or (
                clock["open"] and (clock["since"] > start or clock["through"] < end)
            ):
                missing.append(source)
        holes = [
            g
            for (s, _), g in self.gaps.items()
            if s == subject and g["from_ms"] < end and g["to_ms"] >= start
        ]
        edges = sorted(
            {start, end} | {t for g in holes for t in (g["from_ms"], g["to_ms"]) if start < t < end}
        )
        inside = sum(
            after - before
            for before, after in pairwise(edges)
            if any(g["from_ms"] <= before and after <= g["to_ms"] for g in holes)
        )
        unproven = any(self.sources[subject, source]["unproven"] < end for source in shown)
        return {
            "state": "holed" if holes else "unverifiable" if missing or unproven else "complete",
            "holed_fraction": inside / size,
            "holed_venues": sorted({g["venue"] for g in holes}),
            "missing_sources": missing,
            "unverified_duplicates": any(e["unsure"] for e in self.block_events(window)),
        }

    def block_events(self, window: tuple[int, str, int, int]) -> list[dict[str, Any]]:
        return self.inside(window)  # windows are unions of blocks


def event_id(e: dict[str, Any]) -> str:
    match e["type"]:
        case "trade":
            return f"{e['venue']}/{e['subject']}/{e['trade_id']}"
        case "volume.flow" | "volume.level":
            return f"{e['venue']}/{e['instrument']}/{e['span_ms']}/{e['event_ms']}"
        case "post":
            return f"{e['platform']}/{e['post_id']}/{e['subject']}"
        case _:
            return f"{e['source']}/{e['event_id']}"


def score(names: list[str], row: list[Any], reference: list[list[Any]]) -> dict[str, Any]:
    found = {}
    for at, name in enumerate(names):
        column = [r[at] for r in reference if r[at] is not None]
        if row[at] is None or len(column) < 30:
            continue
        middle = median(column)
        spread = median([abs(x - middle) for x in column])
        if spread != 0:
            found[name] = {"z": (row[at] - middle) / (1.4826 * spread), "median": middle}
    return found


def median(numbers: list[Any]) -> Any:
    line = sorted(numbers)
    n = len(line)
    return line[n // 2] if n % 2 else (line[n // 2 - 1] + line[n // 2]) / 2


def sketch(sizes: list[float], q: float) -> float:
    """DDSketch with accuracy 0.01: the middle of the bucket that holds rank q x (n - 1)."""
    ratio = 2 * 0.01 / (1 - 0.01)
    per_octave = 1 / math.log2(1 + ratio)
    keys = sorted(math.ceil(math.log2(min(max(s, 1e-12), 1e15)) * per_octave) for s in sizes)
    key = keys[math.floor(q * (len(keys) - 1))]
    return 2 ** (key / per_octave) * 2 / (2 + ratio)


def unique(authors: list[str]) -> int:
    hashes = sorted(
        {int.from_bytes(blake2b(a.encode(), digest_size=8).digest(), "big") for a in authors}
    )
    if len(hashes) < 4096:
        return len(hashes)
    return 4095 * 2**64 // hashes[4095]


def market(
    events: list[dict[str, Any]], table: dict[str, Any], _: list[dict[str, Any]]
) -> dict[str, Any]:
    order = sorted(
        events, key=lambda e: (e["event_ms"], e["venue"], len(e["trade_id"]), e["trade_id"])
    )
    volume = sum(grid(float(e["size"])) for e in events)
    quote = sum(grid(float(e["price"]) * float(e["size"])) for e in events)
    buys = sum(grid(float(e["size"])) for e in events if e["side"] == "buy")
    closes = {e["event_ms"] // table["pane"]: float(e["price"]) for e in order}
    line = [closes[pane] for pane in sorted(closes)]
    steps = [math.log(b / a) for a, b in pairwise(line)]
    by_venue = {
        v: [e for e in events if e["venue"] == v] for v in sorted({e["venue"] for e in events})
    }
    last = {
        v: float(max(es, key=lambda e: (e["event_ms"], len(e["trade_id"]), e["trade_id"]))["price"])
        for v, es in by_venue.items()
    }
    high, low = max(last.values()), min(last.values())
    sizes = [float(e["size"]) for e in events]
    variance = math.fsum(r * r for r in steps)
    return {
        "trades": len(events),
        "open": float(order[0]["price"]),
        "high": max(float(e["price"]) for e in events),
        "low": min(float(e["price"]) for e in events),
        "close": float(order[-1]["price"]),
        "vwap": quote / volume if volume else None,
        "volume": volume / 10**8,
        "quote_volume": quote / 10**8,
        "taker_buy_volume": buys / 10**8,
        "taker_buy_ratio": buys / volume if volume else None,
        "signed_volume": (2 * buys - volume) / 10**8,
        "log_return": math.log(float(order[-1]["price"]) / float(order[0]["price"])),
        "realised_variance": variance,
        "realised_volatility": math.sqrt(variance),
        "largest_trade": max(sizes),
        "trade_size_p50": sketch(sizes, 0.5),
        "trade_size_p90": sketch(sizes, 0.9),
        "trade_size_p99": sketch(sizes, 0.99),
        "venue_volume": {
            v: sum(grid(float(e["size"])) for e in es) / 10**8 for v, es in by_venue.items()
        },
        "venue_close": last,
        "venue_share": {
            v: sum(grid(float(e["size"])) for e in es) / volume for v, es in by_venue.items()
        }
        if volume
        else {},
        "venue_spread": None if len(last) == 1 else (high - low) / ((high + low) / 2),
    }


def volume(
    events: list[dict[str, Any]], _: dict[str, Any], before: list[dict[str, Any]]
) -> dict[str, Any]:
    venues, last = reported(events)
    venues_then, last_then = reported(before)
    flow = sum(venues.values())
    return {
        "flow": flow / 10**8,
        "flow_samples": sum(e["type"] == "volume.flow" for e in events),
        "level": sum(v for _, v in last.values()) / 10**8 if last else None,
        "level_venues": sorted({venue for venue, _ in last}),
        "concentration": sum(v * v for v in venues.values()) / (flow * flow) if flow else None,
        "flow_change": change(venues, venues_then),
        "level_change": change(
            {place: v for place, (_, v) in last.items()},
            {place: v for place, (_, v) in last_then.items()},
        ),
    }


def reported(
    events: list[dict[str, Any]],
) -> tuple[dict[str, int], dict[tuple[str, str], tuple[int, int]]]:
    flows = [e for e in events if e["type"] == "volume.flow"]
    venues = {
        v: sum(grid(float(e["volume"])) for e in flows if e["venue"] == v)
        for v in {e["venue"] for e in flows}
    }
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for e in events:
        if e["type"] == "volume.level":
            place, new = (e["venue"], e["instrument"]), (e["event_ms"], grid(float(e["volume"])))
            last[place] = max(new, last.get(place, new))
    return venues, last


def change(now: dict[Any, int], then: dict[Any, int]) -> float | None:
    both = set(now) & set(then)
    was = sum(then[place] for place in both)
    return (sum(now[place] for place in both) - was) / was if was else None


def social(
    events: list[dict[str, Any]], _: dict[str, Any], __: list[dict[str, Any]]
) -> dict[str, Any]:
    n = len(events)
    s1 = sum(grid(float(e["tone"])) for e in events)
    s2 = sum(grid(float(e["tone"]) * float(e["tone"])) for e in events)
    return {
        "posts": n,
        "bot_posts": sum(e.get("bot", False) for e in events),
        "engagement": sum(e["engagement"] for e in events),
        "tone_mean": s1 / (n * 10**8),
        "tone_stdev": math.sqrt(max(0, n * s2 * 10**8 - s1 * s1) / (n * n * 10**16)),
        "distinct_posts": len({e["simhash"][:4] for e in events}),
        "unique_authors": unique([e["author"] for e in events]),
    }


def development(
    events: list[dict[str, Any]], _: dict[str, Any], __: list[dict[str, Any]]
) -> dict[str, Any]:
    acts = [e["act"] for e in events if not e.get("bot", False)]
    return {
        "events": sum(act not in ("fork", "star", "comment") for act in acts),
        "commits": acts.count("commit"),
        "pull_requests": acts.count("pull_request"),
        "releases": acts.count("release"),
        "issues": acts.count("issue"),
        "bot_events": sum(e.get("bot", False) for e in events),
        "unique_authors": unique(
            [
                e["author"]
                for e in events
                if not e.get("bot", False) and e["act"] not in ("fork", "star", "comment")
            ]
        ),
    }


VALUES = {"market": market, "volume": volume, "social": social, "development": development}
