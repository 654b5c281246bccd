"""The AsyncAPI document says what a writer or reader must know."""

import re

import pytest
from msgspec.structs import replace

from tests.strategies.contracts import CONTRACTS
from topics import BY_NAME, TOPICS, DeadLetter, Topic, partition_of
from topics.catalog import STATE
from topics.codec import tag_of
from topics.components import Schema
from topics.deadletter import ORIGINAL_BYTES_MAX, REASONS, to_record
from topics.document import asyncapi
from topics.envelope import Headers, headers

DOCUMENT = asyncapi(version="1.0.0")
MESSAGES = DOCUMENT["components"]["messages"]
ABOUT = " ".join(DOCUMENT["info"]["description"].split())


def by_name(topic: Topic) -> str:
    return topic.name


def conforms(sent: Headers, schema: Schema) -> bool:
    """Whether headers are what a schema of texts says."""
    texts = {name: value.decode() for name, value in sent}
    properties = schema["properties"]
    return (
        set(schema["required"]) <= texts.keys() <= properties.keys()
        and all(properties[name].get("const", text) == text for name, text in texts.items())
        and all(
            re.search(properties[name].get("pattern", ""), text) for name, text in texts.items()
        )
    )


@pytest.mark.parametrize(
    "words",
    [
        "Writers send it explicitly",
        "`(murmur2(key) & 0x7fffffff) mod partitions`, which is what Kafka's Java client does",
        "librdkafka's hashes by CRC32",
        "Every reader sets `isolation.level` to `read_committed`",
        "the one at the lowest offset counts",
        "Readers skip fields they do not know. New fields have defaults",
        "A `type` that a reader does not know goes to the dead letters.",
    ],
)
def test_the_document_says_how_to_write_and_read(words: str) -> None:
    """What no binding has a place for is said in words."""
    assert words in ABOUT


def test_the_partition_formula_is_the_one_in_use() -> None:
    """The sentence and the code are one."""
    assert "(murmur2(key) & 0x7fffffff) mod partitions" in ABOUT
    assert partition_of("BTC", 12) == 10  # what Kafka's Java client says


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_a_channel_is_what_the_catalog_says(topic: Topic) -> None:
    """Address, messages, key, roles, cleanup and retention."""
    channel = DOCUMENT["channels"][topic.name]
    configuration = channel["bindings"]["kafka"]["topicConfiguration"]
    assert channel["address"] == "{prefix}" + topic.name
    assert list(channel["messages"]) == list(topic.tags) or not topic.events
    assert (channel["x-key"], channel["x-isolation-level"]) == (topic.key, "read_committed")
    assert channel["x-written-by"] == list(topic.written_by)
    assert channel["x-read-by"] == list(topic.read_by)
    assert ",".join(configuration["cleanup.policy"]) == topic.cleanup
    assert configuration.get("retention.ms") == topic.retention_ms
    assert configuration.items() >= topic.config.items()


def test_channels_are_in_the_catalog_and_nowhere_else() -> None:
    """One for each topic."""
    assert list(DOCUMENT["channels"]) == list(BY_NAME)


def test_the_prefix_has_a_documented_default() -> None:
    """An address without its parameter would be nobody's topic."""
    prefix = DOCUMENT["components"]["parameters"]["prefix"]
    assert prefix["default"] == "tapereader."
    for channel in DOCUMENT["channels"].values():
        assert (
            re.findall(r"{(.*?)}", channel["address"]) == list(channel["parameters"]) == ["prefix"]
        )


@pytest.mark.parametrize("topic", [t for t in TOPICS if t.key.startswith("asset")], ids=by_name)
def test_a_channel_keyed_by_asset_says_its_partitioner(topic: Topic) -> None:
    """A writer reads the channel, not the preface."""
    channel = DOCUMENT["channels"][topic.name]
    assert channel["x-partitioner"] == "murmur2"
    assert "The writer sends the partition: murmur2 of the asset" in channel["description"]


def test_no_other_channel_claims_the_partitioner_of_assets() -> None:
    """Its key is no asset."""
    assert {t.name for t in TOPICS if "x-partitioner" in DOCUMENT["channels"][t.name]} == {
        t.name for t in TOPICS if t.key.partition(";")[0] == "asset"
    }


def test_a_partition_count_is_left_open_or_given() -> None:
    """It is the deployment's choice; its own document can name it."""
    kafka = [channel["bindings"]["kafka"] for channel in DOCUMENT["channels"].values()]
    assert not any("partitions" in binding for binding in kafka)
    assert "chosen once for each deployment" in ABOUT
    given = asyncapi(version="1.0.0", partitions=12)
    assert {c["bindings"]["kafka"]["partitions"] for c in given["channels"].values()} == {12}
    assert "one partition count: 12." in given["info"]["description"]


