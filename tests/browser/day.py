"""A day of one asset to look at its pages with: holes, revisions, alerts, words of every origin, dead letters, and the log behind them."""

import json
from math import log, sin
from random import Random
from typing import Any

import msgspec
from msgspec.structs import replace

from streams.serving.view import View
from topics import (
    Aggregate,
    Completeness,
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Trade,
)
from topics.aggregate import DevelopmentValues, MarketValues, Score, VolumeValues, aggregate_id
from topics.deadletter import DeadLetter

from .day_said import (
    ASSET,
    DAY_MINUTES,
    FALL,
    HOLE,
    NOTHING,
    SPIKE,
    SUBJECT,
    alerts,
    analyses,
)
from .log import Log
from .scene import FIVE_MS, HOUR_MS, MINUTE_MS, posted, traded, window

LOST = range(1_424, 1_429)
"""Minutes that stay holed."""


def day(view: View, now_ms: int) -> Log:
    """Write a day that ends now."""
    kept, random = Log(view), Random(7)
    end_ms = now_ms // MINUTE_MS * MINUTE_MS
    start_ms = end_ms - DAY_MINUTES * MINUTE_MS
    for subject, usual in ((SUBJECT, 420.0), ("SOL/USDC", 60.0)):
        _market(kept, random, subject, start_ms, usual)
    _others(kept, random, start_ms)
    _raw(kept, random, start_ms, end_ms)
    alerts(kept, start_ms, end_ms)
    analyses(kept, start_ms, end_ms)
    _letters(kept, now_ms)
    return kept


def _market(kept: Log, random: Random, subject: str, start_ms: int, usual: float) -> None:
    close = 148.5
    for minute in range(DAY_MINUTES):
        if minute in NOTHING:
            continue
        at_ms, opened = start_ms + minute * MINUTE_MS, close
        close = opened * (1 + random.gauss(0, 0.0006) + 0.0002 * sin(minute / 90))
        volume = usual * random.lognormvariate(0, 0.45) * (9 if minute == SPIKE else 1)
        if FALL <= minute < FALL + 3:
            close, volume = opened * 0.975, usual * 7
        made = window(_traded(random, opened, close, volume), subject, "market", at_ms)
        move = log(close / opened)
        z = {"log_return": move / 0.0006, "volume": (volume - usual) / usual * 2, "realised_volatility": abs(move) / 0.0008, "taker_buy_ratio": random.gauss(0, 1)}  # fmt: skip
        made = replace(made, scores={n: Score(z=v, median=_median(n, usual)) for n, v in z.items()}, completeness=_seen(minute))  # fmt: skip
        kept.put("aggregates", made, at_ms + MINUTE_MS + 2_300)
        if minute in HOLE or minute in {1_420, 1_404}:
            _revise(kept, made, at_ms)
        if minute % 5 == 4:
            wide = _traded(random, opened, close, volume * 5)
            kept.put("aggregates", window(wide, subject, "market", at_ms - 4 * MINUTE_MS, FIVE_MS), at_ms + MINUTE_MS)  # fmt: skip
        if minute % 60 == 59:
            wide = _traded(random, opened, close, volume * 60)
            kept.put("aggregates", window(wide, subject, "market", at_ms - 59 * MINUTE_MS, HOUR_MS), at_ms + MINUTE_MS)  # fmt: skip


def _median(name: str, usual: float) -> float:
    return {"volume": usual, "taker_buy_ratio": 0.5, "realised_volatility": 0.0007}.get(name, 0.0)


def _traded(random: Random, opened: float, close: float, volume: float) -> MarketValues:
    values = traded(opened, close, volume)
    share = min(0.95, max(0.05, random.gauss(0.5 if close > opened else 0.42, 0.08)))
    return replace(
        values,
        trades=int(volume * 2),
        high=max(opened, close) * (1 + abs(random.gauss(0, 0.0003))),
        low=min(opened, close) * (1 - abs(random.gauss(0, 0.0003))),
        taker_buy_ratio=share,
        taker_buy_volume=volume * share,
        signed_volume=volume * (2 * share - 1),
        trade_size_p50=1.2,
        trade_size_p90=9.5,
        trade_size_p99=61.0,
        venue_share={"simex": 0.7, "simtrade": 0.3},
        venue_spread=0.0004,
    )


