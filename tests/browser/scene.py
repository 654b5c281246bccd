"""An hour of a market as the topics tell it: enough of everything that each page has something to show. PURE."""

from decimal import Decimal
from math import log, sin

from msgspec import Struct
from msgspec.structs import replace

from topics import (
    Aggregate,
    Alert,
    Analysis,
    Completeness,
    Decision,
    FeedStatus,
    GapDetected,
    Heartbeat,
    MarketValues,
    Post,
    SocialValues,
    Status,
    Tally,
    Trade,
)
from topics.aggregate import DevelopmentValues, Score, Values, VolumeValues, aggregate_id
from topics.analysis import DataQuality, Fact, Trigger, analysis_id
from topics.deadletter import DeadLetter

MINUTE_MS, FIVE_MS, HOUR_MS = 60_000, 300_000, 3_600_000
MINUTES = 60
PRICES = {"BTC": 64_250.0, "ETH": 3_180.0, "SOL": 148.5}
CRASHED = "SOL"
"""Its price falls in the last minutes, which fires the critical alert."""
HEADLINE = "SOL fell 8.1 % within a minute"
RULE = "price.drop"


def window(
    values: Values,
    subject: str,
    kind: str,
    start_ms: int,
    window_ms: int = MINUTE_MS,
    **scores: float,
) -> Aggregate:
    """Return revision 0 of a window."""
    return Aggregate(
        aggregate_id=aggregate_id(
            kind,  # type: ignore[arg-type]
            subject,
            window_ms=window_ms,
            step_ms=window_ms,
            start_ms=start_ms,
            revision=0,
        ),
        asset=subject.partition("/")[0],
        subject=subject,
        window_start_ms=start_ms,
        window_ms=window_ms,
        step_ms=window_ms,
        revision=0,
        reason="closed",
        completeness=Completeness(state="complete"),
        values=values,
        scores={name: Score(z=z, median=0.0) for name, z in scores.items()},
        history_n=60,
    )


def traded(open_: float, close: float, volume: float = 12.5) -> MarketValues:
    """Return a minute of trades."""
    return MarketValues(
        trades=50,
        open=open_,
        high=max(open_, close),
        low=min(open_, close),
        close=close,
        vwap=(open_ + close) / 2,
        volume=volume,
        quote_volume=volume * (open_ + close) / 2,
        taker_buy_volume=volume * 0.4,
        taker_buy_ratio=0.4,
        signed_volume=-volume * 0.2,
        log_return=log(close / open_),
        realised_variance=1e-7,
        largest_trade=volume / 10,
        venue_volume={"simex": volume * 0.7, "simtrade": volume * 0.3},
        venue_close={"simex": close, "simtrade": close},
        realised_volatility=3e-4,
    )


def posted(posts: int = 40) -> SocialValues:
    """Return five minutes of posts."""
    return SocialValues(
        posts=posts,
        bot_posts=posts // 10,
        engagement=posts * 3,
        tone_mean=0.1,
        tone_stdev=0.3,
        distinct_posts=posts - 2,
        unique_authors=posts - 5,
    )


def price(asset: str, minute: int) -> float:
    """Return an asset's price so many minutes into the hour."""
    calm = PRICES[asset] * (1 + 0.002 * sin(minute / 7))
    return calm * (0.919 if asset == CRASHED and minute >= MINUTES - 1 else 1.0)


def scene(now_ms: int) -> list[Struct]:
    """Return everything up to now, in the order it came."""
    end_ms = now_ms // MINUTE_MS * MINUTE_MS
    start_ms = end_ms - MINUTES * MINUTE_MS
    return [
        *_raw(start_ms, end_ms, now_ms),
        *_windows(start_ms),
        *_told(end_ms, now_ms),
        *statuses(now_ms),
        _dead(now_ms),
    ]


