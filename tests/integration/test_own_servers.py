"""Servers of our own can be hurt, keep their data, and leave nothing behind."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.servers import Distribution, KafkaServer, RedisServer, ServerError
from tests.servers.process import lives, survivors

from .records import PATIENCE_S, create_topic, read, write

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def broker(
    kafka_distribution: Distribution, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaServer]:
    """One broker that the tests of this module may hurt, each leaving it in good health."""
    server = KafkaServer(kafka_distribution, tmp_path_factory.mktemp("broker"))
    server.start()
    yield server
    server.close()


async def test_a_restart_keeps_address_and_data(broker: KafkaServer, topic_prefix: str) -> None:
    """What was acknowledged before an orderly restart is read after it, at the same address."""
    topic, bootstrap = create_topic(broker.bootstrap, topic_prefix + "numbers"), broker.bootstrap
    await write(broker.bootstrap, topic, [b"before"])
    pid = broker.pid
    broker.restart()
    assert broker.pid != pid
    await write(bootstrap, topic, [b"after"])
    assert await read(bootstrap, topic, "read_committed", 2) == [b"before", b"after"]


async def test_a_kill_leaves_no_process_and_loses_no_record(
    broker: KafkaServer, topic_prefix: str
) -> None:
    """After SIGKILL nothing of the broker runs; started again it has what it acknowledged."""
    topic = create_topic(broker.bootstrap, topic_prefix + "numbers")
    await write(broker.bootstrap, topic, [b"one", b"two"])
    pid = broker.pid
    broker.kill()
    assert not lives(pid)
    assert not broker.running
    broker.start()
    assert await read(broker.bootstrap, topic, "read_committed", 2) == [b"one", b"two"]


def test_a_paused_broker_is_silent_until_it_goes_on(broker: KafkaServer) -> None:
    """A frozen broker neither answers nor refuses; afterwards it serves as before."""
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    broker.pause()
    try:
        with pytest.raises(KafkaException, match=r"(?i)transport|timed out"):
            client.list_topics(timeout=0.5)
        assert broker.running
    finally:
        broker.resume()
    assert client.list_topics(timeout=PATIENCE_S).brokers


def test_settings_reach_the_broker(start_kafka: Callable[..., KafkaServer]) -> None:
    """A test's own server properties go over the usual ones."""
    broker = start_kafka({"message.max.bytes": "123456"})
    resource = ConfigResource(ResourceType.BROKER, "1")
    client = AdminClient({"bootstrap.servers": broker.bootstrap})
    described = client.describe_configs([resource])[resource].result(timeout=PATIENCE_S)
    assert described["message.max.bytes"].value == "123456"


def test_a_broker_that_cannot_start_says_why(
    kafka_distribution: Distribution, tmp_path: Path
) -> None:
    """The error of a failed start carries the broker's own words, and nothing keeps running."""
    server = KafkaServer(kafka_distribution, tmp_path, {"process.roles": "bystander"})
    with pytest.raises(ServerError, match="ended while it started") as caught:
        server.start()
    assert "bystander" in "".join(caught.value.__notes__)
    assert not server.running


@pytest.mark.parametrize("end", [RedisServer.stop, RedisServer.kill])
def test_redis_keeps_what_it_acknowledged(
    start_redis: Callable[..., RedisServer], end: Callable[[RedisServer], None]
) -> None:
    """After an orderly end and after SIGKILL alike, the next start has every write."""
    server = start_redis()
    with Redis.from_url(server.url) as client:
        for number in range(500):
            client.set(f"key-{number}", number)
    pid = server.pid
    end(server)
    assert not lives(pid)
    server.start()
    with Redis.from_url(server.url) as client:
        assert client.dbsize() == 500


def test_redis_takes_options_and_pauses(start_redis: Callable[..., RedisServer]) -> None:
    """A test's own options go over the usual ones, and a frozen server is silent."""
    server = start_redis({"maxmemory": "8mb", "maxmemory-policy": "allkeys-lfu"})
    with Redis.from_url(server.url, socket_timeout=0.2, retry=None) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "allkeys-lfu"
        server.pause()
        with pytest.raises(RedisTimeoutError):
            client.ping()
        server.resume()
        server.kill()
        with pytest.raises(RedisConnectionError):
            client.ping()


PARENT = """
import os, sys, time
from pathlib import Path
from tests.servers import KafkaServer, RedisServer, find_binary, provide
folder = Path(sys.argv[1])
redis = RedisServer(find_binary(os.environ), folder / "redis")
kafka = KafkaServer(provide(os.environ), folder / "kafka")
redis.start()
kafka.start()
kafka.pause()
print(redis.pid, kafka.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_run_leaves_no_server(kafka_distribution: Distribution, tmp_path: Path) -> None:
    """Where the test run itself is killed, its servers end with it, a frozen one too."""
    assert kafka_distribution.home.exists()
    parent = subprocess.Popen(  # noqa: S603  # This interpreter, our script.
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(lives(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        assert survivors(pids, PATIENCE_S) == []
    finally:
        parent.kill()
        parent.communicate()
