"""Kafka is away: a collector of a venue goes on by way of the disk, and nothing within the bound is lost by a kill."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from deploy.children import Child
from tests.servers import KafkaServer
from tests.servers.venue import Send, Step, VenueServer, Wait
from topics import BY_NAME, GapDetected, Trade

from .records import PATIENCE_S
from .roles import Pipeline, pipeline

pytestmark = pytest.mark.integration

READ = BY_NAME["raw.market"].decoder().decode
AWAY_S = 12.0


class Market:
    """Numbered trades, a few hundred a second, as long as it is open; none without a listener."""

    def __init__(self) -> None:
        self.printed = 0
        self.shut = False

    def script(self) -> Iterator[Step]:
        for number in count(1):
            while self.shut:
                yield Wait(0.05)
            now_ms = time.time_ns() // 1_000_000
            frame = {"e": "aggTrade", "E": now_ms, "s": "XRPETH", "a": number, "p": "1.5"}
            frame |= {"q": "2.0", "f": number, "l": number, "T": now_ms, "m": False}
            self.printed = number
            yield Send(json.dumps(frame))
            yield Wait(0.002)


@asynccontextmanager
async def collecting(
    kafka: KafkaServer, prefix: str, folder: Path, **collect: object
) -> AsyncIterator[tuple[Market, Pipeline, Callable[[], Child]]]:
    market = Market()
    async with VenueServer(market.script()) as venue:
        source = {"type": "exchange", "venue": "binance", "symbols": ["XRP/ETH"], "url": venue.url}
        source["rest_url"] = "http://127.0.0.1:1"
        tree = {"sources": {"live": source}, **collect}
        with pipeline(kafka.bootstrap, prefix, folder) as line:
            yield market, line, lambda: line.start("collect", "live", collect=tree)


async def log(line: Pipeline) -> tuple[list[int], list[GapDetected]]:
    """Return the numbers of the trades in the log, and the gaps that it tells."""
    records = [READ(r.value) for part in await line.read("raw.market") for r in part]
    numbers = [r.sequence or 0 for r in records if isinstance(r, Trade)]
    return numbers, [r for r in records if isinstance(r, GapDetected)]


async def logged(line: Pipeline, at_least: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while max((await log(line))[0], default=0) < at_least:
            await asyncio.sleep(0.2)


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.spill"))


async def test_a_kill_while_kafka_is_away_loses_nothing_that_was_read(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str, tmp_path: Path
) -> None:
    """The disk holds it; the next process sends it first; each trade is in the log, and no gap is told of it."""
    kafka = start_kafka()
    async with collecting(kafka, topic_prefix, tmp_path) as (market, line, start):
        first = start()
        await line.ready(first)
        await logged(line, 100)
        await asyncio.to_thread(kafka.stop)
        stopped_at = market.printed
        await asyncio.sleep(AWAY_S)
        market.shut = True
        printed = market.printed
        assert printed - stopped_at > 1_000
        await asyncio.sleep(1.0)  # what was printed is read, and on the disk
        spilled = on_disk(tmp_path)
        assert spilled > 0
        os.kill(first.pid, signal.SIGKILL)
        await asyncio.to_thread(kafka.start)
        second = start()
        await logged(line, printed)
        market.shut = False
        await logged(line, printed + 100)
        second.check()
        numbers, gaps = await log(line)
    assert set(range(min(numbers), printed + 1)) <= set(numbers)
    assert gaps == []
    assert on_disk(tmp_path) == 0
    print(f"{printed - stopped_at} trades while away, {spilled} bytes on disk,", end=" ")  # noqa: T201 - shown with -s
    print(f"{len(numbers) - len(set(numbers))} doubles")  # noqa: T201


@pytest.mark.nightly
async def test_kafka_comes_back_and_nothing_was_lost(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str, tmp_path: Path
) -> None:
    """Without a kill: the same connection all the time, every trade, in order, and the disk is empty."""
    kafka = start_kafka()
    async with collecting(kafka, topic_prefix, tmp_path) as (market, line, start):
        child = start()
        await line.ready(child)
        await logged(line, 100)
        await asyncio.to_thread(kafka.stop)
        await asyncio.sleep(AWAY_S)
        assert on_disk(tmp_path) > 0
        await asyncio.to_thread(kafka.start)
        await logged(line, market.printed)
        child.check()
        numbers, gaps = await log(line)
        async with asyncio.timeout(PATIENCE_S):
            while on_disk(tmp_path):
                await asyncio.sleep(0.2)
    firsts = list(dict.fromkeys(numbers))
    assert firsts == list(range(firsts[0], firsts[-1] + 1))
    assert gaps == []


@pytest.mark.nightly
async def test_a_stop_while_kafka_is_away_leaves_all_on_the_disk(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str, tmp_path: Path
) -> None:
    """It ends well, and the next start sends it."""
    kafka = start_kafka()
    async with collecting(kafka, topic_prefix, tmp_path) as (market, line, start):
        first = start()
        await line.ready(first)
        await logged(line, 100)
        await asyncio.to_thread(kafka.stop)
        await asyncio.sleep(1.0)  # some are printed while Kafka is away
        market.shut = True
        await asyncio.sleep(0.5)  # and read
        assert await first.stop(timeout_s=30) == 0
        await asyncio.to_thread(kafka.start)
        start()
        await logged(line, market.printed)
        numbers, gaps = await log(line)
    assert set(numbers) == set(range(min(numbers), market.printed + 1))
    assert gaps == []