def _raw(start_ms: int, end_ms: int, now_ms: int) -> list[Struct]:
    trades = [
        Trade(
            subject=f"{asset}/USDT",
            source="simulated",
            venue="simex",
            trade_id=f"{asset}-{minute}",
            event_ms=start_ms + minute * MINUTE_MS,
            received_ms=start_ms + minute * MINUTE_MS + 50,
            price=_decimal(price(asset, minute)),
            size=_decimal(1.5),
            side="buy" if minute % 2 else "sell",
            sequence=minute,
        )
        for minute in range(MINUTES)
        for asset in PRICES
    ]
    post = Post(
        subject="BTC",
        source="simulated",
        platform="simforum",
        post_id="post-1",
        event_ms=end_ms - 30_000,
        received_ms=end_ms - 29_000,
        author="0123456789abcdef",
        text="Added a little more BTC today.",
        language="en",
        tone=0.6,
        tone_version="vader/1",
        engagement=3,
        simhash="0123456789abcdef",
    )
    gap = GapDetected(
        gap_id="simex/ETH/USDT/30",
        subject="ETH/USDT",
        source="simulated",
        venue="simex",
        from_ms=end_ms - 120_000,
        to_ms=end_ms - 100_000,
        ids_missing=7,
    )
    beat = Heartbeat(source="simulated", epoch=1, through_ms=min(end_ms, now_ms))
    return [*trades, post, gap, beat]


def _windows(start_ms: int) -> list[Struct]:
    found: list[Struct] = []
    for minute in range(MINUTES):
        for asset in PRICES:
            values = traded(price(asset, minute - 1), price(asset, minute))
            at_ms = start_ms + minute * MINUTE_MS
            z = values.log_return * 1_000
            found.append(window(values, f"{asset}/USDT", "market", at_ms, log_return=z))
        if minute % 5 == 0:
            found += _five_minutes(start_ms + minute * MINUTE_MS)
    acts = DevelopmentValues(
        events=9, commits=5, pull_requests=3, releases=0, issues=1, bot_events=2, unique_authors=6
    )
    hour_ms = start_ms // HOUR_MS * HOUR_MS
    return [*found, window(acts, "BTC", "development", hour_ms, HOUR_MS)]


def _five_minutes(at_ms: int) -> list[Struct]:
    turnover = VolumeValues(
        flow=250.0,
        flow_samples=10,
        level=90_000.0,
        level_venues=["simex", "simtrade"],
        concentration=0.55,
        flow_change=0.1,
    )
    return [
        made
        for asset in PRICES
        for made in (
            window(posted(), asset, "social", at_ms, FIVE_MS, posts=0.4),
            window(turnover, asset, "volume", at_ms, FIVE_MS, flow=0.2),
        )
    ]


def minute(now_ms: int) -> list[Struct]:
    """Return the last whole minute of each instrument, in which little happened."""
    start_ms = now_ms // MINUTE_MS * MINUTE_MS - MINUTE_MS
    last = {asset: price(asset, MINUTES - 1) for asset in PRICES}
    return [
        window(traded(at, at * 1.0001), f"{asset}/USDT", "market", start_ms)
        for asset, at in last.items()
    ]


def crash_id(end_ms: int) -> str:
    """Return the id of the minute in which the price fell."""
    return aggregate_id(
        "market",
        f"{CRASHED}/USDT",
        window_ms=MINUTE_MS,
        step_ms=MINUTE_MS,
        start_ms=end_ms - MINUTE_MS,
        revision=0,
    )


def alert(end_ms: int, **changes: object) -> Alert:
    """Return the alert about the fall."""
    subject = f"{CRASHED}/USDT"
    return replace(
        Alert(
            alert_id=f"{RULE}/{subject}/{end_ms}",
            rule=RULE,
            asset=CRASHED,
            subject=subject,
            state="firing",
            severity="critical",
            since_ms=end_ms,
            as_of_ms=end_ms,
            headline=HEADLINE,
            values={"return_percent": -8.1},
            aggregate_ids=[crash_id(end_ms)],
        ),
        **changes,
    )


def analysis(end_ms: int, asset: str = CRASHED, **changes: object) -> Analysis:
    """Return what the analyst said of the fall."""
    subject = f"{asset}/USDT"
    fact = Fact(
        metric="market.return",
        value=-8.1,
        unit="%",
        quote="USDT",
        window_ms=MINUTE_MS,
        baseline=0.02,
        z=-9.3,
        sample_size=60,
        subject=subject,
        aggregate_id=crash_id(end_ms),
        revision=0,
    )
    return replace(
        Analysis(
            analysis_id=analysis_id("deep_dive", asset, end_ms),
            asset=asset,
            product="deep_dive",
            as_of_ms=end_ms,
            produced_ms=end_ms + 900,
            valid_until_ms=end_ms + HOUR_MS,
            trigger=Trigger(reasons=["price_drop"], alert_id=alert(end_ms).alert_id),
            headline="SOL fell sharply while sellers took most of the volume",
            text="The price of SOL/USDT fell 8.1 % in one minute. Sellers took 60 % of the volume.",
            severity="critical",
            confidence="medium",
            confidence_basis="two venues, no hole",
            observed_direction="down",
            changed=["price fell"],
            facts=[fact],
            data_quality=DataQuality(completeness="complete"),
            origin="model",
            origin_reason="alert",
            simulated=True,
            model="claude-haiku-5-5",
            prompt_version="deep_dive/3",
            input_tokens=12_105,
            output_tokens=1_311,
            cost_nano_usd=83_600,
            attempt_ids=["0123456789abcdef0123456789abcdef/1"],
        ),
        **changes,
    )


