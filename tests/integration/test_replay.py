"""`tapereader replay` on the real Kafka: what is copied, and that the same windows come out of it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import ConfigResource, ResourceType

from deploy.settings import environment_of
from tests.recordings import FOLDER, XRPETH_FIRST, XRPETH_LAST
from tests.servers import SharedKafka
from topics import KINDS, Heartbeat, encode, raw_topic
from topics.broker import admin_client, topic_differences

from .records import PATIENCE_S
from .roles import PARTITIONS, Pipeline, command, copy_of, pipeline
from .seeded import MIN, SeededLog

pytestmark = pytest.mark.integration
HOUR_MS = 3_600_000
MINUTES = 50
RECORDING_BEGIN_MS = 1_570_752_000_000
RECORDING_END_MS = 1_570_968_000_000
"""2019-10-13 12:00, when the hour of the recording's last trade ends."""
CUT = 20
"""The minute a range begins at: its heartbeats are the first that the copy has."""
OUT = ("aggregates", "late", "deadletters")
Rows = list[list[tuple[Any, ...]]]


@pytest.fixture
def line(kafka: SharedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Pipeline]:
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as made:
        yield made


def seeded(line: Pipeline, seed: int) -> SeededLog:
    """A log that was written two hours ago: much older records the broker would delete from the source."""
    ago_ms = time.time_ns() // 1_000_000 - 2 * HOUR_MS
    return SeededLog(
        line.broker, seed, shift_ms=ago_ms - SeededLog(line.broker, 0, shift_ms=0).logged_ms(0)
    )


async def folded(line: Pipeline) -> None:
    """Run the streams role until it has folded everything."""
    worker = line.start("streams")
    await line.ready(worker)
    await line.folded()
    assert await worker.stop() == 0


async def replay(line: Pipeline, into: str, *options: str) -> dict[str, Any]:
    """Replay into a prefix, and return the report and what was said."""
    report = line.folder / f"{into}json"
    arguments = ("replay", "--into", into, "--json", str(report), *options)
    done = await asyncio.to_thread(command, line, *arguments)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(report.read_text())) | {"said": done.stdout}


async def raw(line: Pipeline, kind: str) -> Rows:
    """Every record of a raw topic, whole, with its timestamp."""
    return [
        [(r.key, r.value, tuple(r.headers), r.timestamp) for r in records]
        for records in await line.read(f"raw.{kind}")
    ]


async def out(line: Pipeline, name: str) -> dict[tuple[int, str], list[tuple[Any, ...]]]:
    """Key, value and headers of all that was made, by partition and kind: each kind's order is kept."""
    made: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
    for records in await line.read(name):
        for record in records:
            row = (record.key, record.value, tuple(record.headers))
            kind = next(k for k in KINDS if k in str(kind_source(name, record)))
            made.setdefault((record.partition, kind), []).append(row)
    return made


def kind_source(name: str, record: Any) -> object:
    told = dict(record.headers)
    if name == "aggregates":
        return told["ce_id"].split(b"/")[0]
    return (
        msgspec.json.decode(record.value)["kind"]
        if name == "late"
        else told["__connect.errors.topic"]
    )


async def test_a_log_of_all_kinds_replayed_gives_the_same_bytes(line: Pipeline) -> None:
    """Late, twice, missing, broken, corrected: folded once as it came, and twice as a copy; each record whole."""
    log = seeded(line, 11)
    await line.write(log.minutes(range(MINUTES)))
    await folded(line)
    one, two = f"{line.broker.prefix}one.", f"{line.broker.prefix}two."
    first = await replay(line, one, "--fold")
    second = await replay(line, two)
    assert "folded into" in first["said"]
    assert f"fold it with: TAPEREADER_BROKER__PREFIX={two} tapereader streams" in second["said"]
    await folded(copy_of(line, two))
    copies = [copy_of(line, one), copy_of(line, two)]
    for kind in KINDS:
        was = await raw(line, kind)
        assert [await raw(copy, kind) for copy in copies] == [was, was]
        for number, records in enumerate(was):
            place = {"topic": raw_topic(kind), "partition": number, "begin": 0}
            place |= {"end": len(records), "records": len(records)}
            assert place in first["partitions"]
            assert f"{number}: {len(records)}" in first["said"]
    for name in OUT:
        was_made = await out(line, name)
        assert sum(map(len, was_made.values())) > 50
        assert [await out(copy, name) for copy in copies] == [was_made, was_made]
    assert_kept_for_ever(copies[0])
    await assert_a_range_gives_the_same_windows(line, log)


