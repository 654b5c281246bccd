"""Dead letters written again on a real broker: cured and counted once, incurable and bounded, and under kills."""

import asyncio
import os
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from deploy.cli import app
from deploy.settings import environment_of
from streams.serving.acts import Act, ActRefusedError
from streams.serving.acts.writing import ControlWriter
from streams.serving.redrive import Chosen
from streams.serving.redrive.plan import record_of
from streams.serving.redrive.running import Outcome, Redriver
from tests.servers import SharedKafka
from topics import (
    Aggregate,
    DeadLetter,
    Heartbeat,
    MarketValues,
    Redrive,
    Trade,
    encode,
    partition_of,
)
from topics.broker import apply_topics
from topics.deadletter import from_record, redriven_of, to_record
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

from .log import decoded, read_log
from .roles import PARTITIONS, Pipeline, pipeline

pytestmark = pytest.mark.integration
MINUTE_MS = 60_000
HOME = partition_of("BTC", PARTITIONS)
ELSEWHERE = (HOME + 1) % PARTITIONS
ONE = {"subjects_max": 1, "session_timeout_s": 2.0}
WRITE_S = 5.0
CLOCKS_MS = 3_000
"""Less than the usual: the broker takes no record from so far ahead."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def trade(number: int, at_ms: int, subject: str = "BTC/USD") -> Trade:
    return Trade(
        subject=subject,
        source="alpha",
        venue="alpha",
        trade_id=str(number),
        event_ms=at_ms,
        received_ms=at_ms,
        price=Decimal(10),
        size=Decimal(number),
        side="buy",
        sequence=number,
    )


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    await asyncio.to_thread(apply_topics, made)
    return made


async def told(line: Pipeline, *arguments: str) -> Result:
    """Run a command as an operator does, but for the process."""
    tree = {"broker": line.broker.model_dump(mode="json"), "streams": ONE}
    environment = environment_of(tree, os.environ)
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, env=environment)


async def letters(line: Pipeline, at_least: int) -> list[DeadLetter]:
    """Return all dead letters once there are so many."""
    found = await line.read_until("deadletters", at_least)
    return [from_record(r.key, r.value, r.headers, r.timestamp) for part in found for r in part]


async def test_a_cured_letter_ends_in_its_window_and_an_incurable_one_at_the_bound(
    line: Pipeline,
) -> None:
    """The window has it once; the other comes back as attempts 2 and 3; and the audit finds nothing amiss."""
    at_ms = (now_ms() - 10 * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    worker = line.start("streams", streams=ONE)
    await line.ready(worker)
    await line.write(
        [
            beat(line, at_ms - MINUTE_MS),
            line.raw("market", HOME, b"BTC", encode(trade(1, at_ms))),
            line.raw("market", ELSEWHERE, b"BTC", encode(trade(2, at_ms + 1))),
            line.raw("market", HOME, b"BTC", encode(trade(3, at_ms, "BTC/EUR"))),
        ]
    )
    by_reason = {letter.reason: letter for letter in await letters(line, 2)}
    await redrive_by_command(line, by_reason["misrouted"].letter_id)
    await line.write([beat(line, at_ms + 2 * MINUTE_MS)])
    await line.read_until("aggregates", 1)
    closed = decoded(await read_log(line.broker, "aggregates"), Aggregate)
    (minute,) = [a for _, a in closed if a.window_ms == MINUTE_MS and a.step_ms == MINUTE_MS]
    assert isinstance(minute.values, MarketValues)
    assert (minute.values.trades, minute.values.volume) == (2, 3)

    await redrive_to_the_bound(line, by_reason["subjects_max"].letter_id)
    await line.folded()
    audited = await told(line, "audit", "--all")
    assert audited.exit_code == 0, audited.output
    muted = await told(
        line,
        *("acts", "mute", "asset/BTC", "--minutes", "5", "--reason", "known", "--actor", "bob"),
    )
    assert muted.exit_code == 0, muted.output
    acts = await told(line, "acts", "list")
    assert "1 letters, ended" in acts.output
    assert "ann: mended" in acts.output
    assert "mute on  asset/BTC, until" in acts.output
    await told(line, "acts", "unmute", "asset/BTC", "--reason", "over")
    assert "mute" not in (await told(line, "acts", "list")).output


def beat(line: Pipeline, through_ms: int) -> OutRecord:
    """Return the promise of the trades' source."""
    said = Heartbeat(source="alpha", epoch=1, through_ms=through_ms)
    return line.raw("market", HOME, None, encode(said))


