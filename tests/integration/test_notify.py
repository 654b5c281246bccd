"""People are told of alerts on a real broker: at once, once, in words, and again after a death."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streams.serving.acts.making import mute
from streams.serving.acts.writing import record_of as act_record
from streams.serving.notify.notifier import COMMIT_S, Notifier
from tests.servers import SharedKafka
from tests.servers.web import Status
from tests.unit.streams.serving.notify.alerts import alert, analysis
from topics.broker import apply_topics
from topics.deadletter import from_record
from topics.settings import BrokerSettings

from .log import read_log
from .notified import Phone, notifying, now_ms, settings_of, told_until, until, write
from .roles import pipeline

pytestmark = pytest.mark.integration


@pytest.fixture
async def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    """A pipeline of the test's own."""
    made = BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=2)
    await asyncio.to_thread(apply_topics, made)
    return made


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    """A receiver."""
    made = Phone()
    async with made.server:
        yield made


async def test_an_alert_is_told_at_once_and_its_analysis_and_end_follow(
    broker: BrokerSettings, phone: Phone
) -> None:
    """Those that fire in one moment in one message; a receiver that fails is alone in that; all of it is in the log."""
    since_ms = now_ms()
    settings = settings_of(
        broker,
        {
            "phone": {"url": phone.url},
            "gone": {"url": "json://127.0.0.1:9/", "severity_min": "critical"},
        },
        attempts_max=2,
    )
    fires = [alert(subject=f"{name}/USD", since_ms=since_ms) for name in ("BTC", "ETH")]
    crash = alert("crash", since_ms=since_ms, severity="critical")
    async with notifying(settings) as notifier:
        await write(broker, *fires)
        await until(lambda: len(phone.heard) == 1)
        assert phone.titles == ["WARNING: price_fall, 2 firing"]
        await write(broker, analysis(fires[0].alert_id), analysis("nobody's"), crash)
        await until(lambda: len(phone.heard) == 3)
        assert set(phone.titles[1:]) == {
            "Analysis: BTC/USD fell by 5.2 % in 5 min",
            "CRITICAL: BTC/USD fell by 5.2 % in 5 min",
        }
        over = alert(
            subject="BTC/USD", since_ms=since_ms, state="cleared", transition=2, as_of_ms=since_ms
        )
        await write(broker, over)
        found = await told_until(broker, 6)
        assert phone.titles[3] == "Over: BTC/USD fell by 5.2 % in 5 min"
        assert notifier.tallies["gone"].failing
    assert sorted(one.outcome for one in found) == ["sent"] * 5 + ["undeliverable"]
    assert {one.notification_id for one in found if one.outcome == "sent"} == set(phone.keys)
    (letter,) = await read_log(broker, "deadletters")
    read = from_record(letter.key, letter.value, letter.headers, 0)
    assert (read.reason, read.stage, read.topic) == (
        "undeliverable",
        "notify",
        broker.topic("alerts"),
    )
    # What was told is committed: a start tells nothing again.
    async with notifying(settings):
        await write(broker, alert("next", since_ms=since_ms))
        await until(lambda: len(phone.heard) == 5)
    assert phone.titles[4:] == ["WARNING: BTC/USD fell by 5.2 % in 5 min"]


async def test_what_is_muted_is_told_when_the_mute_is_over_and_it_still_fires(
    broker: BrokerSettings, phone: Phone
) -> None:
    """Once, by whichever process; a standby takes over what another held."""
    at_ms = now_ms()
    quiet = mute("asset/BTC", until_ms=at_ms + 6_000, actor="alice", reason="known", at_ms=at_ms)
    await write(broker, act_record(broker, quiet))
    settings = settings_of(broker, {"phone": {"url": phone.url}})
    async with notifying(settings, "a") as first:
        async with notifying(settings, "b") as second:
            await write(broker, alert(since_ms=at_ms))
            await until(lambda: len(phone.heard) == 1)
            await until(lambda: first.stands_by != second.stands_by)
        found = await told_until(broker, 2)
    assert [(one.step, one.outcome) for one in found] == [
        ("firing", "muted"),
        ("still_firing", "sent"),
    ]
    assert phone.titles == ["Still firing: BTC/USD fell by 5.2 % in 5 min"]


