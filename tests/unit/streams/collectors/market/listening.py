"""The real exchange source against a local venue: what it hears, session after session, as the runner would."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from streams.collectors.market.exchange import ExchangeSource
from streams.collectors.market.settings import ExchangeSettings
from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from tests.recordings import XRPETH_FIRST, XRPETH_LAST, xrpeth_frames
from topics import Trade

PATIENCE_S = 30.0
"""Longer than anything here takes on a busy machine."""
LATENESS_MS = 2_000


class Heard:
    """Everything a source yielded, in order, and how its sessions ended."""

    def __init__(self) -> None:
        self.all: list[Observation] = []
        self.trades: list[Trade] = []
        self.errors: list[str] = []

    def hear(self, seen: Observation) -> None:
        self.all.append(seen)
        if isinstance(seen, Trade):
            self.trades.append(seen)

    @property
    def refused(self) -> list[Refused]:
        return [seen for seen in self.all if isinstance(seen, Refused)]

    @property
    def promises(self) -> list[int]:
        return [seen.through_ms for seen in self.all if isinstance(seen, Through)]

    @property
    def links(self) -> list[str]:
        return [seen.state for seen in self.all if isinstance(seen, Link)]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def create(url: str, *symbols: str, silence_s: float = 30.0, **bounds: Any) -> ExchangeSource:
    """Return the source as production has it, but for bounds that a test would wait long for."""
    settings = ExchangeSettings(
        type="exchange",
        venue="binance",
        symbols=symbols or ("XRP/ETH",),
        url=url,
        rest_url=url.replace("ws://", "http://").partition("/stream")[0].removesuffix("/ws"),
        silence_s=silence_s,
        silence_min_s=min(silence_s, 10.0),
        lateness_ms=LATENESS_MS,
    )
    return ExchangeSource("live", settings, now_ms=now_ms, **bounds)


async def listen(source: ExchangeSource, until: Callable[[Heard], bool]) -> Heard:
    """Return what is heard until that holds; asks again after each failure."""
    heard = Heard()
    async with asyncio.timeout(PATIENCE_S):
        while not until(heard):
            try:
                async with aclosing(source.observations()) as observations:  # type: ignore[type-var]
                    async for seen in observations:
                        heard.hear(seen)
                        if until(heard):
                            break
            except SourceError as error:
                heard.errors.append(str(error))
    return heard


def told(trade: Trade) -> tuple[Any, ...]:
    """Return what a trade says, with prices and sizes as text."""
    return (
        trade.subject,
        trade.trade_id,
        str(trade.price),
        str(trade.size),
        trade.side,
        trade.event_ms,
        trade.sequence,
    )


def expected(frame: str, subjects: dict[str, str]) -> tuple[Any, ...]:
    """Return the same of a frame, read by another JSON reader and our own reading of the venue's rules."""
    event = json.loads(frame, parse_float=str)
    return (
        subjects[event["s"]],
        str(event["a"]),
        event["p"],
        event["q"],
        "sell" if event["m"] else "buy",
        event["T"],
        event["a"],
    )


def flood(count: int) -> list[str]:
    """Return so many frames: the recording, over and over, numbered on without a hole."""
    frames, turn = list(xrpeth_frames()), XRPETH_LAST + 1 - XRPETH_FIRST
    while len(frames) < count:
        first = len(frames) // turn * turn
        for frame in xrpeth_frames():
            number = json.loads(frame)["a"]
            frames.append(frame.replace(f'"a":{number}', f'"a":{number + first}'))
    return frames[:count]
