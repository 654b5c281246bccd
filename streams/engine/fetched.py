"""Fetched records as the client parsed them, without an object of aiokafka's own around each.

aiokafka makes a `ConsumerRecord` of every record it hands over, which costs more than reading the event in it.
The parsed record has all that the folds ask: offset, timestamp, key and value.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords


class ParsedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped
    """The records of one fetch, each as it was parsed. Which are aborted or markers stays aiokafka's to say."""

    def __iter__(self) -> Iterator[Any]:
        return self._records_iterator  # type: ignore[no-any-return]

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:  # noqa: ANN401, ARG002 - aiokafka's
        return record


class Results(OrderedDict[TopicPartition, Any]):
    """What was fetched and not yet handed over, by partition."""

    def __setitem__(self, place: TopicPartition, result: Any) -> None:  # noqa: ANN401 - a result or an error
        if isinstance(result, FetchResult):
            # Nothing of it has been read yet; aiokafka has no other place to say which class is to read it.
            result._partition_records.__class__ = ParsedRecords  # noqa: SLF001
        super().__setitem__(place, result)


def hand_over_parsed(consumer: AIOKafkaConsumer) -> None:
    """Let a started consumer hand over parsed records. Nothing of it may have been consumed."""
    fetcher = consumer._fetcher  # noqa: SLF001
    waiting = Results()
    for place, result in fetcher._records.items():  # noqa: SLF001
        waiting[place] = result
    fetcher._records = waiting  # noqa: SLF001