def _seen(minute: int) -> Completeness:
    if minute in HOLE or minute in LOST:
        return Completeness(state="holed", holed_fraction=0.62, holed_venues=["simex"])
    if minute in range(1_330, 1_333):
        return Completeness(state="complete", missing_sources=["simulated/simtrade"])
    return Completeness(state="unverifiable" if minute % 97 == 0 else "complete")


def _revise(kept: Log, first: Aggregate, at_ms: int) -> None:
    values = first.values
    assert isinstance(values, MarketValues)
    for revision in range(1, 3 if first.completeness.state == "holed" else 2):
        holed = first.completeness.state == "holed" and revision == 1
        share = 0.11 if holed else 0.0
        more = values.volume * (1 + 0.4 * revision)
        made = replace(
            first,
            aggregate_id=aggregate_id("market", first.subject, window_ms=MINUTE_MS, step_ms=MINUTE_MS, start_ms=at_ms, revision=revision),
            revision=revision,
            reason="corrected",
            values=replace(values, volume=more, trades=int(more * 2), quote_volume=more * values.close, low=values.low * (1 - 0.001 * revision)),
            completeness=Completeness(state="holed" if holed else "complete", holed_fraction=share, holed_venues=["simex"] if holed else []),
        )  # fmt: skip
        kept.put("aggregates", made, at_ms + MINUTE_MS + 10_000 * revision)


