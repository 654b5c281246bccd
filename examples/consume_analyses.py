"""Consume what the analyst says: the whole of what a user of the topic needs.

    python examples/consume_analyses.py --bootstrap 127.0.0.1:9092
    python examples/consume_analyses.py --count 5   # end after five

Four rules make a right consumer: read committed records only; of several analyses with one id the first in
its partition counts; one that another supersedes stands no more, and one that is withdrawn never does; show text as
plain text, whatever is in it.
"""

import argparse
import asyncio

from aiokafka import AIOKafkaConsumer

from topics import BY_NAME, Analysis, ContractError


def plain(text: str) -> str:
    """Return text without what a terminal obeys or hides: control, escape and bidi characters, line breaks."""
    return "".join(char if char.isprintable() else " " for char in text)


async def consume(bootstrap: str, prefix: str, count: int) -> None:
    """Print each analysis once, oldest first."""
    decode = BY_NAME["analyses"].decoder().decode
    seen: dict[str, None] = {}
    consumer = AIOKafkaConsumer(
        f"{prefix}analyses",
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        group_id=None,
    )
    async with consumer:
        async for record in consumer:
            try:
                analysis: Analysis = decode(record.value)
            except ContractError as error:
                print(f"skipped {record.partition}/{record.offset}: {plain(str(error))}")
                continue
            if analysis.analysis_id in seen:
                continue
            seen[analysis.analysis_id] = None
            if len(seen) > 10_000:  # noqa: PLR2004 - enough to know a double by
                del seen[next(iter(seen))]
            # Somebody may have acted on it: what takes the place of an analysis is told as that.
            place = "" if analysis.supersedes is None else f"instead of {analysis.supersedes}: "
            line = (
                f"{analysis.asset:6} {analysis.status:9} {analysis.severity:8} {analysis.confidence:6}"
                f" {analysis.origin:7} {place}{analysis.headline}"
            )
            print(plain(line))
            count -= 1
            if count == 0:
                return


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Print what the analyst says.")
    options.add_argument("--bootstrap", default="127.0.0.1:9092", help="the Kafka broker")
    options.add_argument("--prefix", default="tapereader.", help="before every topic's name")
    options.add_argument("--count", type=int, default=0, help="end after so many; 0: never")
    given = options.parse_args()
    asyncio.run(consume(given.bootstrap, given.prefix, given.count))
