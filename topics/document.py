"""One AsyncAPI document out of the catalog: what somebody needs who writes or reads these topics.

Kafka's bindings have no place for some of it; those are extensions: `x-key` (the key in words),
`x-partitioner`, `x-isolation-level`, `x-written-by` and `x-read-by`.
"""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

from .catalog import RECORD_BYTES_MAX, TOPICS, Topic
from .codec import tag_of
from .components import Schema, components
from .deadletter import REASONS
from .units import ASSET_PATTERN

Document = dict[str, Any]

ASYNCAPI = "3.1.0"
BINDING = "0.5.0"
PREFIX = "tapereader."
PARTITIONER = "murmur2"
ISOLATION = "read_committed"
DEAD_LETTER = "deadletter"
OPAQUE = "state"

_ABOUT = """\
Market intelligence for crypto assets: raw metric events in, exact windows, alerts and analyses out.

**Partitions.** All topics have one partition count{count}. Where the key is an asset, the partition is
`(murmur2(key) & 0x7fffffff) mod partitions`, which is what Kafka's Java client does. Writers send it
explicitly, because other clients' defaults differ: librdkafka's hashes by CRC32. A raw record in another
partition, or under another key, goes to the dead letters (`misrouted`). What is written about an aggregate
goes to the aggregate's partition. A heartbeat goes into every partition of its topic, without a key.

**Reading.** Every reader sets `isolation.level` to `read_committed`: some writers use transactions, and
what they abort stays in the log. Of several records with one id, the one at the lowest offset counts; of an
aggregate's revisions, the highest.

**Values.** JSON in UTF-8, at most {bytes} bytes a record. Numbers are finite. Prices, sizes and volumes of
raw events are JSON numbers with the venue's own digits: read them as decimals to keep the digits.

**Change.** Readers skip fields they do not know. New fields have defaults, and a field that is missing
stands for its default. A `type` that a reader does not know goes to the dead letters.
"""
_CLOUD_EVENT: dict[str, tuple[str, str | None]] = {
    "ce_id": ("The event's id: a function of the content.", None),
    "ce_source": ("The role that wrote it.", "^/tapereader/"),
    "ce_time": ("The instant the content speaks of, RFC 3339 in UTC.", "^[0-9]{4}-.*Z$"),
    "traceparent": (
        "W3C trace context, whose ids are digests of the event's id.",
        "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$",
    ),
}
_DIGITS = "^-?[0-9]+$"
_DEAD_LETTER: dict[str, tuple[str, str | None]] = {
    "__connect.errors.connector.name": ("The role that refused it.", None),
    "__connect.errors.stage": ("Where it was refused, in capitals.", None),
    "__connect.errors.exception.class.name": ("The reason again.", None),
    "__connect.errors.exception.message": ("The reason in a sentence, cut.", None),
    "tapereader.reason": (
        "Why: " + "; ".join(f"`{reason}`, {words}" for reason, words in REASONS.items()) + ".",
        None,
    ),
    "tapereader.stage": ("Where it was refused: collect, fold or analyse.", None),
    "tapereader.attempt": ("Which try it was, from 1.", _DIGITS),
}
_DEAD_LETTER_MORE: dict[str, tuple[str, str | None]] = {
    "__connect.errors.topic": ("The topic it was read from.", None),
    "__connect.errors.partition": ("The partition it was read from.", _DIGITS),
    "__connect.errors.offset": ("Its offset there.", _DIGITS),
    "tapereader.origin": ("source/connection/frame, of what a collector refused.", None),
    "tapereader.original": ("Of what was redriven: the id of the first dead letter of it.", None),
    "tapereader.truncated": ("`true` when the value is only the original's beginning.", "^true$"),
    "tapereader.length": ("Bytes of the original.", _DIGITS),
    "tapereader.sha256": ("SHA-256 of the original.", "^[0-9a-f]{64}$"),
}


def asyncapi(
    *, version: str, partitions: int | None = None, topics: Iterable[Topic] = TOPICS
) -> Document:
    """Return the AsyncAPI document of these topics.

    ``partitions`` is the deployment's partition count; None leaves it open, as the checked-in document does.
    """
    topics = tuple(topics)
    events = dict.fromkeys(event for topic in topics for event in topic.events)
    count = f": {partitions}" if partitions else ", chosen once for each deployment"
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Tapereader",
            "version": version,
            "description": _ABOUT.format(count=count, bytes=RECORD_BYTES_MAX),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, partitions) for topic in topics},
        "operations": _operations(topics),
        "components": {
            "messages": _messages(topics),
            "parameters": {
                "prefix": {
                    "default": PREFIX,
                    "description": "Before every topic, so that many pipelines share a cluster.",
                }
            },
            "schemas": components(events, "#/components/schemas/"),
        },
    }


