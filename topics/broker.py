"""Kafka's topics: created, checked and corrected as the catalog says."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from .catalog import RECORD_BYTES_MAX, TOPICS, Topic
from .errors import TopicsError
from .settings import BrokerSettings

__all__ = [
    "BrokerSettings",
    "admin_client",
    "apply_topics",
    "check_topics",
    "filled_topics",
    "partition_counts",
    "topic_config",
    "topic_differences",
]

_TIMEOUT_S = 15.0


def admin_client(settings: BrokerSettings) -> AdminClient:
    """Return a client for topics."""
    options: dict[str, Any] = {
        "bootstrap.servers": settings.bootstrap,
        "security.protocol": settings.security,
        "log_level": 0,
    }
    if "SASL" in settings.security:
        options |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.username,
            "sasl.password": settings.password and settings.password.get_secret_value(),
        }
    if settings.ca_file:
        options["ssl.ca.location"] = settings.ca_file
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


def apply_topics(settings: BrokerSettings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Create what is missing, correct settings that differ, and return what was done, in words.

    Raises:
        TopicsError: The broker cannot be reached, or a topic has another partition count.
    """
    admin = admin_client(settings)
    if settings.embedded:
        return _touch(admin, settings, topics)
    existing = _partition_counts(admin)
    missing = [topic for topic in topics if settings.topic(topic.name) not in existing]
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
    _refuse_wrong_counts(existing, settings, topics)
    present = [topic for topic in topics if topic not in missing]
    for name, key, found, wanted in _config_differences(admin, settings, present):
        entry = ConfigEntry(key, wanted, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        for altered in admin.incremental_alter_configs([resource]).values():
            altered.result(_TIMEOUT_S)
        done.append(f"{name}: {key} was {found}, now {wanted}")
    return done


def check_topics(settings: BrokerSettings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Return how the broker's settings of topics differ from the catalog, in words; none is well.

    Raises:
        TopicsError: The broker cannot be reached, a topic is missing, or it has another partition count.
            Nothing runs on such topics.
    """
    admin = admin_client(settings)
    existing = _partition_counts(admin)
    missing = _missing(existing, settings, topics)
    if missing:
        msg = f"missing on {settings.bootstrap}: {', '.join(missing)}. `tapereader topics apply` creates them"
        raise TopicsError(msg)
    _refuse_wrong_counts(existing, settings, topics)
    return _told(admin, settings, topics)


def topic_differences(settings: BrokerSettings, topics: Sequence[Topic] = TOPICS) -> list[str]:
    """Return everything in which the broker's topics differ from the catalog, in words; none is well.

    Raises:
        TopicsError: The broker cannot be reached.
    """
    admin = admin_client(settings)
    existing = _partition_counts(admin)
    missing = _missing(existing, settings, topics)
    present = [topic for topic in topics if settings.topic(topic.name) in existing]
    return [
        *(f"{name}: missing; `tapereader topics apply` creates it" for name in missing),
        *(
            f"{words}, broker.partitions is {settings.partitions}"
            for words in _wrong_counts(existing, settings, topics)
        ),
        *_told(admin, settings, present),
    ]


def partition_counts(settings: BrokerSettings) -> dict[str, int]:
    """Return how many partitions each topic of this pipeline has, by its name without the prefix.

    Raises:
        TopicsError: The broker cannot be reached.
    """
    prefix = settings.prefix
    counts = _partition_counts(admin_client(settings))
    return {n.removeprefix(prefix): count for n, count in counts.items() if n.startswith(prefix)}


def filled_topics(settings: BrokerSettings, counts: Mapping[str, int]) -> list[str]:
    """Return those of these topics, by partition count, into which anything was ever written.

    Raises:
        TopicsError: The broker does not say.
    """
    asked = {
        TopicPartition(settings.topic(name), partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for name, count in counts.items()
        for partition in range(count)
    }
    filled = set()
    admin = admin_client(settings)  # its answers come while it lives
    for place, answer in (admin.list_offsets(asked) if asked else {}).items():
        try:
            if answer.result(_TIMEOUT_S).offset > 0:
                filled.add(place.topic.removeprefix(settings.prefix))
        except KafkaException as error:
            msg = f"{place.topic}/{place.partition}: its end is not known: {error.args[0].str()}"
            raise TopicsError(msg) from None
    return [name for name in counts if name in filled]


def _missing(
    existing: dict[str, int], settings: BrokerSettings, topics: Sequence[Topic]
) -> list[str]:
    return [name for topic in topics if (name := settings.topic(topic.name)) not in existing]


def _told(admin: AdminClient, settings: BrokerSettings, topics: Sequence[Topic]) -> list[str]:
    if settings.embedded:  # it has no settings
        return []
    return [
        f"{name}: {key} is {found}, the catalog says {wanted}"
        for name, key, found, wanted in _config_differences(admin, settings, topics)
    ]


def _touch(admin: AdminClient, settings: BrokerSettings, topics: Sequence[Topic]) -> list[str]:
    """Name every topic to the embedded broker, which then has it."""
    for topic in topics:
        admin.list_topics(settings.topic(topic.name), timeout=_TIMEOUT_S)
    _refuse_wrong_counts(_partition_counts(admin), settings, topics)
    return [f"{settings.topic(topic.name)}: there" for topic in topics]


def _partition_counts(admin: AdminClient) -> dict[str, int]:
    try:
        topics = admin.list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        msg = f"no Kafka broker answered within {_TIMEOUT_S:.0f} s: {error.args[0].str()}"
        raise TopicsError(msg) from None
    return {name: len(found.partitions) for name, found in topics.items()}


def _wrong_counts(
    existing: dict[str, int], settings: BrokerSettings, topics: Sequence[Topic]
) -> list[str]:
    return [
        f"{name} has {existing[name]} partitions"
        for name in map(settings.topic, (topic.name for topic in topics))
        if existing.get(name, settings.partitions) != settings.partitions
    ]


def _refuse_wrong_counts(
    existing: dict[str, int], settings: BrokerSettings, topics: Sequence[Topic]
) -> None:
    if wrong := _wrong_counts(existing, settings, topics):
        msg = (
            f"{'; '.join(wrong)}, but broker.partitions is {settings.partitions}."
            " Set it to what the topics have, or use another broker.prefix"
        )
        raise TopicsError(msg)


def _config_differences(
    admin: AdminClient, settings: BrokerSettings, topics: Sequence[Topic]
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
