"""Invented views to look at pages with: the scene, a crowd of everything, nothing at all, and much that is wrong."""

from typing import Literal

from msgspec.structs import replace

from streams.serving.view import View
from topics import FeedStatus, GapDetected, GapFilled, GapPermanent, Notification

from .scene import HOUR_MS, MINUTE_MS, alert, analysis, posted, scene, status, traded, window

State = Literal["connecting", "connected", "stale", "disconnected", "closed"]
Outcome = Literal["sent", "gathered", "digest", "muted", "undeliverable"]
Which = Literal["scene", "crowd", "empty", "broken", "day"]
ASSETS = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "AVAX", "LINK", "DOT", "LTC", "UNI", "ATOM")
LEVELS = ("critical", "warning", "notice", "info")
LONG = "Trading in AVAX rose to eleven times its usual hour while the price hardly moved and buyers and sellers"


def invented(which: Which, now_ms: int) -> View:
    """Return a view of that kind as of now."""
    view = View()
    if which in {"empty", "day"}:  # a day of one asset is written by `day`, which has a log too
        return view
    for event in scene(now_ms):
        view.take(event, at_ms=now_ms - 2_000)
    if which in {"crowd", "broken"}:
        _crowd(view, now_ms)
    if which == "broken":
        _broken(view, now_ms)
    return view


def _crowd(view: View, now_ms: int) -> None:
    end_ms = now_ms // MINUTE_MS * MINUTE_MS
    for i, asset in enumerate(ASSETS):
        at_ms = end_ms - (i + 1) * MINUTE_MS
        subject = f"{asset}/USDT"
        view.take(window(traded(100.0 + i, 101.0 + i), subject, "market", at_ms, log_return=1.0))
        view.take(window(posted(), asset, "social", at_ms - 5 * MINUTE_MS, 5 * MINUTE_MS))
        level = LEVELS[i % 4]
        view.take(
            analysis(
                at_ms,
                asset,
                severity=level,
                headline=LONG
                if asset == "AVAX"
                else f"{asset} moves more than is usual for the hour",
                origin=("model", "rules", "cache")[i % 3],
                model=None if i % 3 == 1 else ("claude-haiku-5-5", "claude-sonnet-5-5")[i % 2],
                simulated=i % 5 == 0,
                cost_nano_usd=0 if i % 3 else 4_000_000 * (i + 1),
                product=("deep_dive", "state")[i % 2],
            )
        )
        for j in range(1 + (i % 3 == 0)):
            since_ms = at_ms - j * HOUR_MS
            fired = alert(
                since_ms,
                alert_id=f"rule.{j}/{subject}/{since_ms}",
                rule=f"rule.{j}",
                asset=asset,
                subject=subject,
                severity=LEVELS[(i + j) % 3],
                state=("firing", "cleared", "firing", "retracted")[(i + j) % 4],
                headline=f"{asset} traded {3 + i} times its usual volume for 5 minutes",
                degraded=i % 4 == 2,
                missing=["simex"] if i % 4 == 2 else [],
                values={
                    "market.log_return.5m": 0.0312,
                    "market.volume.5m": 1250.5,
                    "market.volume.5m.z": 6.2,
                },
            )
            view.take(fired, at_ms=since_ms + 300)
        _gap(view, asset, i, now_ms)
    for told in feeds(now_ms):
        view.take(told)
    _told(view, now_ms, end_ms)
    view.take(
        status(
            now_ms,
            "agent",
            "budget/deep",
            "open",
            settled_nano_usd=870_000_000.0,
            reserved_nano_usd=12_000_000.0,
            cap_nano_usd=1_000_000_000.0,
        )
    )
    view.take(
        status(
            now_ms,
            "agent",
            "budget/default",
            "open",
            settled_nano_usd=366_000_000.0,
            reserved_nano_usd=0.0,
            cap_nano_usd=5_000_000_000.0,
        )
    )


def feeds(now_ms: int) -> list[FeedStatus]:
    """Return what collectors tell of their feeds, some of which are in trouble."""
    states: tuple[State, ...] = (
        "connected", "connected", "stale", "connected", "disconnected", "connecting",
    )  # fmt: skip
    told = []
    for i, asset in enumerate(ASSETS):
        for venue in ("simex", "simtrade"):
            state = states[(i + len(venue)) % 6]
            told.append(
                FeedStatus(
                    source="simulated",
                    venue=venue,
                    subject=f"{asset}/USDT",
                    state=state,
                    reason="closed by the venue: 1006" if state == "disconnected" else "",
                    since_ms=now_ms - HOUR_MS,
                    at_ms=now_ms,
                    last_event_ms=now_ms - 700,
                    last_received_ms=now_ms - 400 - 200_000 * (state == "stale"),
                    events=12_345 * (i + 1),
                    refused=i % 3,
                    gaps_open=i % 2,
                    gaps_permanent=int(i == 7),
                )
            )
    return told


def _gap(view: View, asset: str, i: int, now_ms: int) -> None:
    from_ms = now_ms - (i + 2) * MINUTE_MS
    found = GapDetected(
        gap_id=f"simex/{asset}/USDT/{i}",
        subject=f"{asset}/USDT",
        source="simulated",
        venue="simex",
        from_ms=from_ms,
        to_ms=from_ms + 12_000,
        ids_missing=7 * i or None,
    )
    place = {
        name: getattr(found, name)
        for name in ("gap_id", "subject", "source", "venue", "from_ms", "to_ms")
    }
    view.take(found, at_ms=from_ms + 13_000)
    if i % 3 == 1:
        view.take(GapFilled(**place), at_ms=from_ms + 20_000)
    if i % 3 == 2:
        lost = GapPermanent(**place, reason="the venue keeps no more than 1,000 trades")
        view.take(lost, at_ms=from_ms + 30_000)


def _told(view: View, now_ms: int, end_ms: int) -> None:
    said = alert(end_ms)
    receivers: tuple[tuple[str, Outcome], ...] = (
        ("operators", "sent"), ("night", "muted"), ("chat", "undeliverable"),
    )  # fmt: skip
    for i, (receiver, outcome) in enumerate(receivers):
        lost = outcome == "undeliverable"
        view.take(
            Notification(
                notification_id=f"n{i}",
                alert_id=said.alert_id,
                asset=said.asset,
                receiver=receiver,
                step="firing",
                outcome=outcome,
                at_ms=now_ms - 3_000 + i,
                logged_ms=now_ms - 3_180,
                attempts=1 + 4 * lost,
                words="refused the connection" if lost else "",
            )
        )
    again = replace(
        said, transition=2, degraded=True, missing=["simtrade"], as_of_ms=end_ms + MINUTE_MS
    )
    view.take(again, at_ms=now_ms)


def _broken(view: View, now_ms: int) -> None:
    past_ms = now_ms - 20 * MINUTE_MS
    for role in ("streams", "agent"):
        told = status(past_ms, role, "role", "running")
        view.take(replace(told, at_ms=past_ms, expires_ms=past_ms + 30_000))
