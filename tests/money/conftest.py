"""A Sentinel of a test's own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers import RedisServer, find_binary, obtain

from .sentinel import SentinelServer


@pytest.fixture
def start_sentinel(
    tmp_path: Path,
) -> Iterator[Callable[[RedisServer, RedisServer], SentinelServer]]:
    """Start a Sentinel over a master and its replica; the replica is known when it answers."""
    binary = obtain("redis", lambda: find_binary(os.environ), os.environ)
    servers: list[SentinelServer] = []

    def start(master: RedisServer, replica: RedisServer) -> SentinelServer:
        del replica
        server = SentinelServer(binary, tmp_path / "sentinel", master)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.close()
