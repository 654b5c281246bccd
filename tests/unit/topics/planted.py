"""Changes of the AsyncAPI document, planted: those that must be found, and those that must pass."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from topics.document import Document, asyncapi

DOCUMENT = asyncapi(version="1.0.0")
TRADE = ("components", "schemas", "Trade")
ANALYSIS = ("components", "schemas", "Analysis")
RAW = ("channels", "raw.market")
KAFKA = (*RAW, "bindings", "kafka", "topicConfiguration")

Change = Callable[[Document], None]


def put(*path: Any) -> Change:
    """Return a change that puts a value at a path: the last argument."""

    def change(document: Document) -> None:
        at: Any = document
        for step in path[:-2]:
            at = at[step]
        at[path[-2]] = path[-1]

    return change


def take(*path: Any) -> Change:
    """Return a change that takes away what is at a path."""

    def change(document: Document) -> None:
        at: Any = document
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]

    return change


def field(name: str, schema: Document, *, required: bool) -> Change:
    """Return a change that adds a field to trades."""

    def change(document: Document) -> None:
        trade = document["components"]["schemas"]["Trade"]
        trade["properties"][name] = schema
        trade["required"] += [name] if required else []

    return change


def both(*changes: Change) -> Change:
    """Return all of these changes as one."""

    def change(document: Document) -> None:
        for each in changes:
            each(document)

    return change


def changed(change: Change) -> Document:
    document = deepcopy(DOCUMENT)
    change(document)
    return document


MESSAGE = DOCUMENT["components"]["messages"]["trade"]
RENAMED = both(
    take(*RAW, "messages", "trade"),
    put(*RAW, "messages", "trade.print", {"$ref": "#/components/messages/trade.print"}),
    put("components", "messages", "trade.print", MESSAGE),
)
BREAKING: list[tuple[str, Change, str, str]] = [
    ("channel", take(*RAW), "channels/raw.market", "channel removed"),
    ("address", put(*RAW, "address", "{prefix}raw.m"), "channels/raw.market", "address changed"),
    (
        "prefix",
        put("components", "parameters", "prefix", "default", "tape."),
        "channels/raw.market",
        "address changed: tapereader.raw.market became tape.raw.market",
    ),
    ("key", put(*RAW, "x-key", "subject"), "channels/raw.market", "key changed"),
    (
        "key schema",
        put("components", "messages", "trade", "bindings", "kafka", "key", "pattern", "^.$"),
        "messages/trade",
        "key changed",
    ),
    (
        "partitioner",
        put(*RAW, "x-partitioner", "crc32"),
        "channels/raw.market",
        "partitioner changed",
    ),
    (
        "cleanup",
        put(*KAFKA, "cleanup.policy", ["compact"]),
        "channels/raw.market",
        "cleanup policy",
    ),
    ("retention", put(*KAFKA, "retention.ms", 1000), "channels/raw.market", "retention shortened"),
    (
        "retention given",
        put(
            "channels", "feed.status", "bindings", "kafka", "topicConfiguration", "retention.ms", 1
        ),
        "channels/feed.status",
        "retention shortened",
    ),
    ("message", take(*RAW, "messages", "trade"), "channels/raw.market", "message removed: trade"),
    ("tag", RENAMED, "channels/raw.market", "tag changed: trade became trade.print"),
    (
        "tag in the schema",
        put(*TRADE, "properties", "type", "const", "print"),
        "messages/trade/payload/type",
        "constant changed: 'trade' became 'print'",
    ),
    (
        "content type",
        put("components", "messages", "trade", "contentType", "avro/binary"),
        "messages/trade",
        "content type changed",
    ),
    ("field", take(*TRADE, "properties", "side"), "messages/trade/payload/side", "field removed"),
    (
        "optional field",
        take(*TRADE, "properties", "sequence"),
        "messages/trade/payload/sequence",
        "field removed",
    ),
    (
        "required field",
        field("mood", {"type": "string"}, required=True),
        "messages/trade/payload/mood",
        "required field added",
    ),
    (
        "required to optional",
        take(*TRADE, "required", 1),
        "messages/trade/payload/subject",
        "field no longer required",
    ),
    (
        "optional to required",
        put(
            *TRADE,
            "required",
            [*DOCUMENT["components"]["schemas"]["Trade"]["required"], "sequence"],
        ),
        "messages/trade/payload/sequence",
        "field now required",
    ),
    (
        "default",
        put(*ANALYSIS, "properties", "simulated", "default", 1),
        "messages/analysis/payload/simulated",
        "default changed: False became 1",
    ),
    (
        "default gone",
        take(*ANALYSIS, "properties", "simulated", "default"),
        "messages/analysis/payload/simulated",
        "default changed: False became none",
    ),
    (
        "type",
        put(*TRADE, "properties", "price", "type", "string"),
        "messages/trade/payload/price",
        "type changed: number became string",
    ),
    (
        "null",
        put(*TRADE, "properties", "side", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        "messages/trade/payload/side",
        "type widened: now also null",
    ),
    (
        "enum value removed",
        put(*TRADE, "properties", "side", "enum", ["buy"]),
        "messages/trade/payload/side",
        "value removed: 'sell'",
    ),
    (
        "enum value added",
        put(*TRADE, "properties", "side", "enum", ["buy", "cross", "sell"]),
        "messages/trade/payload/side",
        "value added: 'cross'",
    ),
    (
        "pattern",
        put(*TRADE, "properties", "subject", "pattern", "^[A-Z]+$"),
        "messages/trade/payload/subject",
        "pattern changed",
    ),
    (
        "range narrowed",
        put(*TRADE, "properties", "price", "minimum", 1),
        "messages/trade/payload/price",
        "range narrowed: minimum 1e-18 became 1",
    ),
    (
        "range widened",
        take(*ANALYSIS, "properties", "text", "maxLength"),
        "messages/analysis/payload/text",
        "range widened: maxLength 4000 became none",
    ),
    (
        "nested",
        take("components", "schemas", "Score", "properties", "z"),
        "messages/aggregate/payload/scores{}/z",
        "field removed",
    ),
    (
        "union branch",
        take("components", "schemas", "Aggregate", "properties", "values", "anyOf", 3),
        "messages/aggregate/payload/values",
        "type narrowed: no longer development",
    ),
    (
        "headers",
        take("components", "messages", "alert", "headers"),
        "messages/alert",
        "headers removed",
    ),
    (
        "one header",
        take("components", "messages", "alert", "headers", "properties", "ce_id"),
        "messages/alert/headers/ce_id",
        "field removed",
    ),
]
HARMLESS: list[tuple[str, Change, list[str]]] = [
    ("nothing", lambda _: None, []),
    ("words", put(*TRADE, "description", "Other words."), []),
    ("words of a field", put(*TRADE, "properties", "price", "description", "Other words."), []),
    ("version", put("info", "version", "2.0.0"), []),
    ("readers", put(*RAW, "x-read-by", ["streams"]), []),
    ("operations", take("operations", "collect.send.raw.market"), []),
    ("partition count", put(*RAW, "bindings", "kafka", "partitions", 12), []),
    (
        "optional field",
        field("mood", {"type": "string", "default": ""}, required=False),
        ["optional field added: mood"],
    ),
    (
        "channel",
        put("channels", "raw.chain", DOCUMENT["channels"]["raw.market"]),
        ["channel added: raw.chain"],
    ),
    (
        "message",
        put(*RAW, "messages", "post", {"$ref": "#/components/messages/post"}),
        ["message added: post"],
    ),
    (
        "retention",
        put(*KAFKA, "retention.ms", 90 * 86_400_000),
        ["retention lengthened: 604800000 ms became 7776000000 ms"],
    ),
    (
        "retention for ever",
        take(*KAFKA, "retention.ms"),
        ["retention lengthened: 604800000 ms became None ms"],
    ),
    (
        "setting",
        put(*KAFKA, "max.message.bytes", 2),
        ["setting changed: max.message.bytes 1048576 became 2"],
    ),
    (
        "headers",
        put(
            "components", "messages", "trade", "headers", {"type": "object", "required": ["ce_id"]}
        ),
        ["headers added: ce_id"],
    ),
]