async def redrive_by_command(line: Pipeline, letter_id: str) -> None:
    """List, explain, show and write a letter, and be refused it a second time."""
    listed = await told(line, "deadletters", "list", "--reason", "misrouted")
    assert [words.split("  ")[1] for words in listed.output.splitlines()] == [letter_id]
    explained = await told(line, "deadletters", "explain", letter_id)
    assert f"it can go again: to raw.market/{HOME} under key BTC" in explained.output
    shown = await told(line, "deadletters", "redrive", letter_id)
    assert "nothing was written: this was a dry run" in shown.output
    assert not await read_log(line.broker, "control")
    writing = ("deadletters", "redrive", letter_id, "--yes", "--actor", "ann", "--why")
    done = await told(line, *writing, "mended")
    assert (done.exit_code, done.output.splitlines()[-1][:10]) == (0, "written: 1"), done.output
    again = await told(line, *writing, "once more")
    assert again.exit_code == 1
    assert "it went again with redrive" in again.output


async def redrive_to_the_bound(line: Pipeline, first: str) -> None:
    """Redrive a letter that nothing helps until it is refused."""
    redriver, writer = _redriver(line.broker)
    for attempt in (2, 3):
        plan = await redriver.plan(Chosen(reason="subjects_max"))
        await redriver.redrive(plan, actor="ann", reason="in the hope of room")
        last = max(await letters(line, attempt + 1), key=lambda letter: letter.attempt)
        assert (last.attempt, last.original) == (attempt, first)
    plan = await redriver.plan(Chosen(reason="subjects_max"))
    assert not plan.going
    assert any("attempt 3 already" in one.why for one in plan.staying)
    with pytest.raises(ActRefusedError, match="none of these letters can go"):
        await redriver.redrive(plan, actor="ann", reason="again")
    await writer.close()


class KilledError(Exception):
    """The process ended here."""


class Dying(ControlWriter):
    """Writes acts until the process is killed: behind the begin of a redrive, or before its end is told."""

    def __init__(self, broker: BrokerSettings, at: str) -> None:
        """Die at `begun` or `ended`."""
        super().__init__(broker)
        self._at = at

    async def write(self, act: Act) -> None:
        """Write an act, or die."""
        assert isinstance(act, Redrive)
        if act.ended_ms is None:
            await super().write(act)
        if (act.ended_ms is None) == (self._at == "begun"):
            raise KilledError


def _redriver(
    broker: BrokerSettings, *, later_ms: int = 0, writer: ControlWriter | None = None
) -> tuple[Redriver, ControlWriter]:
    writer = writer or ControlWriter(broker)
    made = Redriver(
        broker, writer, now_ms=lambda: now_ms() + later_ms, write_s=WRITE_S, clocks_ms=CLOCKS_MS
    )
    return made, writer


async def _plant(broker: BrokerSettings, count: int) -> None:
    """Write letters of trades that stood where they do not belong."""
    records = []
    for number in range(count):
        letter = DeadLetter(
            reason="misrouted",
            message="elsewhere",
            stage="fold",
            role="streams",
            key=b"BTC",
            value=encode(trade(number + 1, now_ms())),
            time_ms=now_ms(),
            topic="raw.market",
            partition=ELSEWHERE,
            offset=number,
        )
        key, value, headers = to_record(letter)
        records.append(
            OutRecord(broker.topic("deadletters"), number % PARTITIONS, key, value, headers)
        )
    await _deliver(broker, records)


async def _deliver(broker: BrokerSettings, records: list[OutRecord]) -> None:
    sender = Sender(broker)
    await sender.deliver(records)
    await sender.close()


async def _written(broker: BrokerSettings) -> list[str]:
    """Return the letters that went, as the raw topic says."""
    found = [redriven_of(record.headers) for record in await read_log(broker, "raw.market")]
    return [redriven.letter_id for redriven in found if redriven is not None]


