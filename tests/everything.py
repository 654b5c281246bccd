"""A seeded log of one asset and kind that holds everything: two sources, corrections, duplicates, late events, gaps
of each sort, records that are wrong in several ways, and enough windows for scores."""

import random
from decimal import Decimal
from typing import Any

from streams.windows.kinds import KIND_RULES
from topics import (
    GapDetected,
    GapFilled,
    GapPermanent,
    Heartbeat,
    Kind,
    Post,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
)

Record = tuple[bytes | None, bytes]
START_MS = 1_700_000_000_000 // 3_600_000 * 3_600_000
SOURCES = ("one", "two")
STEP_MS: dict[Kind, int] = {
    "market": 60_000,
    "volume": 300_000,
    "social": 300_000,
    "development": 3_600_000,
}


def everything(kind: Kind, asset: str, *, seed: int, steps: int = 60) -> list[Record]:
    """Return the records of so many steps of a kind's shortest window."""
    dice, step_ms, horizon_ms = random.Random(seed), STEP_MS[kind], KIND_RULES[kind].horizon_ms
    key, number = asset.encode(), 0
    log: list[Record] = [(None, _beat(source, START_MS)) for source in SOURCES]
    for step in range(steps):
        now_ms = START_MS + step * step_ms
        for _ in range(6):
            number += 1
            back_ms = dice.choice([0, 0, 0, 0, step_ms, horizon_ms // 2, 2 * horizon_ms])
            at_ms = max(START_MS, now_ms - back_ms) + dice.randrange(step_ms // 2)
            value = encode(_event(kind, asset, number, at_ms, dice))
            log += [(key, value)] * dice.choice([1, 1, 1, 2])
        if step % 7 == 3:
            log += [(key, value) for value in _gaps(kind, asset, step, now_ms)]
        if step % 11 == 5:
            log += _wrong(kind, asset, number, now_ms, dice)
        log += [(None, _beat(source, now_ms + step_ms // 2)) for source in SOURCES]
        log += [(None, _beat(SOURCES[0], now_ms + step_ms))]
        if step % 9:  # else the second source lags, and windows miss it
            log += [(None, _beat(SOURCES[1], now_ms + step_ms))]
    return log


def _beat(source: str, through_ms: int) -> bytes:
    return encode(Heartbeat(source=source, epoch=0, through_ms=through_ms))


def subject_of(kind: Kind, asset: str) -> str:
    """An asset's subject."""
    return f"{asset}/USDT" if kind == "market" else asset


def _event(kind: Kind, asset: str, number: int, at_ms: int, dice: random.Random) -> Any:
    source = SOURCES[number % 2]
    common: dict[str, Any] = {
        "subject": subject_of(kind, asset),
        "source": source,
        "event_ms": at_ms,
        "received_ms": at_ms,
    }
    if kind == "market":
        return Trade(
            **common,
            venue=source,
            trade_id=str(number),
            price=Decimal(dice.randrange(9_000, 11_000)) / 100,
            size=Decimal(dice.randrange(1, 10**6)) / 1000,
            side=dice.choice(("buy", "sell")),
            sequence=number // 2 if source == "one" else None,
        )
    if kind == "volume":
        make: type[VolumeFlow | VolumeLevel] = dice.choice((VolumeFlow, VolumeLevel))
        volume = Decimal(dice.randrange(10**6)) / 10
        place: dict[str, Any] = {
            "venue": source,
            "instrument": f"{asset}-{number % 3}",
            "span_ms": 60_000,
        }
        return make(**common, **place, volume=volume)
    who: dict[str, Any] = {"author": f"{dice.randrange(20):016x}", "bot": not dice.randrange(6)}
    if kind == "social":
        text: dict[str, Any] = {"text": "words", "language": "en", "tone_version": "t1"}
        return Post(
            **common,
            **text,
            **who,
            platform="forum",
            post_id=str(number),
            tone=dice.uniform(-1, 1),
            engagement=dice.randrange(1000),
            simhash=f"{dice.randrange(2**64):016x}",
        )
    return RepositoryEvent(
        **common,
        **who,
        repository="a/b",
        event_id=str(number),
        act=dice.choice(("commit", "commit", "pull_request", "release", "issue", "star")),
    )


def _gaps(kind: Kind, asset: str, step: int, now_ms: int) -> list[bytes]:
    """One gap that is filled, one that is not, and one that never will be."""
    gap: dict[str, Any] = {
        "subject": subject_of(kind, asset),
        "source": SOURCES[step % 2],
        "venue": SOURCES[step % 2],
        "from_ms": now_ms - STEP_MS[kind],
        "to_ms": now_ms - STEP_MS[kind] // 3,
    }
    later = gap | {"from_ms": now_ms, "to_ms": now_ms + 1_000}
    return [
        encode(GapDetected(gap_id=f"filled/{step}", **gap)),
        encode(GapDetected(gap_id=f"open/{step}", **later)),
        encode(GapFilled(gap_id=f"filled/{step}", **gap)),
        encode(GapPermanent(gap_id=f"lost/{step}", **later, reason="the venue has them no more")),
    ]


def _wrong(kind: Kind, asset: str, number: int, now_ms: int, dice: random.Random) -> list[Record]:
    good = encode(_event(kind, asset, number, now_ms, dice))
    key = asset.encode()
    return [
        (key, b"{broken"),
        (key, good.replace(b'"source":', b'"source":7,"was":')),
        (key, b'{"type":"of.tomorrow"}'),
        (b"NOBODY", good),
        (key, good.replace(b'"received_ms":', b'"received_ms":1,"was":')),
        (None, b""),
    ]
