"""How long the serve role takes until it may be relied on: `python -m tests.serve_start`.

All that is said of many assets in a day stands in a real Kafka; then the role is started as its supervisor does, and
asked until `/readyz` is well. Its CPU time stands beside it: a machine that does other things makes people wait longer.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from itertools import chain, islice
from pathlib import Path

from aiokafka import AIOKafkaProducer

from tests.browser.stage import Stage, staged
from tests.servers import KafkaServer, provide
from topics.outbox import send

from .view_memory import day

BATCH = 5_000
"""Records written in one go."""


async def write(stage: Stage, assets: int) -> int:
    """Write the day; return how many records it has."""
    events = chain.from_iterable(day(f"A{number}") for number in range(assets))
    records = (stage.record(event) for event, _ in events)
    written = 0
    async with AIOKafkaProducer(**stage.broker.client_options(), acks="all") as producer:
        while batch := list(islice(records, BATCH)):
            await send(producer, batch)
            written += len(batch)
    return written


def cpu_s(pid: int) -> float:
    """Return the CPU time a process has had."""
    told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


async def measure(bootstrap: str, assets: int, starts: int, folder: Path) -> None:
    """Print it."""
    with staged(folder, "start.", bootstrap) as stage:
        written = await write(stage, assets)
        sys.stdout.write(f"{assets} assets, 24 h: {written:,} records\n")
        for _ in range(starts):
            began_s = time.monotonic()
            stage.start()
            await stage.ready(patience_s=600)
            took_s = time.monotonic() - began_s
            sys.stdout.write(
                f"  ready after {took_s:.1f} s, {cpu_s(stage.pid):.1f} s of CPU,"
                f" {written / took_s:,.0f} records/s\n"
            )
            await stage.end()


async def run(assets: int, starts: int, folder: Path) -> None:
    """Start what it takes, and measure."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    try:
        await asyncio.to_thread(server.start)
        await measure(server.bootstrap, assets, starts, folder)
    finally:
        server.close()


def main() -> None:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.serve_start", description=__doc__)
    parser.add_argument("--assets", type=int, default=100, help="each of one instrument (100)")
    parser.add_argument("--starts", type=int, default=3, help="one after another (3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tapereader-start-") as folder:
        asyncio.run(run(arguments.assets, arguments.starts, Path(folder)))


if __name__ == "__main__":
    main()