@pytest.mark.parametrize("written", [0, 1, 3])
async def test_a_redrive_that_is_killed_is_finished_by_the_next_and_no_letter_goes_twice(
    broker: BrokerSettings, written: int
) -> None:
    """Behind its begin, in its middle, and before its end is told; both say on control what they did."""
    await _plant(broker, 3)
    dying, writer = _redriver(broker, writer=Dying(broker, "ended" if written == 3 else "begun"))
    plan = await dying.plan(Chosen())
    assert len(plan.going) == 3
    with pytest.raises(KilledError):
        await dying.redrive(plan, actor="ann", reason="mended")
    if written == 1:
        act = decoded(await read_log(broker, "control"), Redrive)[0][1]
        await _deliver(broker, [record_of(plan.going[0], broker, act.redrive_id, act.at_ms)])
    await writer.close()

    soon, soon_writer = _redriver(broker)
    running = await soon.plan(Chosen())
    assert not running.going
    assert "may be writing it now" in running.staying[0].why
    with pytest.raises(ActRefusedError, match="ask again in"):
        await soon.redrive(plan, actor="bob", reason="impatient")
    await soon_writer.close()

    later, later_writer = _redriver(broker, later_ms=round(WRITE_S * 1000) + CLOCKS_MS + 1)
    left = await later.plan(Chosen())
    assert (len(left.going), len(left.staying)) == (3 - written, written)
    outcome = await later.redrive(plan, actor="bob", reason="the rest")
    assert (outcome.written, outcome.before) == (3 - written, written)
    again = await later.redrive(plan, actor="bob", reason="the rest")
    assert again == Outcome(redrive_id="", written=0, before=3)
    await later_writer.close()

    assert sorted(await _written(broker)) == [f"raw.market/{ELSEWHERE}/{n}" for n in range(3)]
    acts = [act for _, act in decoded(await read_log(broker, "control"), Redrive)]
    ended = [act for act in acts if act.ended_ms is not None]
    assert [(act.actor, len(act.letters)) for act in ended] == [
        ("ann", written),
        *([("bob", 3 - written)] if written < 3 else []),
    ]
    assert sorted(letter for act in ended for letter in act.letters) == sorted(
        await _written(broker)
    )
    assert replace(ended[0], ended_ms=None, letters=acts[0].letters) == acts[0]


class Meeting(ControlWriter):
    """Writes acts; behind the begin of a redrive it waits until another has begun too."""

    def __init__(self, broker: BrokerSettings, both: asyncio.Barrier) -> None:
        """Wait at a barrier of two."""
        super().__init__(broker)
        self._both, self._begun = both, False

    async def write(self, act: Act) -> None:
        """Write an act, and wait the first time."""
        await super().write(act)
        if not self._begun:
            self._begun = True
            await self._both.wait()


@pytest.mark.parametrize("same", [True, False], ids=["the same letters", "one in common"])
async def test_of_two_who_redrive_a_letter_at_the_same_moment_one_goes_back(
    broker: BrokerSettings, same: bool
) -> None:
    """From two processes that both saw that nobody had; the clock of one is as far ahead as it may be."""
    await _plant(broker, 3)
    both = asyncio.Barrier(2)
    made = [_redriver(broker, later_ms=n * CLOCKS_MS, writer=Meeting(broker, both)) for n in (0, 1)]
    ids = [f"raw.market/{ELSEWHERE}/{n}" for n in range(3)]
    chosen = [Chosen(), Chosen()] if same else [Chosen(ids=frozenset(ids[:2])), Chosen(ids=frozenset(ids[1:]))]  # fmt: skip
    plans = [await one.plan(wanted) for (one, _), wanted in zip(made, chosen, strict=True)]
    outcomes = await asyncio.gather(
        *(
            one.redrive(plan, actor=actor, reason="mended")
            for (one, _), plan, actor in zip(made, plans, ("ann", "bob"), strict=True)
        ),
        return_exceptions=True,
    )
    for _, writer in made:
        await writer.close()
    went = [one for one in outcomes if isinstance(one, Outcome)]
    refused = [one for one in outcomes if isinstance(one, ActRefusedError)]
    assert len(went) + len(refused) == 2
    assert len(went) <= 1 if not same else len(went) == 1
    written = await _written(broker)
    assert len(set(written)) == len(written) == sum(one.written for one in went)
    assert all("may be writing it now" in str(one) for one in refused)