def test_every_role_has_its_operations() -> None:
    """Who sends and who receives, one for each role and topic, and no more."""
    expected = {f"{role}.send.{t.name}" for t in TOPICS for role in t.written_by}
    expected |= {f"{role}.receive.{t.name}" for t in TOPICS for role in t.read_by}
    assert set(DOCUMENT["operations"]) == expected
    for name, operation in DOCUMENT["operations"].items():
        role, action, topic = name.split(".", 2)
        assert operation["action"] == action
        assert operation["channel"] == {"$ref": f"#/channels/{topic}"}
        assert operation["tags"] == [{"name": role}]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_a_message_carries_its_contract(contract: type) -> None:
    """By tag, with the schema of the class."""
    message = MESSAGES[tag_of(contract)]
    assert message["name"] == tag_of(contract)
    assert message["payload"] == {"$ref": f"#/components/schemas/{contract.__name__}"}
    assert contract.__name__ in DOCUMENT["components"]["schemas"]


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("trade", "string"),
        ("gap.detected", "string"),
        ("heartbeat", "null"),
        ("aggregate", "string"),
        ("decision", "string"),
        ("decision.tally", "null"),
        ("alert", "string"),
        ("journal.intent", "string"),
    ],
)
def test_a_message_says_its_key(tag: str, key: str) -> None:
    """Heartbeats and tallies speak of no single asset and have none."""
    assert MESSAGES[tag]["bindings"]["kafka"]["key"]["type"] == key


def test_an_asset_key_has_the_form_of_an_asset() -> None:
    """In a pattern that any engine knows."""
    pattern = MESSAGES["trade"]["bindings"]["kafka"]["key"]["pattern"]
    assert pattern == "^[A-Z0-9][A-Z0-9._-]{0,23}$"


@pytest.mark.parametrize("topic", [t for t in TOPICS if t.enveloped and t.events], ids=by_name)
def test_the_headers_a_writer_sends_are_the_headers_of_the_document(topic: Topic) -> None:
    """Made by the envelope, held against the schema; another event's headers do not pass."""
    for tag in topic.tags:
        sent = headers(
            event_id="a/b/1", event_type=tag, source="streams", time_ms=1_790_000_040_007
        )
        assert conforms(sent, MESSAGES[tag]["headers"])
        assert not conforms(sent[1:], MESSAGES[tag]["headers"])
        other = headers(event_id="a/b/1", event_type="other", source="streams", time_ms=0)
        assert not conforms(other, MESSAGES[tag]["headers"])


@pytest.mark.parametrize("topic", [t for t in TOPICS if not t.enveloped], ids=by_name)
def test_a_lean_message_has_no_headers(topic: Topic) -> None:
    """The hot path does not pay for them."""
    for name in DOCUMENT["channels"][topic.name]["messages"]:
        assert "headers" not in MESSAGES[name]


def test_the_headers_of_a_dead_letter_are_the_headers_of_the_document() -> None:
    """All of them, of one from a topic that is cut and of one from a collector; and no other."""
    cut = DeadLetter(
        reason="too_large",
        message="beyond the limit",
        stage="fold",
        role="streams",
        key=None,
        value=b"x" * (ORIGINAL_BYTES_MAX + 1),
        time_ms=0,
        topic="t",
        partition=1,
        offset=2,
        attempt=2,
        original="t/1/1",
    )
    collected = DeadLetter(
        reason="malformed",
        message="not JSON",
        stage="collect",
        role="collect",
        key=None,
        value=b"{",
        time_ms=0,
        origin="binance/1/2",
    )
    schema = MESSAGES["deadletter"]["headers"]
    sent = [to_record(letter)[2] for letter in (cut, collected)]
    assert all(conforms(each, schema) for each in sent)
    assert {name for each in sent for name, _ in each} == set(schema["properties"])


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    """The vocabulary is open, but what there is is listed."""
    words = MESSAGES["deadletter"]["headers"]["properties"]["tapereader.reason"]["description"]
    assert [reason for reason in REASONS if f"`{reason}`, {REASONS[reason]}" not in words] == []


@pytest.mark.parametrize("name", ["deadletter", "state"])
def test_bytes_that_no_contract_describes_are_said_to_be_bytes(name: str) -> None:
    """Nobody should try to decode them as JSON."""
    assert MESSAGES[name]["contentType"] == "application/octet-stream"
    assert MESSAGES[name]["payload"] == {"type": "string", "format": "binary"}
    assert list(DOCUMENT["channels"][STATE.name]["messages"]) == ["state"]


def test_one_name_is_one_message() -> None:
    """An event with headers in one topic and without in another would be two messages."""
    lean = replace(BY_NAME["alerts"], name="alerts.lean", enveloped=False)
    with pytest.raises(ValueError, match=r"alert in alerts\.lean has other headers or another key"):
        asyncapi(version="1.0.0", topics=[*TOPICS, lean])