def _told(end_ms: int, now_ms: int) -> list[Struct]:
    said = analysis(end_ms)
    calm = analysis(
        end_ms,
        "BTC",
        analysis_id=analysis_id("state", "BTC", end_ms),
        product="state",
        severity="info",
        trigger=Trigger(reasons=["state_changed"]),
        headline="BTC is quiet",
        text="BTC moved little and traded as usual.",
        observed_direction="flat",
        facts=[],
        origin="rules",
        origin_reason="no_model",
        simulated=False,
        model=None,
        prompt_version=None,
        rules_version="rules/2",
        cost_nano_usd=0,
        input_tokens=0,
        output_tokens=0,
        attempt_ids=[],
    )
    decided = Decision(
        decision_id=said.analysis_id,
        asset=said.asset,
        product="deep_dive",
        as_of_ms=end_ms,
        outcome="called",
        reason="alert",
        analysis_id=said.analysis_id,
        item_key="0123456789abcdef" * 4,
        severity="critical",
        reasons=["price_drop"],
        aggregate_ids=[crash_id(end_ms)],
        aggregates_partition=0,
        first_offset=10,
        last_offset=12,
        decided_ms=end_ms + 950,
        alert_id=alert(end_ms).alert_id,
        attempt_ids=list(said.attempt_ids),
        alert_ids=[alert(end_ms).alert_id],
    )
    tally = Tally(
        tally_id="tally/0/13",
        aggregates_partition=0,
        first_offset=13,
        last_offset=40,
        folded=8,
        uninteresting=20,
        decided_ms=now_ms,
    )
    return [alert(end_ms), calm, said, decided, tally]


def statuses(now_ms: int) -> list[Struct]:
    """Return how every part is: all well."""
    roles = [
        status(now_ms, "collect", "simulated/market", "connected"),
        status(now_ms, "streams", "role", "running", partitions=4.0, checkpoints=9.0),
        *(
            status(now_ms, "streams", kind, "running", watermark_lag_ms=400.0, applied=100.0)
            for kind in ("market", "volume", "social", "development")
        ),
        status(now_ms, "agent", "role", "running"),
        status(now_ms, "agent", "breaker/anthropic/claude-haiku-5-5", "closed"),
        status(
            now_ms,
            "agent",
            "budget/default",
            "open",
            settled_nano_usd=83_600.0,
            reserved_nano_usd=0.0,
            hour_nano_usd=83_600.0,
            read_ms=float(now_ms),
            cap_nano_usd=1_000_000_000.0,
        ),
    ]
    feeds = [
        FeedStatus(
            source="simulated",
            venue="simex",
            subject=f"{asset}/USDT",
            state="connected",
            since_ms=now_ms - HOUR_MS,
            at_ms=now_ms,
            last_event_ms=now_ms - 500,
            last_received_ms=now_ms - 450,
            events=3_600,
            gaps_open=1 if asset == "ETH" else 0,
        )
        for asset in PRICES
    ]
    return [*roles, *feeds]


def status(now_ms: int, role: str, part: str, state: str, **measures: float) -> Status:
    """Return what a part says of itself, which holds for ten minutes."""
    return Status(
        role=role,
        instance="stage",
        part=part,
        state=state,
        at_ms=now_ms,
        since_ms=now_ms - HOUR_MS,
        expires_ms=now_ms + 10 * MINUTE_MS,
        build="0.1.0",
        measures=measures,
    )


def _dead(now_ms: int) -> DeadLetter:
    return DeadLetter(
        reason="invalid",
        message="Expected `str`, got `int` - at `$.subject`",
        stage="fold",
        role="streams",
        key=b"BTC",
        value=b'{"type":"trade","subject":5}',
        time_ms=now_ms - 1_000,
        topic="raw.market",
        partition=1,
        offset=77,
    )


def _decimal(number: float) -> Decimal:
    return Decimal(str(round(number, 4)))
