"""What the log says of the time before a start: what was told, how much in the last hour, and what fires.

Nothing of it is kept anywhere else. What was gathered or held back when a process died was not committed, so it is
read again; what it had told by then stands in `notifications`, and is not told again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from topics import BY_NAME, ContractError, Decoder, Notification
from topics.record import LogRecord
from topics.settings import BrokerSettings

from .metrics import NOTIFY
from .outcome import NOT_BORNE_OUT
from .pacing import HOUR_MS
from .standing import Book
from .topic_log import offsets_at, reader, up_to

SLACK_MS = 60_000
"""How far two hosts' clocks may be apart."""
REACH_MS = 7 * 86_400_000
"""An alert that has fired for longer without a word is not told to an Alertmanager any more."""

E = TypeVar("E")

log = structlog.get_logger()


class Past(Struct):
    """What was before."""

    settled: set[str]
    """Keys of what was told, muted or given up."""
    left_out: set[tuple[str, str]]
    """Receivers and the alerts they were not told of, as their analyses did not bear them out."""
    begun_ms: dict[str, list[int]]
    """By receiver, when the messages of the last hour were taken."""
    book: Book


async def read_past(
    broker: BrokerSettings, begins: Mapping[TopicPartition, int], now_ms: int
) -> Past:
    """Return what was before, for one who goes on at these offsets of `alerts` and `analyses`.

    Raises:
        aiokafka.errors.KafkaError: The broker cannot be reached.
    """
    past = Past(set(), set(), {}, Book())
    async with reader(broker, "alerts", "notifications") as (consumer, places):
        alerts = [place for place in places if place.topic == broker.topic("alerts")]
        told = [place for place in places if place not in alerts]
        await _seek(consumer, alerts, now_ms - REACH_MS)
        async for record in up_to(consumer, {place: begins[place] for place in alerts}):
            _read(past.book.take, "alerts", record)
        since_ms = await _unfinished_since_ms(consumer, begins, now_ms)
        await _seek(consumer, told, since_ms)
        messages: dict[str, dict[str, int]] = defaultdict(dict)

        def take(notification: Notification, logged_ms: int) -> None:
            del logged_ms
            past.settled.add(notification.notification_id)
            if notification.words == NOT_BORNE_OUT:
                past.left_out.add((notification.receiver, notification.alert_id))
            of_receiver, message = messages[notification.receiver], notification.message_id
            if message is not None and notification.at_ms > now_ms - HOUR_MS:
                of_receiver[message] = max(notification.at_ms, of_receiver.get(message, 0))

        async for record in up_to(consumer, await consumer.end_offsets(told)):
            _read(take, "notifications", record)
    past.begun_ms = {name: sorted(of.values()) for name, of in messages.items()}
    return past


def _read(take: Callable[[E, int], object], topic: str, record: LogRecord) -> None:
    if record.value is None:
        return
    decoder: Decoder[E] = BY_NAME[topic].decoder()
    try:
        take(decoder.decode(record.value), record.timestamp)
    except ContractError as refused:
        NOTIFY.unreadable.labels(topic).inc()
        log.warning("a record cannot be read", topic=topic, offset=record.offset, why=str(refused))


async def _seek(consumer: AIOKafkaConsumer, places: list[TopicPartition], since_ms: int) -> None:
    for place, offset in (await offsets_at(consumer, places, since_ms)).items():
        consumer.seek(place, offset)


async def _unfinished_since_ms(
    consumer: AIOKafkaConsumer, begins: Mapping[TopicPartition, int], now_ms: int
) -> int:
    """Return a time before which nothing was logged that is not finished, an hour ago at the latest."""
    reach_ms = HOUR_MS
    while reach_ms < REACH_MS:
        found = await offsets_at(consumer, list(begins), now_ms - reach_ms)
        if all(found[place] <= begin for place, begin in begins.items()):
            break
        reach_ms *= 2
    return now_ms - reach_ms - SLACK_MS
