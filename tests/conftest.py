"""What every test gets: an empty environment, no network but loopback, and real servers on request."""

import gc
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, is_hypothesis_test, settings

from .isolation import NetworkGuard, strip_environment
from .measured import end_earlier_measurements, first_examples_measured, unmeasured
from .scheduling import TIMED, Scheduling
from .servers import (
    Distribution,
    KafkaServer,
    RedisServer,
    SharedKafka,
    SharedRedis,
    find_binary,
    find_kafka,
    find_redis,
    obtain,
    provide,
    required,
)

_NAME_CHARS_MAX = 40
# Processes that are killed never come to tell what they did, and the others' own tests say nothing of ours.
_UNMEASURED = (
    *("tests/agent_kills/", "tests/faults/", "tests/kills/", "tests/money/"),
    *("tests/asyncapi/", "tests/sdk/"),
)
_IMPORTING = "gw0"
"""The worker that measures what importing runs; a run without workers does too."""
_GUARD = NetworkGuard()
_TESTS = count()
# Examples of each property: enough to find what a change broke while one works, in CI, and overnight.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile(
    "ci", max_examples=20, deadline=None, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile(
    "mutant", max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=_SLOW
)
settings.register_profile("nightly", max_examples=5_000, deadline=None, suppress_health_check=_SLOW)
_RUN = f"{os.getpid()}-{int(time.time())}"


def pytest_configure(config: pytest.Config) -> None:
    """Isolate the run before anything of the project is imported."""
    if hasattr(config, "workerinput"):
        end_earlier_measurements()
    settings.load_profile(os.environ.get("TAPEREADER_TEST_HYPOTHESIS", "dev"))
    strip_environment(os.environ)
    try:
        required(os.environ)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    sys.addaudithook(_GUARD.audit)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Share out the tests, where several are run at a time."""
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Let one worker measure what importing runs: it is the same in each, and takes twice the time."""
    worker = getattr(session.config, "workerinput", {"workerid": _IMPORTING})
    with nullcontext() if worker["workerid"] == _IMPORTING else unmeasured():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put last what says how long things take: by then the unit tests beside it are through."""
    items.sort(key=lambda item: item.path.name in TIMED)


def pytest_collection_finish() -> None:
    """Spare the tests that Python looks for garbage in what all of them share: a twentieth of their time."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure coverage where it can be learned, and in the first examples of a property: it doubles their time."""
    if item.nodeid.startswith(_UNMEASURED):
        measured: AbstractContextManager[None] = unmeasured()
    elif is_hypothesis_test(test := getattr(item, "obj", None)):
        measured = first_examples_measured(test)
    else:
        measured = nullcontext()
    with measured:
        return (yield)


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """Fail the test that reached outside this machine, even where its code swallowed the refusal."""
    yield
    if refused := _GUARD.take_refused():
        pytest.fail("the test reached outside this machine:\n" + "\n".join(refused), pytrace=False)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedKafka]:
    """The Kafka all tests of the run share; each keeps to its own ``topic_prefix``."""
    folder = tmp_path_factory.mktemp("kafka")
    server = obtain("kafka", lambda: find_kafka(os.environ, folder), os.environ)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def kafka_distribution() -> Distribution:
    """Kafka's programs, for tests that start brokers of their own."""
    return obtain("kafka", lambda: provide(os.environ), os.environ)


@pytest.fixture
def start_kafka(
    kafka_distribution: Distribution, tmp_path: Path
) -> Iterator[Callable[..., KafkaServer]]:
    """Start a broker of this test's own, ``settings`` over the usual ones: to be killed, paused, restarted."""
    servers: list[KafkaServer] = []

    def start(settings: Mapping[str, str] | None = None) -> KafkaServer:
        server = KafkaServer(kafka_distribution, tmp_path / f"kafka-{len(servers)}", settings)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedRedis]:
    """The Redis all tests of the run share; each puts ``topic_prefix`` before its keys."""
    folder = tmp_path_factory.mktemp("redis")
    server = obtain("redis", lambda: find_redis(os.environ, folder), os.environ)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Start a Redis of this test's own, ``options`` over the usual ones: to be killed, flushed, restarted."""
    binary = obtain("redis", lambda: find_binary(os.environ), os.environ)
    servers: list[RedisServer] = []

    def start(options: Mapping[str, str] | None = None) -> RedisServer:
        server = RedisServer(binary, tmp_path / f"redis-{len(servers)}", options)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def topic_prefix(request: pytest.FixtureRequest) -> str:
    """A prefix no other test of any run has: for topics, groups, transactional ids and keys."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:_NAME_CHARS_MAX]
    return f"{name}.{_RUN}-{next(_TESTS)}."