def assert_kept_for_ever(copy: Pipeline) -> None:
    """Old records would be deleted from a copy at once; all else is as the catalog says."""
    names = [copy.broker.topic(raw_topic(kind)) for kind in KINDS]
    admin = admin_client(copy.broker)
    for name in names:
        (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        assert described.result(PATIENCE_S)["retention.ms"].value == "-1"
    assert [words.split(":")[0] for words in topic_differences(copy.broker)] == names


async def assert_a_range_gives_the_same_windows(line: Pipeline, log: SeededLog) -> None:
    """All but those that begin before the copy's first promise, which are marked, and what rests on windows before."""
    part = copy_of(line, f"{line.broker.prefix}part.")
    begin, end = log.logged_ms(CUT), log.logged_ms(MINUTES - 5)
    report = await replay(
        line, part.broker.prefix, "--from", str(begin), "--to", str(end), "--fold"
    )
    for kind in KINDS:
        was = await raw(line, kind)
        ranged = [[row for row in rows if begin <= row[-1] < end] for rows in was]
        assert await raw(part, kind) == ranged
    assert report["records"] == sum(p["records"] for p in report["partitions"])
    since_ms = begin - log.logged_ms(0) + first_event_ms(log) + MIN
    whole = windows(await out(line, "aggregates"), since_ms)
    found = windows(await out(part, "aggregates"), since_ms)
    marked = sum(a["reason"] == "replay_start" for a in every(await out(part, "aggregates")))
    assert marked > 10
    compared = {made for made in found if made in whole}
    assert compared == set(found)
    assert len(compared) > 100
    assert {made: found[made] for made in compared} == {made: whole[made] for made in compared}
    # What is missing is only what the range ends before: a window may have its first event 90 s after its end.
    lacking = [whole[made] for made in whole if made not in found]
    until_ms = first_event_ms(log) + (MINUTES - 7) * MIN
    assert [a for a in lacking if a["reason"] == "closed" and end_of(a) <= until_ms] == []


def first_event_ms(log: SeededLog) -> int:
    return log.logged_ms(0) - log.shift_ms


def end_of(aggregate: dict[str, Any]) -> int:
    return int(aggregate["window_start_ms"] + aggregate["window_ms"])


def every(made: dict[tuple[int, str], list[tuple[Any, ...]]]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(row[1]) for rows in made.values() for row in rows]


def windows(
    made: dict[tuple[int, str], list[tuple[Any, ...]]], since_ms: int
) -> dict[str, dict[str, Any]]:
    """By id, those that begin at or after a time, without what rests on the windows before them."""
    kept = {}
    for aggregate in every(made):
        if aggregate["window_start_ms"] >= since_ms and aggregate["reason"] != "replay_start":
            del aggregate["scores"], aggregate["history_n"]
            if aggregate["window_start_ms"] - aggregate["window_ms"] < since_ms:
                aggregate["values"].pop("flow_change", None)
                aggregate["values"].pop("level_change", None)
            kept[aggregate["aggregate_id"]] = aggregate
    return kept


@pytest.mark.nightly
async def test_the_whole_recording_replayed_twice_gives_the_same_bytes(line: Pipeline) -> None:
    """59 hours of XRP/ETH in ten seconds, and a promise behind them that ends every window."""
    source = {
        "type": "recorded",
        "files": [str(FOLDER / "binance-xrpeth-aggtrades-2019-10.jsonl.gz")],
        "format": "binance.aggtrades",
        "venue": "binance",
        "subject": "XRP/ETH",
    }
    now_ms = time.time_ns() // 1_000_000
    pace = {"wall_ms": now_ms, "event_ms": RECORDING_BEGIN_MS, "speed": 20_000}
    settings = {"sources": {"recording": source}, "pace": pace}
    collector = line.start("collect", "recording", collect=settings)
    assert await collector.ended(PATIENCE_S) == 0
    beat = encode(Heartbeat(source="recording", epoch=10**10, through_ms=RECORDING_END_MS))
    await line.write([line.raw("market", p, None, beat) for p in range(PARTITIONS)])
    await folded(line)
    made = await out(line, "aggregates")
    hours = [a["values"]["trades"] for a in every(made) if a["window_ms"] == HOUR_MS]
    assert (len(hours), sum(hours)) == (60, XRPETH_LAST - XRPETH_FIRST + 1)
    for into in ("one.", "two."):
        copy = copy_of(line, line.broker.prefix + into)
        await replay(line, copy.broker.prefix, "--fold", "--kind", "market")
        assert await out(copy, "aggregates") == made


async def test_it_goes_at_the_speed_of_the_log(line: Pipeline) -> None:
    """Forty seconds of log at 20 times their speed; another instant, and the same records."""
    log = seeded(line, 12)
    begin = log.logged_ms(0)
    await line.write(log.minutes(range(2)))
    options = ("--speed", "20", "--kind", "market", "--to", str(begin + 40_000))
    report = await replay(line, f"{line.broker.prefix}paced.", *options)
    assert report["records"] > 10
    assert 1.8 <= report["copied_s"] < 20


async def test_what_is_broken_off_says_so_and_is_not_gone_on_with(line: Pipeline) -> None:
    """Ctrl-C in the middle: the copy is not whole, and its prefix is refused from then on."""
    await line.write(seeded(line, 13).minutes(range(3)))
    into = f"{line.broker.prefix}half."
    tree = {"broker": line.broker.model_dump(mode="json")}
    running = subprocess.Popen(  # noqa: ASYNC220, S603 - our own command
        [sys.executable, "-P", "-m", "deploy", "replay", "--into", into, "--speed", "1"],
        env=environment_of(tree, os.environ),
        stderr=subprocess.PIPE,
        text=True,
    )
    copy = copy_of(line, into)
    async with asyncio.timeout(PATIENCE_S):
        while not await has_any(copy):
            await asyncio.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = await asyncio.to_thread(running.communicate, timeout=PATIENCE_S)
    assert running.returncode == 2
    assert f"the copy under {into} is not whole: told to stop" in said
    assert "Take another --into, or delete the topics" in said
    again = await asyncio.to_thread(command, line, "replay", "--into", into)
    assert again.returncode == 2
    assert f"--into {into}: not empty: {into}raw." in again.stderr
    assert "Choose another prefix" in again.stderr


async def has_any(copy: Pipeline) -> bool:
    names = admin_client(copy.broker).list_topics(timeout=PATIENCE_S).topics
    return copy.broker.topic("raw.market") in names and any(await copy.read("raw.market"))


def test_what_cannot_be_copied_is_refused_and_nothing_is_made(line: Pipeline) -> None:
    """An empty log, a time after its end, and a prefix under which there is nothing."""
    into = f"{line.broker.prefix}none."
    empty = command(line, "replay", "--into", into)
    assert (empty.returncode, "the range is empty" in empty.stderr) == (2, True)
    asyncio.run(line.write(seeded(line, 14).minutes(range(1))))
    late = command(line, "replay", "--into", into, "--from", "2100-01-01T00:00:00Z")
    assert (late.returncode, "the range is empty" in late.stderr) == (2, True)
    nowhere = line.broker.model_dump(mode="json") | {"prefix": f"{into}where."}
    missing = command(line, "replay", "--into", into, broker=nowhere)
    assert (missing.returncode, "missing on" in missing.stderr) == (2, True)
    names = admin_client(line.broker).list_topics(timeout=PATIENCE_S).topics
    assert [name for name in names if name.startswith(into)] == []