def _others(kept: Log, random: Random, start_ms: int) -> None:
    for step in range(DAY_MINUTES // 5):
        at_ms = start_ms + step * FIVE_MS
        posts = int(random.gauss(38, 7)) + (160 if step == FALL // 5 + 1 else 0)
        said = replace(posted(posts), tone_mean=-0.5 if posts > 100 else random.gauss(0.12, 0.12))
        z = (posts - 38) / 8
        kept.put("aggregates", window(said, ASSET, "social", at_ms, FIVE_MS, posts=z), at_ms + FIVE_MS)  # fmt: skip
        flow = VolumeValues(flow=random.gauss(2_400, 260), flow_samples=10, level=9.2e6, level_venues=["simex", "simtrade"], concentration=0.55, flow_change=0.1)  # fmt: skip
        kept.put("aggregates", window(flow, ASSET, "volume", at_ms, FIVE_MS, flow=0.2), at_ms + FIVE_MS)  # fmt: skip
    for hour in range(24):
        acts = DevelopmentValues(events=random.randrange(2, 14), commits=random.randrange(1, 8), pull_requests=3, releases=hour % 9 == 0, issues=1, bot_events=2, unique_authors=6)  # fmt: skip
        at_ms = start_ms + hour * HOUR_MS
        kept.put("aggregates", window(acts, ASSET, "development", at_ms, HOUR_MS, events=0.5), at_ms + HOUR_MS)  # fmt: skip


def _raw(kept: Log, random: Random, start_ms: int, end_ms: int) -> None:
    del end_ms
    hole_ms = start_ms + HOLE.start * MINUTE_MS
    gap: dict[str, Any] = {"gap_id": f"simex/{SUBJECT}/771", "subject": SUBJECT, "source": "simulated", "venue": "simex", "from_ms": hole_ms + 9_000, "to_ms": hole_ms + 46_000}  # fmt: skip
    price, sequence = 146.0, 700
    for step in range(90):
        at_ms = hole_ms - 20_000 + step * 900
        price *= 1 + random.gauss(0, 0.0002)
        sequence += 1
        if not gap["from_ms"] < at_ms < gap["to_ms"]:
            trade = Trade(subject=SUBJECT, source="simulated", venue="simex", trade_id=f"t{sequence}", event_ms=at_ms, received_ms=at_ms + 60, price=msgspec.json.decode(f'"{price:.3f}"', type=_DECIMAL), size=msgspec.json.decode(f'"{random.lognormvariate(0, 1):.3f}"', type=_DECIMAL), side="buy" if step % 3 else "sell", sequence=sequence)  # fmt: skip
            kept.put("raw.market", trade, at_ms + 80)
        if step % 6 == 5:
            kept.put("raw.market", Heartbeat(source="simulated", epoch=3, through_ms=at_ms - 2_000), at_ms + 90)  # fmt: skip
        if step == 75:
            kept.put("raw.market", GapDetected(**gap, ids_missing=41, first_missing=711), at_ms + 95)  # fmt: skip
        if step == 86:
            kept.put("raw.market", GapFilled(**gap), at_ms + 95)
    lost = {**gap, "gap_id": f"simtrade/{SUBJECT}/5", "venue": "simtrade", "from_ms": hole_ms + 70_000, "to_ms": hole_ms + 95_000}  # fmt: skip
    kept.put("raw.market", GapDetected(**lost), hole_ms + 96_000)
    kept.put("raw.market", GapPermanent(**lost, reason="the venue keeps no more than 1,000 trades"), hole_ms + 98_000)  # fmt: skip
    late = {**gap, "gap_id": f"simex/{SUBJECT}/1200", "from_ms": start_ms + 1_433 * MINUTE_MS, "to_ms": start_ms + 1_433 * MINUTE_MS + 8_000}  # fmt: skip
    kept.put("raw.market", GapDetected(**late, ids_missing=6), late["to_ms"])


_DECIMAL = Trade.__annotations__["price"]


def _fine(now_ms: int) -> bytes:
    """Return a trade that nothing is wrong with: there was no room for its subject."""
    told = {"type": "trade", "subject": SUBJECT, "source": "simulated", "venue": "simex", "trade_id": "t10", "event_ms": now_ms - 90_000, "received_ms": now_ms - 89_000, "price": "141.5", "size": "1", "side": "buy"}  # fmt: skip
    return json.dumps(told).encode()


def _letters(kept: Log, now_ms: int) -> None:
    bad = [
        ("malformed", "not JSON at byte 17", "fold", b'{"type": "trade", \xff\xfe<script>alert(1)</script>\x1b[31m'),
        ("invalid", "price: expected a decimal above 0, not -1", "fold", json.dumps({"type": "trade", "subject": SUBJECT, "source": "simulated", "venue": "simex", "trade_id": "t9", "event_ms": now_ms - 90_000, "received_ms": now_ms - 89_000, "price": "-1", "size": "1", "side": "buy"}).encode()),
        ("misrouted", "of SOL, found in partition 3 (its own is 0)", "fold", b'{"type":"heartbeat","source":"simulated","epoch":1,"through_ms":1}'),
        ("venue_error", "the venue said: <b>rate limit</b> {{7*7}} exceeded", "collect", b'{"error":"too many requests","code":-1003}'),
        ("subjects_max", "a new subject beyond 20,000", "fold", _fine(now_ms)),
        ("unknown_type", "trade.v9", "fold", b'{"type":"trade.v9"}'),
    ]  # fmt: skip
    for i, (reason, message, stage, value) in enumerate(bad * 3):
        collected = stage == "collect"
        letter = DeadLetter(reason=reason, message=message, stage=stage, role="collect" if collected else "streams", key=b"SOL", value=value, time_ms=now_ms - i * 421_000, topic=None if collected else "raw.market", partition=None if collected else 0, offset=None if collected else 90_000 + i, origin=f"binance/conn-2/frame-{i}" if collected else None, attempt=1 + i // 9)  # type: ignore[arg-type]  # fmt: skip
        kept.put_letter(letter, now_ms - i * 420_000)
