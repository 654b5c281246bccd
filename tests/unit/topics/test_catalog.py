"""The table of topics holds together."""

import re

import pytest
from msgspec.structs import replace

from streams.app import app_id
from topics import BY_NAME, KINDS, TOPICS, GapMark, Heartbeat, Topic, encode, raw_topic
from topics.catalog import RAW, RECORD_BYTES_MAX, STATE, state_epoch, state_topic, topics_of
from topics.codec import tag_of
from topics.deadletter import ORIGINAL_BYTES_MAX

ROLES = {
    "collect",
    "streams",
    "agent",
    "notify",
    "serve",
    "replay",
    "audit",
    "doctor",
    "people",
    "users",
}
DAY_MS = 86_400_000
NAME_CHARS_MAX = 249 - 80
"""Kafka's bound of a topic's name, less the longest prefix."""


def by_name(topic: Topic) -> str:
    return topic.name


def test_names_are_unique_and_found() -> None:
    """One name, one topic."""
    assert [BY_NAME[topic.name] for topic in TOPICS] == list(TOPICS)
    assert len(BY_NAME) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_a_name_is_legal_on_every_broker(topic: Topic) -> None:
    """Kafka's letters, without `_`, which would collide with `.` in metrics."""
    assert re.fullmatch(r"[a-z][a-z.-]*[a-z]", topic.name)
    assert len(topic.name) <= NAME_CHARS_MAX


@pytest.mark.parametrize("epoch", [0, 1, 17])
def test_each_epoch_has_a_state_of_its_own(epoch: int) -> None:
    """Named by the app's id, as Faust does; kept as that of epoch 0 is, which has a line in the table."""
    state = state_topic(epoch)
    assert state.name == f"{app_id(epoch)}-state-changelog"
    assert state_epoch(state.name) == epoch
    assert replace(state, name=STATE.name) == STATE
    assert topics_of(epoch) == (*TOPICS, *([state] if epoch else []))


@pytest.mark.parametrize(
    "name", ["streams-e0-state-changelog", "streams-e01-state-changelog", "x." + STATE.name, "late"]
)
def test_what_is_no_state_has_no_epoch(name: str) -> None:
    """Other topics, and other pipelines' whose prefix begins like ours."""
    assert state_epoch(name) is None


def test_raw_topics_take_old_records_and_none_of_the_future() -> None:
    """A replay's copies are as old as what they are of; a clock far ahead is the broker's to refuse."""
    for topic in RAW:
        assert topic.config["message.timestamp.type"] == "CreateTime"
        assert int(topic.config["message.timestamp.before.max.ms"]) > 100 * 365 * DAY_MS
        assert topic.config["message.timestamp.after.max.ms"] == "60000"


def test_names_do_not_collide_in_metrics() -> None:
    """Kafka writes `.` as `_` there."""
    assert len({re.sub(r"[._]", "_", topic.name) for topic in TOPICS}) == len(TOPICS)


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_the_tags_of_a_topic_are_unique(topic: Topic) -> None:
    """A decoder tells its events apart by them."""
    assert len(set(topic.tags)) == len(topic.events)
    assert all(re.fullmatch(r"[a-z]+(\.[a-z]+)?", tag) for tag in topic.tags)


def test_a_tag_means_one_contract_everywhere() -> None:
    """A message is named by its tag in the documents."""
    contracts = {event for topic in TOPICS for event in topic.events}
    assert len({tag_of(contract) for contract in contracts}) == len(contracts)


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_a_topic_is_kept_for_a_time_or_compacted(topic: Topic) -> None:
    """Retention is given exactly where something is deleted by age: for 1 to 90 days."""
    assert (topic.retention_ms is None) == (topic.cleanup == "compact")
    if topic.retention_ms is not None:
        assert DAY_MS <= topic.retention_ms <= 90 * DAY_MS


@pytest.mark.parametrize("topic", [t for t in TOPICS if "compact" in t.cleanup], ids=by_name)
def test_what_is_compacted_has_a_key(topic: Topic) -> None:
    """A broker refuses a record without a key there."""
    assert topic.key
    assert "none" not in topic.key


@pytest.mark.parametrize("topic", TOPICS, ids=by_name)
def test_somebody_writes_and_somebody_reads(topic: Topic) -> None:
    """A topic that nobody reads is nobody's; the roles are those there are."""
    assert topic.written_by
    assert topic.read_by
    assert set(topic.written_by + topic.read_by) <= ROLES


def test_streams_and_agent_meet_in_topics_only() -> None:
    """Each reads what the other writes."""
    streams = {t.name for t in TOPICS if "streams" in t.written_by and "agent" in t.read_by}
    agent = {t.name for t in TOPICS if "agent" in t.written_by and "streams" in t.read_by}
    assert streams == {"aggregates", "alerts"}
    assert agent == {"analyses"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_raw_topic_carries_its_marks(kind: str) -> None:
    """Heartbeats and gap marks are ordered with the events they speak of; headers would cost."""
    topic = BY_NAME[raw_topic(kind)]  # type: ignore[arg-type]
    assert topic in RAW
    assert {Heartbeat, *GapMark.__args__} < set(topic.events)
    assert not topic.enveloped


def test_everything_but_raw_records_and_state_has_headers() -> None:
    """CloudEvents headers are for consumers; state is nobody else's business."""
    assert [topic for topic in TOPICS if not topic.enveloped] == [*RAW, STATE]


def test_a_decoder_reads_what_its_topic_carries() -> None:
    """A topic's decoder knows every tag of the topic."""
    beat = Heartbeat(source="s", epoch=0, through_ms=1)
    for topic in RAW:
        assert topic.decoder().decode(encode(beat)) == beat


def test_the_largest_dead_letter_fits_twice() -> None:
    """An original at its bound leaves room for its headers."""
    assert 2 * ORIGINAL_BYTES_MAX <= RECORD_BYTES_MAX
