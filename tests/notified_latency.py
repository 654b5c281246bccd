"""How long from an aggregate until somebody is told: from its log time to the message at a receiver, on a real broker.

Aggregate and alert are written in one transaction, as the streams role does. The log time is that of the write, a
little before the commit; so the commit, which readers must wait for, is in what is measured. What comes before it,
folding and the span between two checkpoints, is not.
"""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.serving.notify.topic_log import up_to
from tests.integration.log import decoded, read_log
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
from tests.strategies.aggregates import market
from tests.unit.streams.serving.notify.alerts import alert
from topics import BY_NAME, Aggregate, Alert, encode, partition_of
from topics.broker import apply_topics
from topics.outbox import OutRecord
from topics.settings import BrokerSettings

PARTITIONS = 2


def aggregate_record(broker: BrokerSettings, window: Aggregate) -> OutRecord:
    """Return the record of an aggregate, where the streams role puts it."""
    partition = partition_of(window.asset, broker.partitions)
    return OutRecord(broker.topic("aggregates"), partition, window.subject.encode(), encode(window))


async def aggregates_logged_ms(broker: BrokerSettings) -> dict[str, int]:
    """Return when each aggregate was logged, by its id: as the log says it."""
    decode = BY_NAME["aggregates"].decoder().decode
    topic = broker.topic("aggregates")
    places = [TopicPartition(topic, number) for number in range(broker.partitions)]
    found: dict[str, int] = {}
    async with AIOKafkaConsumer(
        **broker.reader_options(), auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        async for record in up_to(consumer, ends):
            found[decode(record.value or b"").aggregate_id] = record.timestamp
    return found


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
                window = market(number=n)
                made = alert(f"rule_{n}", since_ms=now_ms(), aggregate_ids=[window.aggregate_id])
                await write_by(producer, broker, aggregate_record(broker, window), made)
                await asyncio.sleep(apart_s)
            await until(lambda: len(phone.heard) == rounds + 1)
        logged_ms = await aggregates_logged_ms(broker)
        of_key = {one.notification_id: one.alert_id for one in await told(broker)}
        windows = {
            one.alert_id: one.aggregate_ids[0]
            for _, one in decoded(await read_log(broker, "alerts"), Alert)
            if one.aggregate_ids
        }
    took_ms = sorted(
        heard.at_ms - logged_ms[windows[of_key[heard.keys[0]]]] for heard in phone.heard[1:]
    )
    at = {share: took_ms[min(rounds - 1, int(share * rounds))] for share in (0.5, 0.95, 0.99)}
    words = ", ".join(f"p{share * 100:g} {value} ms" for share, value in at.items())
    sys.stdout.write(
        f"{rounds} alerts, from the aggregate's log time to the receiver: {words}, max {took_ms[-1]} ms"
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
