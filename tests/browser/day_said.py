"""What was said of the day and what fired in it: words of every origin, and alerts in every state."""

from typing import Any

from msgspec.structs import replace

from topics import (
    Analysis,
    Decision,
    Feedback,
)
from topics.aggregate import aggregate_id
from topics.analysis import DataQuality, Fact, Outlook, Trigger, analysis_id

from .log import Log
from .scene import FIVE_MS, HOUR_MS, MINUTE_MS, alert, analysis

ASSET, SUBJECT = "SOL", "SOL/USDT"
DAY_MINUTES = 1_440
FALL, SPIKE, HOLE, NOTHING = 1_405, 1_290, range(1_371, 1_377), range(1_352, 1_357)
"""Minutes of the day: the price falls, the volume jumps, data are missing, no window came."""


def fall_ms(now_ms: int) -> int:
    """Return when the minute of the fall ended."""
    return now_ms // MINUTE_MS * MINUTE_MS - (DAY_MINUTES - FALL - 1) * MINUTE_MS


def _window_id(at_ms: int, kind: Any = "market", subject: str = SUBJECT, size_ms: int = MINUTE_MS) -> str:  # fmt: skip
    return aggregate_id(kind, subject, window_ms=size_ms, step_ms=size_ms, start_ms=at_ms - size_ms, revision=0)  # fmt: skip


def alerts(kept: Log, start_ms: int, end_ms: int) -> None:
    at_ms = start_ms + (FALL + 1) * MINUTE_MS
    common: dict[str, Any] = {"asset": ASSET, "subject": SUBJECT, "aggregate_ids": [_window_id(at_ms)]}  # fmt: skip
    fired = alert(at_ms, **common, headline="SOL/USDT fell 2.5 % within a minute, on 7 times its usual volume", values={"market.log_return.1m": -0.0253, "market.log_return.1m.z": -42.2, "market.volume.1m": 2_940.0})  # fmt: skip
    kept.put("alerts", fired, at_ms + 2_500)
    spike_ms = start_ms + (SPIKE + 1) * MINUTE_MS
    spiked = alert(spike_ms, **common, alert_id=f"volume.spike/{SUBJECT}/{spike_ms}", rule="volume.spike", severity="warning", headline="SOL/USDT traded 9 times its usual volume")  # fmt: skip
    kept.put("alerts", spiked, spike_ms + 2_500)
    kept.put("alerts", replace(spiked, state="cleared", transition=2, as_of_ms=spike_ms + 22 * MINUTE_MS), spike_ms + 22 * MINUTE_MS)  # fmt: skip
    hole_ms = start_ms + (HOLE.start + 3) * MINUTE_MS
    blind = alert(hole_ms, **common, alert_id=f"volume.fall/{SUBJECT}/{hole_ms}/data_gap", rule="volume.fall", severity="notice", kind="data_gap", headline="The rule volume.fall cannot be judged: SOL/USDT has been holed for 3 minutes", degraded=True)  # fmt: skip
    kept.put("alerts", blind, hole_ms)
    kept.put("alerts", replace(blind, state="retracted", transition=2, as_of_ms=hole_ms + 6 * MINUTE_MS), hole_ms + 6 * MINUTE_MS)  # fmt: skip
    del end_ms


def _facts(at_ms: int) -> list[Fact]:
    def fact(metric: str, value: float, unit: str, size_ms: int = MINUTE_MS, kind: str = "market", **more: Any) -> Fact:  # fmt: skip
        subject = SUBJECT if kind == "market" else ASSET
        return Fact(metric=metric, value=value, unit=unit, quote="USDT" if kind == "market" else None, window_ms=size_ms, subject=subject, aggregate_id=_window_id(at_ms, kind, subject, size_ms), revision=0, **more)  # fmt: skip

    return [
        fact("return", -2.53, "%", baseline=0.01, z=-42.2, sample_size=288),
        fact("close", 141.872, "USDT"),
        fact("volume", 2_940.0, "SOL", baseline=420.0, z=12.0, sample_size=288),
        fact("volume_ratio", 7.0, "x"),
        fact("taker_buy_ratio", 38.2, "%", baseline=50.0, z=-1.5, sample_size=288),
        fact("volatility", 1.61, "%", baseline=0.07, z=31.6, sample_size=288),
        fact("venue_spread", 4.0, "bps"),
        fact("posts", 197.0, "count", FIVE_MS, "social", baseline=38.0, z=19.9, sample_size=288),
        fact("tone", -0.5, "tone", FIVE_MS, "social", baseline=0.12, z=-5.2, sample_size=288),
        fact("events", 9.0, "count", HOUR_MS, "development", baseline=8.0, z=0.4, sample_size=22),
    ]


