"""What is finished is acknowledged, what is acknowledged names nothing that is not there."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from agents.answer.decided import decision_of
from agents.publisher import (
    ROUND_MAX,
    Outgoing,
    Publisher,
    analysis_record,
    decision_record,
    letter_record,
    tally_record,
)
from tests.unit.agents.candidates import candidate
from topics import BY_NAME, Analysis, DeadLetter, Tally, Trigger
from topics.envelope import header
from topics.record import OutRecord
from topics.settings import BrokerSettings

BROKER = BrokerSettings(prefix="test.")


class SlowOutlet:
    """Acknowledges a delivery when it is told to, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[list[bytes]] = []
        self.may = asyncio.Semaphore(0)

    async def deliver(self, records: list[OutRecord]) -> None:
        """Return when the test says so."""
        self.got.append([record.value or b"" for record in records])
        await self.may.acquire()


class Desk:
    """A publisher at work, and what is done so far."""

    def __init__(self) -> None:
        self.outlet, self.done = SlowOutlet(), list[str]()
        self.publisher = Publisher(self.outlet)

    def put(self, name: str, first: bytes = b"") -> None:
        """Put records that end on a name."""
        outgoing = Outgoing(
            [record(first)] if first else [],
            [record(name.encode())],
            lambda: self.done.append(name),
        )
        self.publisher.put(outgoing)

    async def acknowledge(self, count: int) -> None:
        """Let so many deliveries through, and those who wait for it go on."""
        for _ in range(count):
            self.outlet.may.release()
        for _ in range(10):
            await asyncio.sleep(0)


def record(value: bytes) -> OutRecord:
    """Return a record that only its value matters of."""
    return OutRecord("topic", 0, None, value)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A publisher that runs."""
    made = Desk()
    running = asyncio.create_task(made.publisher.run())
    yield made
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_decision_is_sent_when_its_analysis_is_acknowledged(desk: Desk) -> None:
    """And what waits for it is done when the decision is, not before."""
    desk.put("decision", b"analysis")
    await desk.acknowledge(0)
    assert desk.outlet.got == [[b"analysis"]]
    await desk.acknowledge(1)
    assert desk.outlet.got == [[b"analysis"], [b"decision"]]
    assert desk.done == []
    await desk.acknowledge(1)
    assert desk.done == ["decision"]


async def test_what_comes_meanwhile_goes_in_the_next_round(desk: Desk) -> None:
    """Rounds follow one another, each in its order; nothing overtakes."""
    desk.put("a")
    await desk.acknowledge(0)
    desk.put("b")
    desk.put("c")
    assert len(desk.publisher) == 2
    await desk.acknowledge(2)
    assert desk.done == ["a"]
    await desk.acknowledge(2)
    assert desk.done == ["a", "b", "c"]
    assert [values for values in desk.outlet.got if values] == [[b"a"], [b"b", b"c"]]


async def test_a_round_has_a_bound(desk: Desk) -> None:
    """What does not fit waits for the next."""
    for number in range(ROUND_MAX + 1):
        desk.put(str(number))
    await desk.acknowledge(4)
    assert [len(values) for values in desk.outlet.got] == [0, ROUND_MAX, 0, 1]
    assert len(desk.done) == ROUND_MAX + 1


async def test_drained_means_acknowledged(desk: Desk) -> None:
    """At once when there is nothing; else not while anything is under way, and not for ever after."""
    await asyncio.wait_for(desk.publisher.drained(), 1)
    desk.put("a")
    drained = asyncio.create_task(desk.publisher.drained())
    await desk.acknowledge(1)
    assert not drained.done()
    await desk.acknowledge(1)
    await asyncio.wait_for(drained, 1)
    desk.put("b")
    again = asyncio.create_task(desk.publisher.drained())
    await desk.acknowledge(0)
    assert not again.done()
    await desk.acknowledge(2)
    await asyncio.wait_for(again, 1)


async def test_an_outlet_that_fails_ends_it_and_finishes_nothing() -> None:
    """Whoever runs it hears of the error."""

    class Broken:
        async def deliver(self, records: list[OutRecord]) -> None:
            message = f"{len(records)} records"
            raise ValueError(message)

    done: list[str] = []
    publisher = Publisher(Broken())
    publisher.put(Outgoing([], [record(b"x")], lambda: done.append("x")))
    with pytest.raises(ValueError, match="0 records"):
        await publisher.run()
    assert done == []


def analysis() -> Analysis:
    """Return an analysis by rules."""
    made = candidate()
    return Analysis(
        analysis_id=made.candidate_id,
        asset="BTC",
        product="deep_dive",
        as_of_ms=made.as_of_ms,
        produced_ms=made.as_of_ms + 1,
        valid_until_ms=made.as_of_ms + 2,
        trigger=Trigger(reasons=["price_drop"]),
        headline="h",
        text="t",
        severity="warning",
        confidence="low",
        confidence_basis="b",
        observed_direction="down",
        facts=list(made.facts),
        data_quality=made.quality,
        origin="rules",
        origin_reason="no_model",
    )


RECORDS: list[tuple[str, Callable[[], OutRecord], bytes | None, str]] = [
    (
        "analyses",
        lambda: analysis_record(BROKER, analysis(), 3),
        b"BTC",
        f"deep_dive/BTC/{candidate().as_of_ms}/0",
    ),
    (
        "decisions",
        lambda: decision_record(
            BROKER, decision_of(candidate(partition=3), "rules", "no_model", decided_ms=5)
        ),
        b"BTC",
        f"deep_dive/BTC/{candidate().as_of_ms}/0/rules",
    ),
    (
        "decisions",
        lambda: tally_record(
            BROKER,
            Tally(
                tally_id="tally/3/7",
                aggregates_partition=3,
                first_offset=7,
                last_offset=9,
                folded=2,
                uninteresting=1,
                decided_ms=5,
            ),
        ),
        None,
        "tally/3/7",
    ),
]


@pytest.mark.parametrize(("topic", "make", "key", "event_id"), RECORDS)
def test_a_record_is_what_the_catalog_says(
    topic: str, make: Callable[[], OutRecord], key: bytes | None, event_id: str
) -> None:
    """In the partition of the aggregates it speaks of, enveloped, and readable by the contract."""
    made = make()
    assert (made.topic, made.partition, made.key) == (f"test.{topic}", 3, key)
    assert header(made.headers, "ce_id") == event_id.encode()
    assert header(made.headers, "ce_source") == b"/tapereader/agent"
    assert made.value is not None
    assert BY_NAME[topic].decoder().decode(made.value)
    assert make() == made


def test_a_dead_letter_keeps_the_bytes() -> None:
    """And goes to the partition its record was in."""
    letter = DeadLetter(
        reason="malformed",
        message="no JSON",
        stage="analyse",
        role="agent",
        key=b"BTC",
        value=b"\xff",
        time_ms=5,
        topic="aggregates",
        partition=3,
        offset=9,
    )
    made = letter_record(BROKER, letter, 3)
    assert (made.topic, made.partition, made.key, made.value) == (
        "test.deadletters",
        3,
        b"BTC",
        b"\xff",
    )
    assert header(made.headers, "ce_id") == b"aggregates/3/9"
