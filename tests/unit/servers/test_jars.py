"""Kafka is copied once for a user, whole or not at all, however many want it at once."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import UnavailableError, provide
from tests.servers.jars import cache, kafka_version, once


def test_of_many_at_once_one_builds(tmp_path: Path) -> None:
    """The others wait and find the whole folder."""
    builds: list[Path] = []
    folder = tmp_path / "cache" / "kafka"

    def build(draft: Path) -> None:
        builds.append(draft)
        (draft / "first").touch()
        time.sleep(0.1)  # Room for the others to come in.
        (draft / "last").touch()

    def ask(_: int) -> bool:
        once(folder, build)
        return (folder / "last").exists()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(8)))
    assert len(builds) == 1


def test_a_failed_build_leaves_nothing_to_be_found(tmp_path: Path) -> None:
    """The next one builds anew."""
    folder = tmp_path / "kafka"

    def fail(draft: Path) -> None:
        (draft / "half").touch()
        message = "no network"
        raise UnavailableError(message)

    with pytest.raises(UnavailableError):
        once(folder, fail)
    assert not folder.exists()
    once(folder, lambda draft: (draft / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_the_remains_of_a_killed_build_are_thrown_away(tmp_path: Path) -> None:
    """A half-copied jar never reaches the folder."""
    folder = tmp_path / "kafka"
    (tmp_path / "kafka.draft").mkdir()
    (tmp_path / "kafka.draft" / "half.jar").touch()
    once(folder, lambda draft: (draft / "whole.jar").touch())
    assert [path.name for path in folder.iterdir()] == ["whole.jar"]


def test_the_cache_is_outside_the_checkout(tmp_path: Path) -> None:
    """It follows the XDG base directories, and survives a fresh clone."""
    assert cache({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "tapereader"
    assert cache({}) == Path.home() / ".cache" / "tapereader"


def test_the_pom_names_the_version() -> None:
    """It is written in one place."""
    assert kafka_version().count(".") == 2


def test_without_java_kafka_is_unavailable(tmp_path: Path) -> None:
    """The reason names what to install."""
    with pytest.raises(UnavailableError, match="java is not on the PATH"):
        provide({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)})


def test_a_maven_that_fails_makes_kafka_unavailable(
    tmp_path: Path, program: Callable[[str, str], None]
) -> None:
    """Without a network and without a cache the test is skipped with Maven's own words."""
    program("java", "exit 0")
    program("mvn", "echo could not transfer; exit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    with pytest.raises(UnavailableError, match="mvn failed with exit status 1: could not transfer"):
        provide({"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache")})


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], None]:
    """Return a function that makes a program of shell lines."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name: str, lines: str) -> None:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{lines}\n")
        file.chmod(0o755)

    return make
