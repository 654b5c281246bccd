"""What a role tells of itself: soon when it changes, now and then in any case, and always as the contract has it."""

import asyncio
import time
from collections.abc import Callable
from importlib.metadata import version

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from deploy.reporting import (
    CHANGED_S,
    EVERY_S,
    EXPIRES_S,
    LOOK_S,
    WORDS_CHARS_MAX,
    Account,
    Part,
    Reporter,
)
from tests.servers import SharedKafka
from topics import BY_NAME, ContractError, Status, partition_of
from topics.broker import BrokerSettings, apply_topics
from topics.envelope import header
from topics.outbox import OutRecord

BROKER = BrokerSettings(prefix="test.", partitions=7)
NOW_MS = 1_800_000_000_000
PATIENCE_S = 30.0
decode: Callable[[bytes], Status] = BY_NAME["status"].decoder().decode


def read(records: list[OutRecord]) -> list[Status]:
    return [decode(record.value or b"") for record in records]


class Clock:
    """An account whose time goes by in seconds since its beginning."""

    def __init__(self) -> None:
        self.account = Account(BROKER, role="agent", instance="a", build="1.2")

    def records(self, at_s: float, *parts: Part) -> list[OutRecord]:
        return self.account.due(parts, now_s=50 + at_s, now_ms=NOW_MS + round(at_s * 1000))

    def told(self, at_s: float, *parts: Part) -> list[Status]:
        return read(self.records(at_s, *parts))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_part_is_told_at_once_and_in_full(clock: Clock) -> None:
    """With who says it, since when it is so, and until when to believe it."""
    part = Part("breaker/anthropic/x", "open", "half failed", {"rejected": 3.0})
    (status,) = clock.told(0, part)
    assert status == Status(
        role="agent",
        instance="a",
        part="breaker/anthropic/x",
        state="open",
        words="half failed",
        at_ms=NOW_MS,
        since_ms=NOW_MS,
        expires_ms=NOW_MS + int(EXPIRES_S * 1000),
        build="1.2",
        measures={"rejected": 3.0},
    )


def test_the_record_stands_where_its_part_always_stands(clock: Clock) -> None:
    """One key a part, so that compaction keeps the latest of each; the id tells two of them apart."""
    (first,), (second,) = clock.records(0, Part("role", "a")), clock.records(2, Part("role", "b"))
    assert first.topic == "test.status"
    assert first.key == second.key == b"agent/a/role"
    assert first.partition == second.partition == partition_of("agent/a/role", 7)
    ids = [header(record.headers, "ce_id") for record in (first, second)]
    assert ids == [f"agent/a/role/{NOW_MS + ms}".encode() for ms in (0, 2_000)]
    assert header(first.headers, "ce_type") == b"tapereader.status"
    assert header(first.headers, "ce_source") == b"/tapereader/agent"


def test_what_changed_is_told_within_a_second_and_not_sooner(clock: Clock) -> None:
    """A measure that moves all the time is one record a second."""
    told = [len(clock.told(at / 4, Part("role", "running", "", {"n": at}))) for at in range(13)]
    assert told == [1, 0, 0, 0] * 3 + [1]
    assert CHANGED_S == 1.0


def test_what_did_not_change_is_told_every_ten_seconds(clock: Clock) -> None:
    """Else it would expire while the process lives."""
    told = [len(clock.told(at / 4, Part("role", "running"))) for at in range(81)]
    assert [at / 4 for at, number in enumerate(told) if number] == [0, 10, 20]
    assert EXPIRES_S > 2 * EVERY_S


def test_each_part_has_its_own_time(clock: Clock) -> None:
    """A part that changes does not make the others be told, and a new one is told at once."""
    still, moving = Part("role", "running"), Part("b", "x")
    assert [s.part for s in clock.told(0, still, moving)] == ["role", "b"]
    assert [s.part for s in clock.told(2, still, Part("b", "y"))] == ["b"]
    assert [s.part for s in clock.told(2.1, still, Part("b", "y"), Part("c", "x"))] == ["c"]


def test_since_is_when_the_state_began_and_not_the_words(clock: Clock) -> None:
    """Also where the state changed between two tellings, and came back."""
    assert clock.told(0, Part("role", "starting"))[0].since_ms == NOW_MS
    assert clock.told(0.5, Part("role", "running")) == []
    assert clock.told(1.5, Part("role", "running"))[0].since_ms == NOW_MS + 500
    assert clock.told(3, Part("role", "running", "words"))[0].since_ms == NOW_MS + 500
    assert clock.told(13, Part("role", "running", "words"))[0].since_ms == NOW_MS + 500
    clock.told(13.25, Part("role", "stale"))
    (back,) = clock.told(14.5, Part("role", "running", "again"))
    assert back.since_ms == NOW_MS + 14_500


def test_words_are_cut_to_what_the_contract_takes(clock: Clock) -> None:
    """Characters, not bytes."""
    assert clock.told(0, Part("a", "x", "é" * 1_000))[0].words == "é" * WORDS_CHARS_MAX
    assert clock.told(0, Part("b", "x", "é" * WORDS_CHARS_MAX))[0].words == "é" * WORDS_CHARS_MAX


