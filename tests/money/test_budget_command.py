"""What an operator asks of the budget, on a real Redis and a real Kafka."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.account.ledger import Ledger
from agents.account.terms import Terms
from deploy import cli
from tests.integration.log import decoded, read_log
from tests.money.test_money import clock_ms
from tests.servers import SharedKafka, SharedRedis
from tests.unit.agents.account.test_budget import ask
from tests.unit.agents.account.test_ledger import intent, result
from topics import Control, encode, partition_of
from topics.broker import apply_topics
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

pytestmark = pytest.mark.integration


class Said(NamedTuple):
    status: object
    out: str
    error: str


Run = Callable[..., Said]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    redis_server: SharedRedis,
    topic_prefix: str,
) -> Run:
    """Run the command with a ledger and no broker."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEREADER_AGENT__BUDGET__REDIS_URL", redis_server.url)
    monkeypatch.setenv("TAPEREADER_AGENT__BUDGET__SCOPE", "test")
    monkeypatch.setenv("TAPEREADER_BROKER__PREFIX", topic_prefix)

    def main(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["tapereader", "budget", *arguments])
        try:
            cli.main()
        except SystemExit as ended:
            return Said(ended.code or 0, *capsys.readouterr())
        return Said(0, *capsys.readouterr())

    return main


async def spent(url: str, prefix: str) -> None:
    """Reserve one call and settle another."""
    ledger = Ledger(url, prefix=prefix, scope="test", terms=Terms(caps={}), call_s=5.0)
    now_ms = clock_ms()
    await ledger.rebuild(
        [intent(1, 2_000_000, at_ms=now_ms), result(1, cost=1_500_000, at_ms=now_ms)], now_ms
    )
    await ledger.reserve(ask(2, 250), now_ms)
    await ledger.close()


def test_the_budget_is_shown_in_dollars(
    run: Run, redis_server: SharedRedis, topic_prefix: str
) -> None:
    """Closed before anybody has opened it; then each window and account, for people and for programs."""
    assert "The budget is closed" in run("show").out
    asyncio.run(spent(redis_server.url, topic_prefix))
    said = run("show")
    assert (said.status, said.error) == (0, "")
    rows = [line.split() for line in said.out.splitlines()]
    assert rows[0][:6] == ["The", "budget", "is", "open;", "1", "calls"]
    assert ["day", "all", "usd", "1.000000000", "0.001500000", "0.000000250", "0.000000000"] in [
        row[:7] for row in rows
    ]
    told = json.loads(run("show", "--json").out)
    [line] = [
        x
        for x in told["lines"]
        if (x["window"], x["account"], x["unit"]) == ("day", "all", "nano_usd")
    ]
    assert (line["cap"], line["settled"], line["reserved"]) == (10**9, 1_500_000, 250)
    assert told["open"] is True


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("day/all/usd", "much"), "'much' is no amount"),
        (("day/all/tokens", "1.5"), "'1.5' is no amount"),
        (("day/all/usd", "-1"), "is counted exactly"),
        (("day/all/usd", "9007200"), "is counted exactly"),
        (("year/all/usd", "1"), "is no cap"),
    ],
)
def test_a_cap_that_cannot_be_kept_is_refused(run: Run, words: tuple[str, str], told: str) -> None:
    """In a sentence, before anything is written or changed."""
    said = run("set", "--reason", "a test", "--", *words)
    assert (said.status, said.out) == (2, "")
    assert said.error.startswith("tapereader: ")
    assert told in said.error


def test_an_act_is_written_before_it_counts_and_a_bill_is_compared_with_the_journal(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kafka: SharedKafka,
    topic_prefix: str,
) -> None:
    """The control topic says who, why and what; exit 1 where the books are below the bill."""
    broker = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    apply_topics(broker)
    monkeypatch.setenv("TAPEREADER_BROKER__BOOTSTRAP", kafka.bootstrap)
    monkeypatch.setenv("TAPEREADER_BROKER__PARTITIONS", "2")
    said = run("set", "day/all/usd", "0.25", "--reason", "a quiet week", "--actor", "ann")
    assert (said.status, said.out) == (0, "day/all/nano_usd: 250000000 (was nothing)\n"), said
    assert run("set", "day/all/usd", "0.25", "--reason", "again").out.endswith("(was 250000000)\n")
    assert " 0.250000000 " in run("show").out

    async def write() -> None:
        sender = Sender(broker)
        entries = [intent(1, 100), result(1, cost=40), intent(2, 100)]
        partition = partition_of("BTC", broker.partitions)
        topic = broker.topic("journal")
        await sender.deliver([OutRecord(topic, partition, b"k", encode(e), []) for e in entries])
        await sender.close()

    asyncio.run(write())
    bill = tmp_path / "bill.csv"
    bill.write_text("attempt_id,cost_nano_usd\na1,40\na2,60\n")
    said = run("reconcile", "bill.csv")
    assert said.status == 0, said
    assert "2 lines: 0.000000100 billed, 0.000000140 booked, 1 calls differ" in said.out
    bill.write_text("attempt_id,cost_nano_usd\na1,41\n")
    said = run("reconcile", "bill.csv")
    assert said.status == 1
    assert "BELOW the bill" in said.out
    records = asyncio.run(read_log(broker, "control"))
    acts = [act for _, act in decoded(records, Control)]
    assert [(a.subject, a.value, a.reason) for a in acts] == [
        ("budget/test/day/all/nano_usd", "250000000", "a quiet week"),
        ("budget/test/day/all/nano_usd", "250000000", "again"),
    ]
    assert acts[0].actor == "ann"
