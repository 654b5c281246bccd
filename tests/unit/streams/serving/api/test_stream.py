"""The live stream: what readers get, in whatever order records come and readers go."""

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.api import hub as hubs
from streams.serving.api import stream as streams
from streams.serving.api.events import Head, data_of
from streams.serving.api.hub import Hub
from streams.serving.api.resuming import Hole, Span, cut, spans_of
from streams.serving.api.stream import EventStream, Wanted
from streams.serving.api.tail import Happening, Tail
from streams.serving.cursor import read
from tests.unit.streams.serving.api.standing import HeldLog
from topics import Status, TopicsError

PARTITIONS = 3
TOPICS = ("alerts", "status")
LOGS = [(topic, p) for topic in TOPICS for p in range(PARTITIONS)]


def happening(topic: str, partition: int, offset: int, asset: str = "") -> Happening:
    said = Status(
        role="r",
        instance="i",
        part="p",
        state="well",
        words="a line\nand another \u2028",
        at_ms=0,
        since_ms=0,
        expires_ms=1,
        build="0",
    )
    data = data_of(Head(topic, partition, offset, 0), said)
    assert data is not None
    return Happening(topic, partition, offset, asset, data, "")


class Server:
    """A process that streams: the log holds all, the hub what came since the process began."""

    def __init__(self, log: HeldLog, *, begun: bool = True) -> None:
        self.log, self.hub = log, Hub()
        if begun:
            self.hub.tail.begin(self._ends())

    def _ends(self) -> dict[tuple[str, int], int]:
        ends = dict.fromkeys(LOGS, 0)
        for h in self.log.held:
            ends[h.topic, h.partition] = h.offset + 1
        return ends

    def write(self, topic: str, partition: int, asset: str = "") -> None:
        """Write a record, and read it."""
        offset = self._ends()[topic, partition]
        made = happening(topic, partition, offset, asset)
        self.log.held.append(made)
        self.hub.put(topic, partition, offset, asset=asset, data=made.data)


class Reader:
    """A reader of one stream, as a browser is."""

    def __init__(self, server: Server, last_id: str | None = None, **wanted: Any) -> None:
        self.server = server
        self.events: list[tuple[str, str, Any]] = []
        """Name, id and data."""
        self.last_id = last_id
        self.status = 0
        self.holds = True
        self.takes = asyncio.Event()
        self.takes.set()
        self._gone = asyncio.Event()
        self._text = ""
        at = None if last_id is None else read(last_id)
        topics = frozenset(wanted.get("topics", TOPICS))
        assets = frozenset(wanted.get("assets", ()))
        stream = EventStream(
            server.hub, server.log, Wanted(topics, assets, at, "c", lambda: self.holds)
        )
        self.task = asyncio.create_task(stream({"type": "http"}, self._receive, self._send))

    async def _receive(self) -> Any:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.takes.wait()
        self.status = message.get("status", self.status)
        self._text += message.get("body", b"").decode()
        *whole, self._text = self._text.split("\n\n")
        for block in whole:
            fields = dict(
                line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")
            )
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                told = json.loads(fields["data"])
                self.events.append((fields["event"], fields.get("id", ""), told))

    async def leave(self) -> None:
        self._gone.set()
        await self.task

    @property
    def places(self) -> list[tuple[str, int, int]]:
        return [(d["topic"], d["partition"], d["offset"]) for n, _, d in self.events if n in TOPICS]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_reader_that_is_signed_out_gets_nothing_more() -> None:
    """It is told so, and holds no stream."""
    server = Server(HeldLog())
    reader, other = Reader(server), Reader(server)
    await settle()
    reader.holds = False
    server.write(*LOGS[0])
    await asyncio.wait_for(reader.task, 1)
    ((name, _, told),) = reader.events
    assert (name, "signed out" in told["why"]) == ("end", True)
    await settle()
    assert len(other.places) == len(server.hub) == 1
    await other.leave()


writes = st.lists(st.sampled_from(LOGS), max_size=20)