SIXTEENTHS = st.integers(0, 48).map(lambda number: number / 16)
"""Up to three seconds, in steps that sums of floats do not blur."""
NAMES = ("breaker/anthropic/Claude-X:v1", "a" * 64 + "/market", "a" * 64 + "/volume", "a b", "a:b")


def test_a_part_whose_name_the_contract_does_not_take_is_told_by_another(clock: Clock) -> None:
    """The name of a model or of a source is its owner's; no two may become one."""
    told = clock.told(0, *(Part(name, "running") for name in NAMES))
    assert len({status.part for status in told}) == len(NAMES)
    assert told[0].part.startswith("breaker/anthropic/claude-x-v1-")
    again = clock.told(20, *(Part(name, "running") for name in NAMES))
    assert [status.part for status in again] == [status.part for status in told]
    assert clock.told(0, Part("a" * 64, "running"))[0].part == "a" * 64


@given(
    st.lists(
        st.tuples(SIXTEENTHS, st.sampled_from("abc"), st.sampled_from(("", "words"))),
        max_size=60,
    )
)
def test_at_any_time_readers_know_enough(looks: list[tuple[float, str, str]]) -> None:
    """Never two records within a second; nothing older than a change's second, or ten; since is never wrong."""
    clock, at_s, told_s, began_s = Clock(), 0.0, -1e9, 0.0
    said: Status | None = None
    state_before = ""
    for gap_s, state, words in looks:
        at_s += gap_s
        began_s = at_s if state != state_before else began_s
        state_before = state
        for status in clock.told(at_s, Part("role", state, words)):
            assert at_s - told_s >= CHANGED_S
            said, told_s = status, at_s
            assert (status.state, status.words) == (state, words)
            assert status.since_ms == NOW_MS + round(began_s * 1000)
            assert status.expires_ms - status.at_ms == EXPIRES_S * 1000
        assert said is not None
        assert at_s - told_s < EVERY_S
        assert (said.state, said.words) == (state, words) or at_s - told_s < CHANGED_S


async def statuses(broker: BrokerSettings) -> list[Status]:
    """What the topic holds now, in the order it was told."""
    places = [TopicPartition(broker.topic("status"), p) for p in range(broker.partitions)]
    found = []
    async with (
        asyncio.timeout(PATIENCE_S),
        AIOKafkaConsumer(**broker.reader_options(), auto_offset_reset="earliest") as consumer,
    ):
        consumer.assign(places)
        for place, end in (await consumer.end_offsets(places)).items():
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [decode(record.value) for record in records]
    return sorted(found, key=lambda status: status.at_ms)


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    settings = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(settings)
    return settings


@pytest.mark.integration
async def test_the_topic_holds_what_became_of_each_part(broker: BrokerSettings) -> None:
    """On the real Kafka: at once, a change within about a second, and with the installed version's name."""
    now = {"role": "starting"}
    reporter = Reporter(
        broker,
        role="streams",
        instance="a",
        parts=lambda: [Part(part, state) for part, state in now.items()],
    )
    began_ms = time.time_ns() // 1_000_000
    task = asyncio.create_task(reporter.run())
    async with asyncio.timeout(PATIENCE_S):
        while not await statuses(broker):
            await asyncio.sleep(0.05)
        now |= {"role": "running", "market": "waiting"}
        while len(found := await statuses(broker)) < 3:
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    told = [(status.part, status.state) for status in found]
    assert told[0] == ("role", "starting")
    assert set(told[1:]) == {("role", "running"), ("market", "waiting")}
    assert all(status.build == version("tapereader") for status in found)
    assert all((status.role, status.instance) == ("streams", "a") for status in found)
    assert began_ms <= found[0].at_ms <= time.time_ns() // 1_000_000
    assert len(await statuses(broker)) == 3  # cancelled, it says nothing more


@pytest.mark.parametrize(
    ("measure", "authorities", "error", "words"),
    [
        (float("nan"), None, ContractError, "not a finite number"),
        (1.0, "/no/such.pem", FileNotFoundError, "No such file"),
    ],
    ids=["in the making", "in the sending"],
)
async def test_what_cannot_be_told_is_a_defect_and_ends_it(
    measure: float, authorities: str | None, error: type[Exception], words: str
) -> None:
    """Not a silence that looks like a dead process."""
    broker = BrokerSettings(bootstrap="127.0.0.1:1", security="SSL", ca_file=authorities)
    part = Part("role", "running", "", {"n": measure})
    reporter = Reporter(broker, role="streams", instance="a", parts=lambda: [part])
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(error, match=words):
            await reporter.run()


async def test_while_no_broker_answers_the_parts_are_looked_at_and_it_ends_when_told() -> None:
    """The metrics come from there: they must not stand still when they are needed most."""
    looks: list[float] = []

    def parts() -> list[Part]:
        looks.append(time.monotonic())
        return [Part("role", "running")]

    nobody = BrokerSettings(bootstrap="127.0.0.1:1", prefix="test.")
    task = asyncio.create_task(Reporter(nobody, role="streams", instance="a", parts=parts).run())
    await asyncio.sleep(6 * LOOK_S)
    assert not task.done()
    assert len(looks) >= 4
    told_s = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert time.monotonic() - told_s < 5.0
