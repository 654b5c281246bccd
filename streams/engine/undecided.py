"""Transactions that were decided and never ended: found behind a fence, and ended in one way for all their logs.

A broker that dies between deciding a transaction and marking its partitions marks them when it is back. But it
has been seen to mark none and to call the transaction complete (Kafka 4.3, by SIGKILL under load; perhaps it takes
topics it has not learnt of yet for deleted). Its records wait, decided by nobody, until the next transaction of the same
producer ends, which takes them with it. A state loaded in between would be from before them: all of it would be written
again, and in the end both would be read.

So each checkpoint notes with the state where its outputs stand, and who takes a partition over compares, before it
loads, how far its logs are written with how far they are decided. What is open is committed if a reader can see any of
it already, and else aborted: then it has never happened, and is done again.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from topics.errors import PipelineError
from topics.settings import BrokerSettings

MARKERS_S = 5.0
"""How long markers may be under way before they are taken for lost. A broker writes them in its first second."""
_POLL_S = 0.1

Written = Mapping[str, int]
"""Where the last outputs stand in each log: the offset of a record of them, by topic."""

encode_written = msgspec.json.Encoder(order="sorted").encode
decode_written = msgspec.json.Decoder(dict[str, int]).decode


class UndecidedError(PipelineError):
    """A log holds a transaction without an end, and the broker does not let it be ended."""


class End(Protocol):
    """Ends what is open in logs of a partition number, by a transaction of its present owner."""

    async def __call__(
        self, partition: int, places: Sequence[TopicPartition], *, commit: bool
    ) -> None:
        """Return when the broker has taken it."""


class Reach(NamedTuple):
    """How far a log goes."""

    decided: int
    """Its last stable offset: nothing below it is open."""
    written: int

    @property
    def is_open(self) -> bool:
        """Whether something in it is neither committed nor aborted."""
        return self.decided < self.written


def written_key(partition: int) -> bytes:
    """Return the changelog's key of what a partition has written."""
    return b"%d|written" % partition


def is_committed(
    changelog: Reach, outputs: Mapping[str, Reach], written: Written, seen: Mapping[str, bool]
) -> bool:
    """Return whether the open transaction is to be committed, so that it ends in one way in all its logs.

    ``written`` is what its changelog notes of it: nothing, where it is not complete. ``seen`` says of its decided
    logs whether a reader sees the record noted there. Where the changelog is decided, ``written`` is of its last
    transaction, and what is open in an output is either that one's, or of one that never reached the changelog.
    """
    if changelog.is_open:
        return any(seen.get(topic, False) for topic in written)
    return any(
        reach.is_open and written.get(topic, -1) >= reach.decided
        for topic, reach in outputs.items()
    )


async def settle(
    broker: BrokerSettings,
    changelog: str,
    outputs: Sequence[str],
    partitions: Sequence[int],
    end: End,
) -> None:
    """End what is open in the logs of partitions whose former owners are fenced; nearly always there is nothing.

    Raises:
        UndecidedError: It stays open, whatever we do.
        aiokafka.errors.KafkaError: The broker cannot be asked.
    """
    places = [TopicPartition(topic, p) for p in partitions for topic in (changelog, *outputs)]
    if not places:
        return
    options = broker.reader_options() | {"group_id": None, "auto_offset_reset": "none"}
    async with (
        AIOKafkaConsumer(**options | {"isolation_level": "read_uncommitted"}) as all_of_it,
        AIOKafkaConsumer(**options) as decided,
    ):
        all_of_it.assign(places)
        decided.assign(places)
        open_logs = await _open(all_of_it, decided, places)
        for partition in sorted({place.partition for place in open_logs}):
            reaches = {p.topic: r for p, r in open_logs.items() if p.partition == partition}
            commit = await _decide(all_of_it, decided, changelog, partition, reaches)
            left = [TopicPartition(t, partition) for t, reach in reaches.items() if reach.is_open]
            await end(partition, left, commit=commit)
        if open_logs and (still := await _open(all_of_it, decided, list(open_logs))):
            place = next(place for place, reach in still.items() if reach.is_open)
            msg = (
                f"{place.topic}/{place.partition} is undecided behind offset {still[place].decided}: its last"
                " transaction has no end, and does not take ours (`kafka-transactions.sh find-hanging`)"
            )
            raise UndecidedError(msg)


async def _open(
    all_of_it: AIOKafkaConsumer, decided: AIOKafkaConsumer, places: Sequence[TopicPartition]
) -> dict[TopicPartition, Reach]:
    """Return how far the logs of each partition reach that has an open one, once that is no matter of moments."""
    until_s = time.monotonic() + MARKERS_S
    while True:
        # In this order: others write dead letters too, and what is written later is decided later.
        written = await all_of_it.end_offsets(places)
        reached = await decided.end_offsets(places)
        found = {place: Reach(reached[place], written[place]) for place in places}
        open_in = {place.partition for place, reach in found.items() if reach.is_open}
        if not open_in or time.monotonic() > until_s:
            return {place: reach for place, reach in found.items() if place.partition in open_in}
        await asyncio.sleep(_POLL_S)


async def _decide(
    all_of_it: AIOKafkaConsumer,
    decided: AIOKafkaConsumer,
    changelog: str,
    partition: int,
    reaches: Mapping[str, Reach],
) -> bool:
    log = TopicPartition(changelog, partition)
    reach, outputs = reaches[changelog], {t: r for t, r in reaches.items() if t != changelog}
    begin, reader = (reach.decided, all_of_it) if reach.is_open else (0, decided)
    written = await _written(reader, log, begin, reach.written)
    seen = {
        topic: await _is_seen(decided, TopicPartition(topic, partition), offset)
        for topic, offset in written.items()
        if reach.is_open and not outputs[topic].is_open
    }
    return is_committed(reach, outputs, written, seen)


async def _written(
    consumer: AIOKafkaConsumer, log: TopicPartition, begin: int, end: int
) -> dict[str, int]:
    """Return what the last transaction of a changelog noted between two offsets, or nothing."""
    key, found = written_key(log.partition), b"{}"
    consumer.seek(log, begin)
    while await consumer.position(log) < end:
        for records in (await consumer.getmany(log, timeout_ms=200)).values():
            for record in records:
                if record.key == key:
                    found = record.value
    return decode_written(found)


async def _is_seen(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> bool:
    """Return whether a record is committed, in a log that is decided beyond it."""
    consumer.seek(place, offset)
    while await consumer.position(place) <= offset:
        for records in (await consumer.getmany(place, timeout_ms=200)).values():
            return bool(records[0].offset == offset)
    return False
