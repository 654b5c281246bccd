"""The thin shell: what it yields, when, and that it can be stopped."""

import asyncio
import hashlib
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.collectors.outbound import Outbound
from streams.collectors.pace import Pace
from streams.collectors.playback import SLICE_S
from streams.collectors.port import Clock, Context, Link, Observation, Refused, Source, Through
from streams.collectors.synthetic import START_MS, create_synthetic
from streams.collectors.synthetic.run import Run
from streams.collectors.synthetic.source import GENERATORS
from topics import KINDS, Kind, RawEvent, encode, kind_of, raw_topic
from topics.catalog import BY_NAME
from topics.settings import BrokerSettings

from .folding import BROKER, run_for, settings_for

NOW_MS = 1_700_000_000_000

DIGEST = """
import sys
from tests.unit.streams.collectors.synthetic.test_source import digest
print(digest(int(sys.argv[1])))
"""


def context(pace: Pace | None, now_ms: Clock) -> Context:
    return Context(broker=BrokerSettings(), now_ms=now_ms, pace=pace)


def digest(seed: int) -> str:
    """Return a digest of every byte that half an hour of all kinds gives, times included."""
    found = hashlib.sha256()
    for line in lines(run_for(seed=seed, hours=0.5)):
        found.update(line)
    return found.hexdigest()


def lines(run: Run) -> Iterator[bytes]:
    for kind in KINDS:
        for timed in GENERATORS[kind](run):
            seen = timed.observation
            yield f"{timed.due_ms} {timed.planted} ".encode()
            yield encode(seen) if isinstance(seen, RawEvent) else repr(seen).encode()


def test_a_seed_is_a_run_byte_for_byte() -> None:
    """Also in other processes, whose sets have other orders; another seed is another run."""
    here = digest(7)
    assert here == digest(7)
    assert here != digest(8)
    for hash_seed in ("1", "2"):
        there = subprocess.run(  # noqa: S603 - this interpreter, a text of ours
            [sys.executable, "-c", DIGEST, "7"],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        )
        assert there.stdout.strip() == here


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 60, 300]))
def test_every_event_is_by_the_contract(seed: int, per_minute: float) -> None:
    """Each reads back as it was, is of its source's kind, and the collector refuses nothing but the plants."""
    run = run_for(seed=seed, hours=0.5, trades_per_minute=per_minute)
    for kind in KINDS:
        read = BY_NAME[raw_topic(kind)].decoder().decode
        outbound, frames = Outbound("synthetic", kind, BROKER, epoch=1), 0
        for timed in GENERATORS[kind](run):
            seen = timed.observation
            outbound.take(seen, timed.due_ms)
            frames += isinstance(seen, Refused)
            if isinstance(seen, RawEvent):
                assert kind_of(seen) == kind
                assert read(encode(seen)) == seen
        assert outbound.tally.refused == frames


def test_a_source_for_each_kind_that_is_set() -> None:
    """Under the name its events carry: a repository's is the forge's."""
    sources = create_synthetic("demo", settings_for(), context(None, lambda: NOW_MS))
    assert [(s.name, s.kind) for s in sources] == [
        ("demo", "market"),
        ("demo", "volume"),
        ("demo", "social"),
        ("simforge", "development"),
    ]
    few = create_synthetic("demo", settings_for(kinds=["social"]), context(None, lambda: NOW_MS))
    assert [source.kind for source in few] == ["social"]


@pytest.mark.parametrize("kind", KINDS)
async def test_events_name_the_source_whose_clock_holds_for_them(kind: Kind) -> None:
    """A window asks the clock of its events' source whether it is complete."""
    (source,) = sources(kind)
    names = {o.source async for o in source.observations() if isinstance(o, RawEvent)}
    assert names == {source.name}


def sources(kind: Kind, pace: Pace | None = None, now_ms: int = NOW_MS) -> list[Source]:
    set_ = settings_for(kinds=[kind], hours=0.2)
    return create_synthetic("demo", set_, context(pace, lambda: now_ms))


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_pace_everything_comes_at_once_from_the_fixed_start(kind: Kind) -> None:
    """A link, then what the generator yields, to the end of its hours; asked again the same."""
    (source,) = sources(kind)
    seen = [observation async for observation in source.observations()]
    run = run_for(hours=0.2)
    expected = [timed.observation for timed in GENERATORS[kind](run)]
    assert seen[0] == Link(state="connected", reason="simulated")
    assert list(map(repr, seen[1:])) == [repr(o).replace("'synthetic", "'demo") for o in expected]
    assert seen[-1] == Through(START_MS + 720_000)
    assert [observation async for observation in source.observations()] == seen


class Wall:
    """A wall clock that a test moves."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


async def test_a_pace_holds_each_observation_to_its_time() -> None:
    """At speed 60 a wall second shows an event minute, from the pace's own event time on."""
    wall = Wall(NOW_MS)
    pace = Pace(event_ms=START_MS + 5_000, wall_ms=NOW_MS, speed=60.0)
    (source,) = create_synthetic("demo", settings_for(kinds=["market"]), context(pace, wall))
    generated = list(GENERATORS["market"](run_for(start_ms=pace.event_ms)))
    seen: list[Observation] = []

    async def collect() -> None:
        async for observation in source.observations():
            seen.append(observation)  # noqa: PERF401 - seen by the test meanwhile

    task = asyncio.create_task(collect())
    for after_ms in (0, 10, 500, 501, 2_000, 30_000):
        wall.now_ms = NOW_MS + after_ms
        come = [timed for timed in generated if timed.due_ms <= pace.event_at(wall.now_ms)]
        async with asyncio.timeout(5):
            while len(seen) < 1 + len(come):
                await asyncio.sleep(0.01)
        await asyncio.sleep(SLICE_S)  # what is too early would come now
        assert len(seen) == 1 + len(come)
        if seen[1:]:
            assert max(o.through_ms for o in seen if isinstance(o, Through)) <= pace.event_at(
                wall.now_ms
            )
    began_s = time.monotonic()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert time.monotonic() - began_s < 2.0


async def test_a_source_in_full_flight_is_cancelled_soon() -> None:
    """Nothing makes it wait, and still it gives way."""
    set_ = settings_for(kinds=["market"], hours=1_000)
    (source,) = create_synthetic("demo", set_, context(None, lambda: NOW_MS))
    seen = 0

    async def collect() -> None:
        nonlocal seen
        async for _ in source.observations():
            seen += 1

    task = asyncio.create_task(collect())
    async with asyncio.timeout(5):
        while seen <= 256:
            await asyncio.sleep(0.01)
    task.cancel()
    began_s = time.monotonic()
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    assert time.monotonic() - began_s < 2.0
