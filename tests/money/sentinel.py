"""A Sentinel for tests: the same program as Redis, which watches a master and makes its replica one."""

from collections.abc import Callable
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from tests.servers import RedisServer
from tests.servers.process import free_ports
from tests.servers.server import OwnServer

NAME = "money"
DOWN_MS = 600


class SentinelServer(OwnServer):
    """One Sentinel, whose word is enough."""

    ready_s = 20.0

    def __init__(self, binary: Path, folder: Path, master: RedisServer) -> None:
        """Choose its port."""
        super().__init__(folder)
        (self.port,) = free_ports(1)
        self.url = f"redis+sentinel://127.0.0.1:{self.port}/{NAME}"
        self._binary, self._master = binary, master

    @property
    def address(self) -> str:
        """Its address, as ``url``."""
        return self.url

    def _prepare(self) -> list[str]:
        self.data.mkdir(exist_ok=True)
        config = self.data / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.data}\n"
            f"sentinel monitor {NAME} 127.0.0.1 {self._master.port} 1\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_MS}\n"
            f"sentinel failover-timeout {NAME} 4000\n"
        )
        return [str(self._binary), str(config), "--sentinel"]

    def _ask(self) -> Callable[[], bool]:
        return self._knows_the_replica

    def _knows_the_replica(self) -> bool:
        with Redis(port=self.port, socket_timeout=1.0, decode_responses=True) as client:
            try:
                replicas = client.execute_command("SENTINEL", "REPLICAS", NAME)
            except RedisError:
                return False
        return len(replicas) == 1
