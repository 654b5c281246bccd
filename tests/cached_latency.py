"""How long a cached answer takes: from a window's write to its analysis in a consumer's hands, on a real broker and Redis."""

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.integration.agent_runs import PARTITIONS
from tests.integration.test_cached_states import Tape, listening, narrating
from tests.servers import KafkaServer, RedisServer, find_binary, provide
from tests.unit.agents.serving import fake_claude
from topics.broker import apply_topics
from topics.settings import BrokerSettings


async def measure(broker: BrokerSettings, redis: RedisServer, rounds: int) -> None:
    """Print it."""
    await asyncio.to_thread(apply_topics, broker)
    async with (
        fake_claude() as fake,
        narrating(fake, redis, broker, "one"),
        listening(broker) as listener,
    ):
        tape = Tape(broker, listener)
        await tape.settle()
        took = await tape.latencies_s(rounds)
        origins = Counter(one.origin for one in listener.analyses[-len(took) :])
    at = {share: took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.95, 0.99)}
    told = ", ".join(f"p{share * 100:g} {1000 * at[share]:.1f} ms" for share in at)
    sys.stdout.write(
        f"{len(took)} windows, {dict(origins)}: {told}, max {1000 * took[-1]:.1f} ms\n"
    )


async def run(rounds: int, folder: Path) -> None:
    """Start what it takes, and measure."""
    server = KafkaServer(provide(os.environ), folder / "kafka")
    redis = RedisServer(find_binary(os.environ), folder / "redis")
    try:
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(redis.start)
        broker = BrokerSettings(bootstrap=server.bootstrap, prefix="cached.", partitions=PARTITIONS)
        await measure(broker, redis, rounds)
    finally:
        redis.close()
        server.close()


def main() -> None:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.cached_latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="of eight windows each (50)")
    arguments = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="tapereader-cached-") as folder:
        asyncio.run(run(arguments.rounds, Path(folder)))


if __name__ == "__main__":
    main()
