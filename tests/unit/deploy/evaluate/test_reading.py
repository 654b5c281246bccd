"""Reading: a broker's topics up to their ends, by log time, and what cannot be read is counted and passed over."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.publisher import analysis_record, decision_record
from deploy.demo.embedded import PARTITIONS, embedded_kafka
from deploy.evaluate.command import run_evaluate, run_narratives
from deploy.evaluate.reading import Range, Read, read_range
from tests.unit.agents.evaluation.planted import hours, said
from tests.unit.agents.evaluation.test_drift import decision, intent, result
from topics import encode
from topics.broker import apply_topics
from topics.outbox import Sender
from topics.record import OutRecord
from topics.settings import BrokerSettings

HOURS = 8
NOW_MS = time.time_ns() // 1_000_000
BEFORE_MS = NOW_MS - 3_600_000


@pytest.fixture(scope="module")
def broker() -> Iterator[BrokerSettings]:
    """A broker in this process, with a few hours of one asset."""
    with embedded_kafka() as address:
        made = BrokerSettings(bootstrap=address, prefix="e.", partitions=PARTITIONS, embedded=True)
        apply_topics(made)
        asyncio.run(_fill(made))
        yield made


async def _fill(broker: BrokerSettings) -> None:
    def other(name: str, value: bytes, key: bytes = b"BTC", at_ms: int = NOW_MS) -> OutRecord:
        return OutRecord(broker.topic(name), 1, key, value, timestamp_ms=at_ms)

    records = [analysis_record(broker, said(hour), 1) for hour in range(HOURS)]
    records += [analysis_record(broker, said(0, "down", 1.0), 1), other("analyses", b"{")]
    old = said(HOURS + 1, prompt_version="deep_dive-old")
    records.append(other("analyses", encode(old), at_ms=BEFORE_MS))
    records += [other("aggregates", encode(one)) for one in hours(HOURS + 1)]
    records.append(other("aggregates", b"not read: nobody asks for it", key=b"ETH"))
    records += [decision_record(broker, decision(1, "answered"))]
    records += [
        other("journal", encode(intent(1, prompt="deep_dive-older")), at_ms=BEFORE_MS),
        other("journal", encode(intent(2))),
        other("journal", encode(result(2, "answered"))),
    ]
    sender = Sender(broker)
    await sender.deliver(records)
    await sender.close()


async def read(
    broker: BrokerSettings, *, from_ms: int | None = None, to_ms: int | None = None
) -> Read:
    told: dict[str, int] = {}
    found = await read_range(
        broker,
        Range(from_ms, to_ms),
        stop=asyncio.Event(),
        told=lambda name, n: told.update({name: n}),
    )
    assert told.keys() == {"journal", "analyses", "decisions", "aggregates"}
    return found


async def test_what_stands_in_the_topics_is_scored(broker: BrokerSettings) -> None:
    """Of one id the first counts; a record that cannot be read is counted, one that nobody asks for is not looked at."""
    found = await read(broker)
    assert found.unreadable == {"analyses": 1}
    assert (found.evidence.analyses, found.evidence.decisions) == (HOURS + 1, 1)
    scores = found.evidence.scores(found.marks.find, {}, seed=1)
    by_prompt = {score.voice.version: score for score in scores}
    new = by_prompt.pop("deep_dive-00000001")
    assert (new.windows, new.hit_rate.value, new.prompts_tried) == (HOURS, 1.0, 3)
    assert by_prompt["deep_dive-old"].lost == {"no_mark": 1}


async def test_the_range_is_of_the_logs_time(broker: BrokerSettings) -> None:
    """Analyses and decisions before it are not there; how many prompts were ever tried is of the whole journal."""
    late = await read(broker, from_ms=NOW_MS - 60_000)
    (score,) = late.evidence.scores(late.marks.find, {}, seed=1)
    assert (score.windows, score.prompts_tried) == (HOURS, 2)
    assert [prompt.sent for prompt in late.evidence.drift.prompts] == [1]
    early = await read(broker, to_ms=NOW_MS - 60_000)
    assert (early.evidence.analyses, early.evidence.decisions) == (1, 0)


async def test_it_is_shown_and_written(
    broker: BrokerSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table, the figures for programs, and the page; and the narratives, of which there are none."""
    out, page = tmp_path / "out.json", tmp_path / "page.html"
    span = Range(None, None)
    await run_evaluate(broker, span, cutoffs={}, seed=1, json_file=out, report_file=page)
    shown = capsys.readouterr().out
    assert "Outlooks against what came" in shown
    assert f"{HOURS} windows scored, of {HOURS + 1} analyses, 1 records cannot be read" in shown
    assert "say nothing of any model" in shown
    assert json.loads(out.read_text())["analyses"] == HOURS + 1
    assert page.read_text().startswith("<!doctype html>")
    told = await run_narratives(broker, span, json_file=out)
    assert told.said.total == json.loads(out.read_text())["said"]["total"] == 0
    assert "Texts of state analyses" in capsys.readouterr().out