@given(before=writes, seen=writes, away=writes, after=writes, replica=st.booleans())
def test_one_who_comes_back_misses_nothing_and_gets_nothing_twice(
    before: Any, seen: Any, away: Any, after: Any, replica: bool
) -> None:
    """On the same process, or on one that began meanwhile and remembers nothing."""

    async def run() -> None:
        log = HeldLog()
        server = Server(log)
        for one in before:
            server.write(*one)
        reader = Reader(server)
        await settle()
        for one in seen:
            server.write(*one)
        await settle()
        await reader.leave()
        for one in away:
            server.write(*one)
        if replica:
            server = Server(log)
        again = Reader(server, reader.last_id)
        await settle()
        for one in after:
            server.write(*one)
        await settle()
        await again.leave()
        expected = [(h.topic, h.partition, h.offset) for h in log.held[len(before) :]]
        assert sorted(reader.places + again.places) == sorted(expected)
        assert not [e for e in again.events if e[0] not in TOPICS]

    asyncio.run(run())


@given(written=writes, left=st.integers(0, 20))
def test_every_id_is_a_place_to_come_back_to(written: Any, left: int) -> None:
    async def run() -> None:
        server = Server(HeldLog())
        reader = Reader(server)
        await settle()
        for one in written:
            server.write(*one)
        await settle()
        await reader.leave()
        kept = reader.events[:left]
        again = Reader(server, kept[-1][1] if kept else "alerts-0.0-1.0-2.0~status-0.0-1.0-2.0")
        await settle()
        await again.leave()
        assert sorted([e[2]["offset"] for e in kept + again.events]) == sorted(
            [e[2]["offset"] for e in reader.events]
        )
        assert sorted(reader.places[:left] + again.places) == sorted(reader.places)

    asyncio.run(run())


async def test_a_reader_gets_its_topics_and_assets_and_what_is_of_none() -> None:
    server = Server(HeldLog())
    reader = Reader(server, topics=["alerts"], assets=["BTC"])
    await settle()
    for asset in ("BTC", "ETH", ""):
        server.write("alerts", 0, asset)
    server.write("status", 0, "BTC")
    await settle()
    await reader.leave()
    assert reader.places == [("alerts", 0, 0), ("alerts", 0, 2)]


async def test_what_was_not_asked_for_moves_the_cursor_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.01)
    server = Server(HeldLog())
    reader = Reader(server, assets=["BTC"])
    await settle()
    server.write("alerts", 1, "ETH")
    await asyncio.sleep(0.05)
    await reader.leave()
    assert reader.last_id is not None
    assert read(reader.last_id)["alerts", 1] == 1


async def test_a_text_with_line_breaks_is_one_event() -> None:
    server = Server(HeldLog())
    reader = Reader(server)
    await settle()
    server.write("status", 0)
    await settle()
    await reader.leave()
    assert reader.events[0][2]["event"]["words"] == "a line\nand another \u2028"


async def test_a_slow_reader_is_told_that_it_was_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "QUEUE_MAX", 5)
    server = Server(HeldLog())
    slow, quick = Reader(server), Reader(server)
    await settle()
    slow.takes.clear()
    for _ in range(10):
        server.write("alerts", 0)
        await settle()
    assert len(quick.places) == 10
    slow.takes.set()
    await settle()
    await asyncio.wait_for(slow.task, 1)
    assert slow.events[-1][0] == "dropped"
    assert server.hub.counts["dropped"] == 1
    again = Reader(server, slow.last_id)
    await settle()
    assert sorted(slow.places + again.places) == quick.places
    await again.leave()
    await quick.leave()
    assert len(server.hub) == 0


async def test_a_reader_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_S", 0.01)
    server = Server(HeldLog())
    reader = Reader(server)
    await settle()
    reader.takes.clear()
    server.write("alerts", 0)
    await asyncio.wait_for(reader.task, 1)
    assert server.hub.counts["unread"] == 1
    assert len(server.hub) == 0


async def test_streams_end_when_the_server_does() -> None:
    server = Server(HeldLog())
    reader = Reader(server)
    await settle()
    server.write("alerts", 0)
    server.hub.end()
    await asyncio.wait_for(reader.task, 1)
    assert [e[0] for e in reader.events] == ["alerts", "end"]
    late = Reader(server)
    await asyncio.wait_for(late.task, 1)
    assert [e[0] for e in late.events] == ["end"]


