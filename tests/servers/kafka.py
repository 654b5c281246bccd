"""A real Kafka for tests: one that is given, one in Docker, or one that Java runs here."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from . import engine
from .jars import Distribution, kafka_version, properties, provide
from .process import free_ports
from .requirement import UnavailableError, given
from .server import OwnServer, wait_until

ADDRESS = "TAPEREADER_TEST_KAFKA"
"""host:port of a broker on this machine, to use as it is."""
_READY_S = 60.0
_ASK_S = 1.0

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker is let in again when its old session is over: after 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
"""What a broker of one node needs, and what tests need of it."""


class SharedKafka(Protocol):
    """A Kafka that all tests of a run share; none of them may stop it."""

    @property
    def bootstrap(self) -> str:
        """Its host:port."""

    def start(self) -> None:
        """Return when it answers."""

    def close(self) -> None:
        """End it and remove its data, if it is ours."""


class KafkaServer(OwnServer):
    """A broker of our own: KRaft, one node."""

    def __init__(
        self, distribution: Distribution, folder: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """Choose its ports. ``settings`` are server properties that go over ``SETTINGS``."""
        super().__init__(folder)
        port, controller_port = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self._distribution = distribution
        self._settings = SETTINGS | {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
            "log.dirs": str(self.data),
            **(settings or {}),
        }

    @property
    def address(self) -> str:
        """Its host:port, as ``bootstrap``."""
        return self.bootstrap

    def _prepare(self) -> list[str]:
        if not self.data.exists():
            shutil.copytree(self._distribution.formatted, self.data)
        config = self.folder / "server.properties"
        config.write_text(properties(self._settings))
        return [*self._distribution.command, "kafka.Kafka", str(config)]

    def _ask(self) -> Callable[[], bool]:
        return _question(self.bootstrap)


class GivenKafka:
    """A broker somebody else runs; it is used as it is."""

    def __init__(self, bootstrap: str) -> None:
        """Take its host:port."""
        self.bootstrap = bootstrap

    def start(self) -> None:
        """Return when it answers."""
        wait_until(_question(self.bootstrap), self.bootstrap, _READY_S)

    def close(self) -> None:
        """Leave it alone."""


class DockerKafka(engine.KafkaContainer):
    """A broker in a container. What must kill its broker takes ``KafkaServer``."""

    def start(self) -> None:
        """Start it and return when it answers."""
        super().start()
        wait_until(_question(self.bootstrap), self.bootstrap, _READY_S)


def find_kafka(environ: Mapping[str, str], folder: Path) -> SharedKafka:
    """Return the first Kafka there is, not started yet: given, in Docker, by Java.

    Raises:
        UnavailableError: there is none; the message says why of each.
    """
    bootstrap = given(environ, ADDRESS, lambda address: urlsplit(f"//{address}").hostname)
    if bootstrap is not None:
        return GivenKafka(bootstrap)
    image = engine.image(kafka_version())
    lack = engine.lack(environ, image)
    if lack is None:
        return DockerKafka(image, SETTINGS, free_ports(1)[0])
    try:
        return KafkaServer(provide(environ), folder)
    except UnavailableError as error:
        message = f"{ADDRESS} is not set; {lack}; {error}"
        raise UnavailableError(message) from None


def _question(bootstrap: str) -> Callable[[], bool]:
    client = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,  # It prints every refused connection otherwise.
        }
    )

    def answers() -> bool:
        try:
            return bool(client.list_topics(timeout=_ASK_S).brokers)
        except KafkaException:
            return False

    return answers
