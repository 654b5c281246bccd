"""Two brokers, of which the second only keeps copies: without it the first refuses what needs both."""

import base64
import time
from pathlib import Path

from confluent_kafka import Consumer
from confluent_kafka.admin import NewTopic

from tests.integration.records import PATIENCE_S
from tests.servers import Distribution, KafkaServer
from topics import BY_NAME
from topics.broker import BrokerSettings, admin_client, apply_topics, topic_config
from topics.catalog import TOPICS

OUTPUTS = ("analyses", "decisions", "journal", "deadletters")
"""What an agent writes, and waits for."""
_NODE_ID = 2
_DIRECTORY_ID = base64.urlsafe_b64encode(b"tapereader-copy2").decode().rstrip("=")


class CopyingBroker(KafkaServer):
    """A second broker of a cluster: no controller."""

    def __init__(self, distribution: Distribution, folder: Path, first: KafkaServer) -> None:
        """Choose its port."""
        super().__init__(distribution, folder)
        self._settings |= {
            "process.roles": "broker",
            "node.id": str(_NODE_ID),
            "listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": first._settings["controller.quorum.voters"],
        }

    def _prepare(self) -> list[str]:
        command = super()._prepare()
        known = self.data / "meta.properties"
        lines = dict(
            line.split("=", 1)
            for line in known.read_text().splitlines()
            if not line.startswith("#")
        )
        lines |= {"node.id": str(_NODE_ID), "directory.id": _DIRECTORY_ID}
        known.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        return command


class Cluster:
    """The first broker has everything, and coordinates the groups; of the agent's outputs the second has copies.

    Kafka asks for no more copies in sync than a partition has, so a topic with one copy cannot be made to refuse.
    """

    def __init__(self, distribution: Distribution, folder: Path) -> None:
        """Nothing is started yet."""
        self.first = KafkaServer(distribution, folder / "first")
        self.copying = CopyingBroker(distribution, folder / "copying", self.first)

    def start(self, prefix: str, partitions: int) -> BrokerSettings:
        """Start both with a pipeline's topics, and return how to reach it."""
        self.first.start()
        broker = BrokerSettings(
            bootstrap=self.first.bootstrap, prefix=prefix, partitions=partitions
        )
        apply_topics(broker, [topic for topic in TOPICS if topic.name not in OUTPUTS])
        _have_offsets_topic(broker)
        self.copying.start()
        self._create_outputs(broker)
        return broker

    def _create_outputs(self, broker: BrokerSettings) -> None:
        admin = admin_client(broker)  # its answers come while it lives
        until_s = time.monotonic() + PATIENCE_S
        while len(admin.list_topics(timeout=PATIENCE_S).brokers) < _NODE_ID:
            assert time.monotonic() < until_s, "the second broker does not come"
            time.sleep(0.1)
        new = [
            NewTopic(
                broker.topic(name),
                num_partitions=broker.partitions,
                replica_assignment=[[1, _NODE_ID]] * broker.partitions,
                config=topic_config(BY_NAME[name]) | {"min.insync.replicas": "2"},
            )
            for name in OUTPUTS
        ]
        for created in admin.create_topics(new).values():
            created.result(PATIENCE_S)

    def close(self) -> None:
        """End both."""
        self.copying.close()
        self.first.close()


def _have_offsets_topic(broker: BrokerSettings) -> None:
    """Have the groups' own topic made while there is one broker to put it on."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": broker.topic("first")})
    try:
        consumer.subscribe([broker.topic("aggregates")])
        until_s = time.monotonic() + PATIENCE_S
        while not consumer.assignment():
            assert time.monotonic() < until_s, "no group was formed"
            consumer.poll(0.1)
    finally:
        consumer.close()
