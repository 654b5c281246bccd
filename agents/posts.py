"""Reads `raw.social` for the posts of the last minutes; only where a model may be asked about them.

Every worker reads all partitions, without a group: what an asset's posts were is known at once where its partition has
just come from another worker, and nothing is committed. That is as much traffic as the topic has, for each worker.
Nothing that happens here ends or holds up what does without posts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from topics import BY_NAME, ContractError, Post, PostDeleted
from topics.closing import close_consumer
from topics.settings import BrokerSettings

from .ask.excerpts.recent import RecentPosts
from .metrics import AGENT
from .tails import AGAIN_S, POLL_MS

TOPIC = "raw.social"
ROUND_MAX = 200
"""Records at a time: two milliseconds of the loop that everything else runs in, six on a busy machine."""
PAUSE_S = 0.02
"""After each round: of a flood no more than 10,000 posts a second are read, and the loop is free in between."""

log = structlog.get_logger()


class PostReader:
    """Keeps the latest posts up to date."""

    def __init__(
        self,
        broker: BrokerSettings,
        posts: RecentPosts,
        *,
        window_ms: int,
        now_ms: Callable[[], int],
    ) -> None:
        """Prepare; nothing is read before `run`. Of before that it reads what was logged within ``window_ms``."""
        self._broker, self._posts = broker, posts
        self._window_ms, self._now_ms = window_ms, now_ms
        self._decode = BY_NAME[TOPIC].decoder().decode

    async def run(self) -> None:
        """Read until cancelled, whatever happens; what cannot be read is waited for."""
        while True:
            try:
                async with _reader(self._broker) as consumer:
                    await self._follow(consumer)
            except (KafkaError, OSError, TimeoutError) as error:
                AGENT.posts_lost.inc()
                log.warning("posts cannot be read", error=repr(error))
            except Exception as error:  # noqa: BLE001 - a defect here must not end what does without posts
                AGENT.posts_lost.inc()
                # Not what it says: that may be a post's text.
                log.error("posts cannot be read, by a defect", error=type(error).__name__)  # noqa: TRY400
            await asyncio.sleep(AGAIN_S)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        topic = self._broker.topic(TOPIC)
        places = [TopicPartition(topic, number) for number in range(self._broker.partitions)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        since_ms = max(0, self._now_ms() - self._window_ms)
        begins = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
        for place in places:
            begin = begins[place]
            consumer.seek(place, ends[place] if begin is None else begin.offset)
        while True:
            rounds = await consumer.getmany(timeout_ms=POLL_MS, max_records=ROUND_MAX)
            now_ms = self._now_ms()
            for records in rounds.values():
                for record in records:
                    self._take(record.value, record.timestamp, now_ms)
            self._posts.forget(now_ms)
            AGENT.posts_kept.set(self._posts.posts)
            AGENT.posts_assets.set(self._posts.assets)
            await asyncio.sleep(PAUSE_S)

    def _take(self, value: bytes | None, logged_ms: int, now_ms: int) -> None:
        try:
            event = self._decode(value or b"")
        except ContractError:
            AGENT.posts.labels("unreadable").inc()  # not logged: why it is may hold a part of it
            return
        if isinstance(event, Post):
            for fate in self._posts.take(event, logged_ms, now_ms):
                AGENT.posts.labels(fate).inc()
        elif isinstance(event, PostDeleted):
            taken_back = self._posts.delete(event.subject, event.platform, event.post_id)
            if taken_back:
                AGENT.posts.labels("deleted").inc()


@asynccontextmanager
async def _reader(broker: BrokerSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**broker.reader_options(), auto_offset_reset="latest")
    try:
        await consumer.start()
        yield consumer
    finally:
        await close_consumer(consumer)
