"""The posts of the last minutes off a real broker: what stands there, what comes, and what is no post."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import REGISTRY

from agents.ask.excerpts.recent import RecentPosts
from agents.posts import TOPIC, PostReader
from tests.servers import KafkaServer, SharedKafka
from tests.unit.agents.ask.excerpts.posts import post
from topics import Post, PostDeleted, encode, partition_of
from topics.broker import apply_topics
from topics.marks import Heartbeat
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

from .agent_runs import now_ms, until

pytestmark = pytest.mark.integration
WINDOW_MS = 900_000


def counted(name: str, **labels: str) -> float:
    """Return a counter."""
    return REGISTRY.get_sample_value(f"tapereader_agent_{name}_total", labels) or 0.0


def of(broker: BrokerSettings, value: bytes | None, asset: str = "SOL") -> OutRecord:
    """Return a record of an asset as it is."""
    partition = partition_of(asset, broker.partitions)
    return OutRecord(broker.topic(TOPIC), partition, asset.encode(), value)


def now(number: int, asset: str = "SOL", **changes: object) -> Post:
    """Return a post of this moment."""
    fields = {"subject": asset, "event_ms": now_ms(), "received_ms": now_ms()}
    return post(number, f"post {number}", **fields | changes)


async def write(broker: BrokerSettings, *records: OutRecord) -> None:
    """Return once all are acknowledged."""
    sender = Sender(broker)
    try:
        await sender.deliver(list(records))
    finally:
        await sender.close()


@asynccontextmanager
async def reading(broker: BrokerSettings, window_ms: int = WINDOW_MS) -> AsyncIterator[RecentPosts]:
    """Follow the topic, and give the posts of lately; it must not end by itself."""
    posts = RecentPosts(window_ms=window_ms, posts_max=9, chars_max=99, assets_max=9)
    reader = PostReader(broker, posts, window_ms=window_ms, now_ms=now_ms)
    task = asyncio.create_task(reader.run())
    try:
        yield posts
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def texts(posts: RecentPosts, asset: str = "SOL") -> list[str]:
    """Return what is said of an asset."""
    return [one.text for one in posts.about(asset, now_ms() + 1_000)]


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=3)
    await asyncio.to_thread(apply_topics, made)
    return made


async def test_all_partitions_are_read_and_what_is_no_post_is_passed_by(
    broker: BrokerSettings,
) -> None:
    """From the window before the start on; marks are no posts, and what cannot be read is counted."""
    assets = ("SOL", "BTC", "ETH", "ADA")
    assert len({partition_of(asset, 3) for asset in assets}) > 1
    unreadable, bots = counted("posts", fate="unreadable"), counted("posts", fate="bot")
    beat = Heartbeat(source="posts", epoch=1, through_ms=now_ms())
    await write(
        broker,
        *(of(broker, encode(now(n, asset)), asset) for n, asset in enumerate(assets)),
        *(of(broker, junk) for junk in (b"", b"{", b'{"type":"next"}', b"\xff", encode(beat))),
        of(broker, encode(now(8, bot=True))),
    )
    async with reading(broker) as posts:
        await until(lambda: posts.posts == 4)
        await write(broker, of(broker, encode(now(9))))
        await until(lambda: posts.posts == 5)
        assert texts(posts) == ["post 0", "post 9"]
        assert [texts(posts, asset) for asset in assets[1:]] == [["post 1"], ["post 2"], ["post 3"]]
    assert counted("posts", fate="unreadable") == unreadable + 4
    assert counted("posts", fate="bot") == bots + 1
    assert REGISTRY.get_sample_value("tapereader_agent_posts_kept") == 5
    assert REGISTRY.get_sample_value("tapereader_agent_posts_assets") == 4


async def test_what_is_of_long_ago_is_not_kept(broker: BrokerSettings) -> None:
    """Neither from before the start, nor when its time has passed."""
    await write(broker, of(broker, encode(now(1))))
    await asyncio.sleep(1.1)
    async with reading(broker, window_ms=1_000) as posts:
        await write(broker, of(broker, encode(now(2))))
        await until(lambda: posts.posts == 1)
        await until(lambda: posts.posts == 0)
        assert posts.assets == 0


async def test_a_post_that_was_taken_back_is_forgotten_at_once(broker: BrokerSettings) -> None:
    """Whether it was read before, or stands in the log with its deletion when reading begins."""
    gone = PostDeleted(
        subject="SOL",
        source="posts",
        platform="platform",
        post_id="1",
        event_ms=now_ms(),
        received_ms=now_ms(),
    )
    deleted = counted("posts", fate="deleted")
    await write(broker, of(broker, encode(now(1))), of(broker, encode(now(2))))
    async with reading(broker) as posts:
        await until(lambda: posts.posts == 2)
        await write(broker, of(broker, encode(gone)))
        await until(lambda: posts.posts == 1)
        assert texts(posts) == ["post 2"]
        assert counted("posts", fate="deleted") == deleted + 1
    async with reading(broker) as posts:
        await write(broker, of(broker, encode(now(1))), of(broker, encode(now(3))))
        await until(lambda: texts(posts) == ["post 2", "post 3"])


@pytest.mark.nightly  # a broker takes seconds to come back
async def test_a_broker_that_goes_away_is_waited_for(
    start_kafka: Callable[..., KafkaServer], topic_prefix: str
) -> None:
    """From the start on, or in between; what was posted before is kept, and what is posted after is read."""
    server, lost = start_kafka(), counted("posts_lost")
    broker = BrokerSettings(bootstrap=server.bootstrap, prefix=topic_prefix, partitions=1)
    await asyncio.to_thread(apply_topics, broker)
    await write(broker, of(broker, encode(now(1))))
    async with reading(broker) as posts:
        await until(lambda: posts.posts == 1)
        server.kill()
        async with reading(broker) as others:
            await until(lambda: counted("posts_lost") > lost)
            assert texts(posts) == ["post 1"]
            await asyncio.to_thread(server.start)
            await write(broker, of(broker, encode(now(2))))
            await until(lambda: posts.posts == 2 and others.posts == 2)


async def test_whoever_ends_is_not_held_up_by_a_broker_that_is_not_there() -> None:
    """And nothing is raised meanwhile."""
    lost = counted("posts_lost")
    async with reading(BrokerSettings(bootstrap="127.0.0.1:9", partitions=1)):
        await until(lambda: counted("posts_lost") > lost)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 5.0


async def test_a_defect_ends_nothing_and_says_nothing_of_what_was_posted(
    broker: BrokerSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is counted, and told by its kind alone."""
    lost = counted("posts_lost")

    class Broken(RecentPosts):
        """Fails at any post."""

        def take(self, post: Post, logged_ms: int, now_ms: int) -> list[Any]:
            """Fail."""
            raise ValueError(post.text, logged_ms, now_ms)

    await write(broker, of(broker, encode(now(1))))
    broken = Broken(window_ms=WINDOW_MS, posts_max=9, chars_max=99, assets_max=9)
    task = asyncio.create_task(PostReader(broker, broken, window_ms=WINDOW_MS, now_ms=now_ms).run())
    await until(lambda: counted("posts_lost") > lost)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    said = capsys.readouterr().out
    assert "ValueError" in said
    assert "post 1" not in said