async def test_what_the_log_no_longer_has_is_named() -> None:
    log = HeldLog()
    old = Server(log)
    for _ in range(6):
        old.write("alerts", 0)
    log.begin = {("alerts", 0): 4}
    del log.held[:4]
    reader = Reader(Server(log), "alerts-0.1-1.0-2.0")
    await settle()
    await reader.leave()
    name, moved_to, hole = reader.events[0]
    assert name == "gap"
    assert hole == {
        "topic": "alerts",
        "partition": 0,
        "from_offset": 1,
        "to_offset": 4,
        "why": "the log no longer has them",
    }
    assert read(moved_to)["alerts", 0] == 4
    assert reader.places == [("alerts", 0, 4), ("alerts", 0, 5)]


async def test_a_cursor_beyond_the_log_is_another_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "AHEAD_S", 0.1)
    server = Server(HeldLog())
    reader = Reader(server, "alerts-0.9-1.0-2.0")
    await asyncio.sleep(0.2)
    server.write("alerts", 0)
    await settle()
    await reader.leave()
    assert [e[0] for e in reader.events] == ["gap", "alerts"]


async def test_a_replica_that_is_behind_waits_until_it_is_not() -> None:
    """Another one had read further when it gave the cursor."""
    server = Server(HeldLog())
    server.write("alerts", 0)
    reader = Reader(server, "alerts-0.2-1.0-2.0")
    await settle()
    server.write("alerts", 0)
    await asyncio.sleep(0.1)
    server.write("alerts", 0)
    await settle()
    await reader.leave()
    assert reader.places == [("alerts", 0, 2)]


async def test_a_log_that_is_cut_ahead_of_the_server_is_named_to_who_listens() -> None:
    server = Server(HeldLog())
    reader = Reader(server)
    await settle()
    server.hub.jump("alerts", 0, 7, "deleted")
    await settle()
    await reader.leave()
    assert [e[0] for e in reader.events] == ["gap"]
    assert read(str(reader.last_id))["alerts", 0] == 7


async def test_without_the_log_nothing_is_passed_over() -> None:
    class Away(HeldLog):
        async def begins(self, logs: Any) -> Any:
            del logs
            msg = "no broker"
            raise TopicsError(msg)

    log = Away()
    Server(log).write("alerts", 0)
    reader = Reader(Server(log), "alerts-0.0-1.0-2.0")
    await asyncio.wait_for(reader.task, 1)
    assert [e[0] for e in reader.events] == ["dropped"]
    assert read(str(reader.last_id))["alerts", 0] == 0


@given(
    at=st.dictionaries(st.sampled_from(LOGS), st.integers(0, 50)),
    live=st.dictionaries(st.sampled_from(LOGS), st.integers(0, 50)),
    begins=st.dictionaries(st.sampled_from(LOGS), st.integers(0, 50)),
    most=st.integers(1, 60),
)
def test_what_is_read_again_and_what_is_named_is_all_that_was_missed(
    at: Any, live: Any, begins: Any, most: int
) -> None:
    spans = spans_of(at, live)
    kept, holes = cut(spans, begins, most)
    for span in spans:
        missed = set(range(span.from_offset, span.to_offset))
        told: list[int] = []
        parts: list[Span | Hole] = [*kept, *holes]
        for part in parts:
            if (part.topic, part.partition) == (span.topic, span.partition):
                told += range(part.from_offset, part.to_offset)
        assert sorted(told) == sorted(missed)
    assert sum(s.to_offset - s.from_offset for s in kept) <= max(most, len(spans))


def test_the_tail_forgets_the_oldest_and_knows_what_it_forgot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.serving.api.tail.REMEMBERED_MAX", 3)
    tail = Tail()
    tail.begin({("alerts", 0): 10})
    for offset in range(10, 15):
        tail.put("alerts", 0, offset, asset="", data=b"x")
    assert tail.since({("alerts", 0): 11}) is None
    remembered = tail.since({("alerts", 0): 12})
    assert remembered is not None
    assert [h.offset for h in remembered] == [12, 13, 14]
    assert tail.put("alerts", 0, 12, asset="", data=b"x") is None


async def test_seats_are_counted_while_streams_last() -> None:
    hub = Hub()
    with suppress(ValueError), hub.seat("a"), hub.seat("a"):
        assert (len(hub), hub.of_client("a"), hub.of_client("b")) == (2, 2, 0)
        raise ValueError
    assert len(hub) == 0