async def test_what_an_analysis_bears_out_is_told_and_what_not_is_left_out_through_a_restart(
    broker: BrokerSettings, phone: Phone
) -> None:
    """What waited is read again and waits on; nobody hears the end of what they were not told of."""
    since_ms = now_ms()
    only = {"url": phone.url, "analysis_severity_min": "warning", "analysis_wait_s": 3_600}
    settings = settings_of(broker, {"phone": only})
    small, large = (alert(rule, since_ms=since_ms) for rule in ("small", "large"))
    async with notifying(settings):
        await write(broker, small, large, analysis(small.alert_id, severity="notice"))
        await told_until(broker, 2)
    over = alert("small", since_ms=since_ms, state="cleared", transition=2, as_of_ms=since_ms)
    async with notifying(settings):
        await write(broker, over, analysis(large.alert_id, severity="critical"))
        found = await told_until(broker, 5)
    ends = {(one.alert_id.partition("/")[0], one.step): one.outcome for one in found}
    assert ends == {
        ("small", "firing"): "muted",
        ("small", "analysis"): "muted",
        ("small", "cleared"): "muted",
        ("large", "firing"): "sent",
        ("large", "analysis"): "sent",
    }
    assert len(phone.heard) == 1
    assert sorted(phone.keys) == sorted(
        one.notification_id for one in found if one.outcome == "sent"
    )


async def test_a_role_that_dies_between_telling_and_noting_tells_it_again_under_the_same_key(
    kafka: SharedKafka, topic_prefix: str, tmp_path: Path, phone: Phone
) -> None:
    """At least once, none lost: neither what it had told, nor what it had gathered by then."""
    with pipeline(kafka.bootstrap, topic_prefix, tmp_path) as line:
        notify = {
            "receivers": {"phone": {"url": phone.url}},
            "fresh_s": 3_600,
            "wait_initial_s": 0.05,
        }
        first = line.start("notify", notify=notify)
        await line.ready(first)
        since_ms = now_ms()
        # At the second attempt the receiver takes the message, and its answer never comes.
        phone.server.faults.append(Status(500))
        phone.silent = True
        await write(line.broker, alert(since_ms=since_ms))
        await until(lambda: len(phone.heard) == 1)
        (key,) = phone.keys
        await write(line.broker, alert(subject="ETH/USD", since_ms=since_ms))
        await asyncio.sleep(1.5 * COMMIT_S)  # what may be committed is
        first.process.kill()
        first.process.wait()
        phone.silent = False
        second = line.start("notify", notify=notify)
        await line.ready(second)
        await until(lambda: len(set(phone.keys)) == 2)
        assert phone.keys.count(key) == 2
        assert len(await told_until(line.broker, 2)) == 2
        before = list(phone.keys)
        # Told and noted: another death, another start, and nothing is told again.
        second.process.kill()
        second.process.wait()
        third = line.start("notify", notify=notify)
        await line.ready(third)
        await write(line.broker, alert("next", since_ms=since_ms))
        assert len(await told_until(line.broker, 3)) == 3
        assert phone.keys[:-1] == before
        status, metrics = line.page(third, "metrics")
        assert status == 200
        for name in ("notices_total", "messages_total", "delivery_seconds_count"):
            told = rf'^tapereader_notify_{name}{{.*receiver="phone".*}} 1.0$'
            assert re.search(told, metrics, re.MULTILINE), name


async def test_the_hours_bound_and_what_it_holds_back_outlive_the_process(
    broker: BrokerSettings, phone: Phone
) -> None:
    """Of four an hour two are for anything: the third waits, through a restart, for a digest that matters."""
    since_ms = now_ms()
    settings = settings_of(broker, {"phone": {"url": phone.url, "per_hour": 4}})

    async def holds_one(notifier: Notifier) -> None:
        await until(lambda: bool(notifier.tenure and notifier.tenure.couriers["phone"].lane.held))

    async with notifying(settings):
        for count, rule in enumerate(("one", "two"), 1):
            await write(broker, alert(rule, since_ms=since_ms))
            await until(lambda count=count: len(phone.heard) == count)  # type: ignore[misc]
        await told_until(broker, 2)
    async with notifying(settings) as second:
        await write(broker, alert("three", since_ms=since_ms))
        await holds_one(second)
    async with notifying(settings) as third:
        await holds_one(third)
        assert len(phone.heard) == 2
        for rule in ("crash", "quake"):
            await write(broker, alert(rule, since_ms=since_ms, severity="critical"))
            await asyncio.sleep(0.3)
        await until(lambda: len(phone.heard) == 4)
        found = await told_until(broker, 5)
    assert phone.titles[3] == "CRITICAL: 2 held back, the hour's messages were used up"
    assert {one.alert_id.partition("/")[0]: one.outcome for one in found} == {
        "one": "sent",
        "two": "sent",
        "crash": "sent",
        "three": "digest",
        "quake": "digest",
    }