def analyses(kept: Log, start_ms: int, end_ms: int) -> None:
    at_ms = start_ms + (FALL + 1) * MINUTE_MS
    dive = analysis(
        at_ms,
        analysis_id=analysis_id("deep_dive", ASSET, at_ms),
        asset=ASSET,
        headline="SOL fell 2.53 % in a minute while sellers took 61.8 % of seven times the usual volume",
        text="SOL/USDT lost 2.53 % within one minute, far outside what is usual, and traded 2,940 SOL against a usual 420 SOL. Takers bought 38.2 % of that, so most of the volume was sold into the book.\n\nPosts rose to 197 in five minutes and their tone fell to -0.50. Venues stayed within 4.0 bps of each other: the fall was seen everywhere at once.\n\nNothing in the development of its repositories is unusual.",
        confidence="high",
        confidence_basis="all windows complete; what is usual rests on 288 windows; two venues agree",
        changed=["price change over 1 min: 0.02 % before, -2.53 % now", "volume: usual before, 7.0 times usual now", "tone of posts: 0.12 before, -0.50 now"],
        facts=_facts(at_ms),
        data_quality=DataQuality(completeness="complete", words="complete in all windows read"),
        outlook=Outlook(direction="unclear", horizon_ms=HOUR_MS, probability=0.5),
        trigger=Trigger(reasons=["price_drop", "volume_spike"], alert_id=f"price.drop/{SUBJECT}/{at_ms}"),
        simulated=False,
        valid_until_ms=end_ms + 3 * MINUTE_MS,
        origin_reason="answered",
    )  # fmt: skip
    kept.put("analyses", dive, at_ms + 4_900)
    kept.put("decisions", _decision(dive, "called", "answered"), at_ms + 4_950)
    taken_id = analysis_id("deep_dive", ASSET, at_ms - MINUTE_MS)
    kept.put("decisions", replace(_decision(dive, "coalesced", "newer"), decision_id=taken_id, as_of_ms=at_ms - MINUTE_MS, survivor_id=dive.analysis_id, analysis_id=None, attempt_ids=[], item_key=None), at_ms + 4_960)  # fmt: skip
    kept.put("control", Feedback(feedback_id="f1", subject="analysis/x", analysis_id=dive.analysis_id, verdict="unhelpful", actor="mira", reason="says what the chart says", at_ms=end_ms - 5 * MINUTE_MS), end_ms - 5 * MINUTE_MS)  # fmt: skip
    for i, (minute, product, origin, reason, simulated) in enumerate(
        (
            (700, "state", "model", "answered", False),
            (900, "state", "cache", "redis", False),
            (1_100, "state", "cache_stale", "budget_spent", False),
            (SPIKE + 1, "deep_dive", "rules", "ungrounded_number", False),
            (1_340, "state", "model_other_provider", "answered", False),
            (1_372, "state", "rules", "breaker_open", False),
            (1_400, "state", "model_cheaper", "answered", True),
        )
    ):
        when_ms = start_ms + minute * MINUTE_MS
        said = analysis(
            when_ms,
            analysis_id=analysis_id(product, ASSET, when_ms),  # type: ignore[arg-type]
            asset=ASSET,
            product=product,
            severity=("info", "info", "notice", "warning", "info", "notice", "info")[i],
            headline=("SOL trades as usual", "SOL is calm, with as many posts as ever", "SOL is a little busier than usual", "SOL/USDT traded 9.0 times its usual volume in 1 min", "SOL is calm", "SOL: data are missing, so volume and counts are too low", "SOL trades as usual")[i],
            facts=_facts(when_ms)[:4],
            origin=origin,
            origin_reason=reason,
            model=None if origin == "rules" else "claude-haiku-5-5",
            narrative_age_ms=9 * MINUTE_MS if origin.startswith("cache") else None,
            trigger=Trigger(reasons=["state"] if product == "state" else ["volume_spike"]),
            simulated=simulated,
            changed=[],
        )  # fmt: skip
        kept.put("analyses", said, when_ms + 3_000)
        outcome = {"rules": "rules", "cache": "cached", "cache_stale": "cached"}.get(origin, "called")  # fmt: skip
        kept.put("decisions", _decision(said, outcome, reason), when_ms + 3_100)
    spiked_ms = start_ms + (SPIKE + 1) * MINUTE_MS
    old = analysis_id("deep_dive", ASSET, spiked_ms)
    mended = analysis(spiked_ms, analysis_id=analysis_id("deep_dive", ASSET, spiked_ms, 1), asset=ASSET, severity="warning", supersedes=old, revised_by=_window_id(spiked_ms), origin="rules", origin_reason="revised", headline="SOL/USDT traded 9.4 times its usual volume in 1 min", facts=_facts(spiked_ms)[:4], simulated=False, model=None, text="SOL/USDT traded 9.4 times its usual volume in 1 min. The price change was 0.04 %.")  # fmt: skip
    kept.put("analyses", mended, spiked_ms + 30_000)


def _decision(said: Analysis, outcome: Any, reason: str) -> Decision:
    return Decision(
        decision_id=said.analysis_id,
        asset=said.asset,
        product=said.product,
        as_of_ms=said.as_of_ms,
        outcome=outcome,
        reason=reason,
        analysis_id=said.analysis_id,
        item_key="3fa94c1be2d07756" * 4 if said.origin != "rules" else None,
        severity=said.severity,
        reasons=list(said.trigger.reasons),
        aggregate_ids=list(dict.fromkeys(fact.aggregate_id for fact in said.facts)),
        aggregates_partition=0,
        first_offset=3_310,
        last_offset=3_322,
        decided_ms=said.as_of_ms + 4_850,
        alert_id=said.trigger.alert_id,
        attempt_ids=["3fa94c1be2d077563fa94c1be2d07756/1764192361123-1/agent-7"] if said.origin != "rules" else [],
    )  # fmt: skip
