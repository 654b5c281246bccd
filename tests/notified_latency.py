"""How long until somebody is told: from an alert's record in the log to the message at a receiver, on a real broker.

The record is written in a transaction, as the streams role does together with the aggregates it comes of; its log time
is that of the write, so the commit is in what is measured.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

from tests.integration.notified import (
    Phone,
    notifying,
    now_ms,
    settings_of,
    told,
    until,
    write_by,
    writer,
)
from tests.servers import KafkaServer, provide
from tests.unit.streams.serving.notify.alerts import alert
from topics.broker import apply_topics
from topics.settings import BrokerSettings

PARTITIONS = 2


async def measure(broker: BrokerSettings, rounds: int, apart_s: float) -> None:
    """Print it: alerts of one rule each, so that each is a message of its own and none is gathered."""
    await asyncio.to_thread(apply_topics, broker)
    phone = Phone()
    async with phone.server:
        settings = settings_of(broker, {"phone": {"url": phone.url, "per_hour": 3_600}})
        async with notifying(settings), writer(broker) as producer:
            await write_by(producer, broker, alert("warm_up"))
            await until(lambda: len(phone.heard) == 1)
            for n in range(rounds):
                await write_by(producer, broker, alert(f"rule_{n}", since_ms=now_ms()))
                await asyncio.sleep(apart_s)
            await until(lambda: len(phone.heard) == rounds + 1)
        logged_ms = {one.notification_id: one.logged_ms for one in await told(broker)}
    took_ms = sorted(heard.at_ms - logged_ms[heard.keys[0]] for heard in phone.heard[1:])
    at = {share: took_ms[min(rounds - 1, int(share * rounds))] for share in (0.5, 0.95, 0.99)}
    words = ", ".join(f"p{share * 100:g} {value} ms" for share, value in at.items())
    sys.stdout.write(
        f"{rounds} alerts, from the record's log time to the receiver: {words}, max {took_ms[-1]} ms"
        " (100 ms of it wait for what fires in the same moment)\n"
    )


async def run(rounds: int, apart_s: float, folder: Path) -> None:
    """Start what it takes, and measure."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    try:
        await asyncio.to_thread(server.start)
        broker = BrokerSettings(
            bootstrap=server.bootstrap, prefix="notified.", partitions=PARTITIONS
        )
        await measure(broker, rounds, apart_s)
    finally:
        server.close()


def main() -> None:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.notified_latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="alerts, one after another (200)")
    parser.add_argument("--apart-s", type=float, default=0.2, help="between two of them (0.2)")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="tapereader-notified-") as folder:
        asyncio.run(run(arguments.rounds, arguments.apart_s, Path(folder)))


if __name__ == "__main__":
    main()