def _channel(topic: Topic, partitions: int | None) -> Document:
    names = [name for name, _ in _messages_of(topic)]
    kafka = {"bindingVersion": BINDING, "topicConfiguration": _configuration(topic)}
    by_asset = {"x-partitioner": PARTITIONER} if _keyed_by_asset(topic) else {}
    return {
        "address": "{prefix}" + topic.name,
        "title": topic.name,
        "summary": topic.summary,
        "description": _in_words(topic),
        "parameters": {"prefix": {"$ref": "#/components/parameters/prefix"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": kafka | ({"partitions": partitions} if partitions else {})},
        "x-key": topic.key,
        "x-isolation-level": ISOLATION,
        "x-written-by": list(topic.written_by),
        "x-read-by": list(topic.read_by),
        **by_asset,
    }


def _in_words(topic: Topic) -> str:
    partition = (
        " The writer sends the partition: murmur2 of the asset, modulo the count."
        if _keyed_by_asset(topic)
        else ""
    )
    return (
        f"Key: {topic.key}.{partition} Written by: {', '.join(topic.written_by)}."
        f" Read by: {', '.join(topic.read_by)}, with isolation.level {ISOLATION}."
    )


def _configuration(topic: Topic) -> Document:
    """Return the broker's settings of a topic, in the types that the binding wants."""
    kept = {} if topic.retention_ms is None else {"retention.ms": topic.retention_ms}
    return {
        "cleanup.policy": topic.cleanup.split(","),
        "max.message.bytes": RECORD_BYTES_MAX,
        **kept,
        **topic.config,
    }


def _operations(topics: Iterable[Topic]) -> Document:
    """Return who sends and who receives what: one operation for each role and topic."""
    return {
        f"{role}.{action}.{topic.name}": {
            "action": action,
            "channel": {"$ref": f"#/channels/{topic.name}"},
            "summary": f"{role} {verb} {topic.name}.",
            "tags": [{"name": role}],
        }
        for topic in topics
        for action, verb, roles in (
            ("send", "writes", topic.written_by),
            ("receive", "reads", topic.read_by),
        )
        for role in roles
    }


def _messages(topics: Iterable[Topic]) -> Document:
    """Return every message by name.

    Raises:
        ValueError: One name stands for two messages, such as an event with headers here and without there.
    """
    messages: Document = {}
    for topic in topics:
        for name, message in _messages_of(topic):
            if messages.setdefault(name, message) != message:
                msg = f"{name} in {topic.name} has other headers or another key than elsewhere"
                raise ValueError(msg)
    return messages


def _messages_of(topic: Topic) -> list[tuple[str, Document]]:
    if topic.events:
        return [(tag_of(event), _message(topic, event)) for event in topic.events]
    name = DEAD_LETTER if topic.enveloped else OPAQUE
    return [(name, _opaque_message(topic, name))]


def _message(topic: Topic, event: type) -> Document:
    tag = tag_of(event)
    message = {
        "name": tag,
        "title": event.__name__,
        "summary": cleandoc(event.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": _key_binding(_key(topic, event)),
    }
    if topic.enveloped:
        message["headers"] = _cloud_event(tag, {"content-type": "application/json"})
    return message


def _opaque_message(topic: Topic, name: str) -> Document:
    """Return the message of a topic whose values are bytes that no contract describes."""
    message = {
        "name": name,
        "title": name,
        "summary": topic.summary,
        "contentType": "application/octet-stream",
        "payload": {"type": "string", "format": "binary"},
        "bindings": _key_binding({"description": topic.key}),
    }
    if topic.enveloped:
        headers = _cloud_event(name, {})
        headers["properties"] |= _texts(_DEAD_LETTER) | _texts(_DEAD_LETTER_MORE)
        headers["required"] += list(_DEAD_LETTER)
        message["headers"] = headers
    return message


def _key_binding(key: Schema) -> Document:
    return {"kafka": {"bindingVersion": BINDING, "key": key}}


def _keyed_by_asset(topic: Topic) -> bool:
    return topic.key.partition(";")[0] == "asset"


def _key(topic: Topic, event: type) -> Schema:
    """Return the schema of an event's Kafka key: its asset where the topic says so and it has one."""
    if not _keyed_by_asset(topic):
        return {"type": "string", "description": topic.key}
    if {"asset", "subject"}.isdisjoint(event.__annotations__):
        return {"type": "null", "description": "No key: it speaks of no single asset."}
    pattern = ASSET_PATTERN.partition("$")[0] + "$"
    return {"type": "string", "pattern": pattern, "description": "The base asset."}


def _cloud_event(tag: str, more: dict[str, str]) -> Schema:
    """Return the schema of CloudEvents 1.0 headers in binary mode."""
    constants = {"ce_specversion": "1.0", "ce_type": PREFIX + tag, **more}
    fixed = {name: {"type": "string", "const": value} for name, value in constants.items()}
    return {
        "type": "object",
        "description": "CloudEvents 1.0, binary mode. Every value is text in UTF-8.",
        "properties": fixed | _texts(_CLOUD_EVENT),
        "required": sorted(fixed | _CLOUD_EVENT),
    }


def _texts(table: dict[str, tuple[str, str | None]]) -> dict[str, Schema]:
    return {
        name: {"type": "string", "description": words} | ({"pattern": pattern} if pattern else {})
        for name, (words, pattern) in table.items()
    }
