"""Kafka itself: how to reach it, and whether its topics are what the catalog says. The one module here with I/O."""

import ssl
from collections.abc import Iterator
from typing import Any, Literal

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from .catalog import RECORD_BYTES_MAX, TOPICS, Topic
from .errors import TopicsError

_TIMEOUT_S = 15.0


class BrokerSettings(BaseModel):
    """How to reach Kafka, and how this pipeline's topics are laid out on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap: str = Field(default="127.0.0.1:9092", min_length=1)
    """Comma-separated host:port list of one or more brokers."""
    prefix: str = Field(default="tapereader.", pattern=r"^[A-Za-z0-9._-]{1,80}$")
    """Before every topic, group and transactional id, so that many pipelines share a cluster."""
    partitions: int = Field(default=12, ge=1, le=1000)
    """Of every topic. It cannot change later: state is cut by partition."""
    replication: int = Field(default=1, ge=1, le=7)
    """Copies of every partition. 3 on a cluster, with min.insync.replicas 2."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None
    """A PEM file of the authorities to trust, beside the system's."""
    embedded: bool = False
    """The demo's own broker: it creates topics by itself, and its transaction markers have no checksum."""

    def topic(self, name: str) -> str:
        """Return a catalog topic's name on the broker."""
        return self.prefix + name

    def client_options(self) -> dict[str, Any]:
        """Return what every aiokafka client is given."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
        }
        if "SASL" in self.security:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password and self.password.get_secret_value(),
            }
        if "SSL" in self.security:
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        return options

    def reader_options(self) -> dict[str, Any]:
        """Return what every aiokafka consumer is given: nobody reads what was not committed."""
        return self.client_options() | {
            "isolation_level": "read_committed",
            "check_crcs": not self.embedded,
            "enable_auto_commit": False,
        }

    def admin(self) -> AdminClient:
        """Return a client for topics."""
        options: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security,
            "log_level": 0,
        }
        if "SASL" in self.security:
            options |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password and self.password.get_secret_value(),
            }
        if self.ca_file:
            options["ssl.ca.location"] = self.ca_file
        return AdminClient(options)


def topic_config(topic: Topic) -> dict[str, str]:
    """Return the broker's settings of a topic."""
    config = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": str(RECORD_BYTES_MAX),
        **topic.config,
    }
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
    return config


def apply_topics(settings: BrokerSettings) -> list[str]:
    """Create what is missing, correct settings that differ, and return what was done, in words.

    Raises:
        TopicsError: The broker cannot be reached, or a topic has another partition count.
    """
    admin = settings.admin()
    if settings.embedded:
        return _touch(admin, settings)
    existing = _partition_counts(admin)
    missing = [topic for topic in TOPICS if settings.topic(topic.name) not in existing]
    done = []
    new = [
        NewTopic(
            settings.topic(topic.name),
            num_partitions=settings.partitions,
            replication_factor=settings.replication,
            config=topic_config(topic),
        )
        for topic in missing
    ]
    for name, created in (admin.create_topics(new) if new else {}).items():
        try:
            created.result(_TIMEOUT_S)
        except KafkaException as error:
            msg = f"{name} could not be created: {error.args[0].str()}"
            raise TopicsError(msg) from None
        done.append(f"{name}: created, {settings.partitions} partitions")
    _refuse_wrong_counts(existing, settings)
    present = [topic for topic in TOPICS if topic not in missing]
    for name, key, found, wanted in _config_differences(admin, settings, present):
        entry = ConfigEntry(key, wanted, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        for altered in admin.incremental_alter_configs([resource]).values():
            altered.result(_TIMEOUT_S)
        done.append(f"{name}: {key} was {found}, now {wanted}")
    return done


def check_topics(settings: BrokerSettings) -> list[str]:
    """Return how the broker's settings of topics differ from the catalog, in words; none is well.

    Raises:
        TopicsError: The broker cannot be reached, a topic is missing, or it has another partition count.
            Nothing runs on such topics.
    """
    admin = settings.admin()
    existing = _partition_counts(admin)
    missing = [settings.topic(t.name) for t in TOPICS if settings.topic(t.name) not in existing]
    if missing:
        msg = f"missing on {settings.bootstrap}: {', '.join(missing)}. `tapereader topics apply` creates them"
        raise TopicsError(msg)
    _refuse_wrong_counts(existing, settings)
    if settings.embedded:
        return []
    return [
        f"{name}: {key} is {found}, the catalog says {wanted}"
        for name, key, found, wanted in _config_differences(admin, settings, TOPICS)
    ]


def _touch(admin: AdminClient, settings: BrokerSettings) -> list[str]:
    """Name every topic to the embedded broker, which then has it."""
    for topic in TOPICS:
        admin.list_topics(settings.topic(topic.name), timeout=_TIMEOUT_S)
    _refuse_wrong_counts(_partition_counts(admin), settings)
    return [f"{settings.topic(topic.name)}: there" for topic in TOPICS]


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    try:
        topics = admin.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        msg = f"no Kafka broker answered within {_TIMEOUT_S:.0f} s: {error.args[0].str()}"
        raise TopicsError(msg) from None
    return {name: len(found.partitions) for name, found in topics.items()}


def _refuse_wrong_counts(existing: dict[str, int], settings: BrokerSettings) -> None:
    wrong = [
        f"{name} has {existing[name]} partitions"
        for name in map(settings.topic, (topic.name for topic in TOPICS))
        if existing.get(name, settings.partitions) != settings.partitions
    ]
    if wrong:
        msg = (
            f"{'; '.join(wrong)}, but broker.partitions is {settings.partitions}."
            " Set it to what the topics have, or use another broker.prefix"
        )
        raise TopicsError(msg)


def _config_differences(
    admin: AdminClient, settings: BrokerSettings, topics: tuple[Topic, ...] | list[Topic]
) -> Iterator[tuple[str, str, str | None, str]]:
    """Yield (topic, key, found, wanted) of each setting that is not what the catalog says."""
    wanted = {settings.topic(topic.name): topic_config(topic) for topic in topics}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in wanted]
    for resource, described in (admin.describe_configs(resources) if resources else {}).items():
        found = described.result(_TIMEOUT_S)
        for key, value in wanted[resource.name].items():
            entry = found.get(key)
            if entry is None or not _same(entry.value, value):
                yield resource.name, key, entry and entry.value, value


def _same(found: str | None, wanted: str) -> bool:
    """Compare settings; lists (`compact,delete`) in any order."""
    return found is not None and sorted(found.split(",")) == sorted(wanted.split(","))
