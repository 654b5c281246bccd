"""From notes and arrivals to figures: which instants count, and what is divided by what."""

from pathlib import Path

import pytest

from deploy.bench.catch_up import parts
from deploy.bench.figures import percentiles, span_of, spread
from deploy.bench.latency import Arrival, Beat, latencies
from deploy.bench.notes import Note, Notes, Stopwatch, read_notes
from deploy.bench.scratch import BenchError, fresh
from topics.settings import BrokerSettings


def note(what: str, at_s: float, **more: float) -> Note:
    fields = {"cpu_s": at_s / 2, "rss_bytes": 1, "rss_bytes_max": 2_000_000} | more
    return Note(what=what, at_s=at_s, **fields)  # type: ignore[arg-type]


class Told:
    """An observer that remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        self.calls.append((partition, took_s, entries, outputs))

    def assigned(self, partitions: object, *, loaded_s: float, entries: int) -> None:
        self.calls.append((partitions, loaded_s, entries))


def test_a_span_is_from_the_first_fetch_to_the_last_commit() -> None:
    """What comes before, the assignment, is none of it: neither its time nor its CPU."""
    notes = [
        note("assigned", 1.0),
        note("fetched", 3.0),
        note("committed", 4.0),
        note("committed", 5.0, rss_bytes_max=3_000_000),
    ]
    span = span_of(notes, 1_000)
    assert (span.seconds, span.events_per_s, span.rss_mb_max) == (2.0, 500.0, 3.0)
    assert span.cpu_us_per_event == pytest.approx(1_000.0)


def test_the_stopwatch_notes_and_tells(tmp_path: Path) -> None:
    """The first fetch once, every commit with what was handed over before it; the metrics hear it all."""
    file, told = tmp_path / "notes", Told()
    assert read_notes(file) == []
    with Notes(file) as notes:
        watch = Stopwatch(notes, told)
        watch.assigned([0, 1], loaded_s=0.5, entries=7)
        watch.on_message_in(("raw", 0), 9, None)  # type: ignore[arg-type]
        watch.on_message_in(("raw", 1), 4, None)  # type: ignore[arg-type]
        watch.checkpointed(1, took_s=0.25, entries=3, outputs=2)
        watch.on_message_in(("raw", 0), 19, None)  # type: ignore[arg-type]
        watch.checkpointed(0, took_s=0.5, entries=1, outputs=0)
    found = read_notes(file)
    assert [(n.what, n.read, n.entries, n.outputs, n.took_s) for n in found] == [
        ("assigned", 0, 0, 0, 0.0),
        ("fetched", 0, 0, 0, 0.0),
        ("committed", 15, 3, 2, 0.25),
        ("committed", 25, 1, 0, 0.5),
    ]
    assert [n.at_s for n in found] == sorted(n.at_s for n in found)
    assert 5_000_000 < found[0].rss_bytes <= found[0].rss_bytes_max
    assert told.calls == [([0, 1], 0.5, 7), (1, 0.25, 3, 2), (0, 0.5, 1, 0)]
    with file.open("ab") as half:
        half.write(b'{"what":"comm')
    assert read_notes(file) == found


def test_a_long_run_is_told_in_tenths() -> None:
    """Each with its own rate, at the first commit that has read so much."""
    notes = [note("fetched", 10.0)]
    notes += [note("committed", 10.0 + n, read=n * 50, rss_bytes=n * 10**6) for n in range(1, 21)]
    found = parts(notes)
    assert [part.read for part in found] == [100 * n for n in range(1, 11)]
    assert {part.records_per_s for part in found} == {50.0}
    assert (found[0].rss_mb, found[-1].rss_mb, found[-1].seconds) == (2.0, 20.0, 20.0)


def test_latency_is_counted_from_the_first_promise_that_reaches_the_end() -> None:
    """In the window's own partition; freshness from the end, by the wall's clock."""
    beats = {
        0: [Beat(59_900, 1_000), Beat(60_100, 1_250), Beat(60_350, 1_500)],
        1: [Beat(60_000, 1_100)],
    }
    arrivals = [
        Arrival(0, 60_000, 1_300),
        Arrival(1, 60_000, 1_300),
        Arrival(0, 0, 9_000),
        Arrival(0, 60_400, 9_000),
    ]
    found = latencies(arrivals, beats, behind_ms=-59_000, from_ms=1, to_ms=60_350)
    assert found == [(60_000, 50, 300), (60_000, 200, 300)]


def test_spreads_and_percentiles_of_few_values() -> None:
    """One run is its own median; a median of an even number lies between."""
    assert spread([3.0]).median == 3.0
    assert (spread([4, 1, 2, 3]).min, spread([4, 1, 2, 3]).median) == (1, 2.5)
    assert percentiles([7.0]) == {"p50": 7.0, "p95": 7.0, "max": 7.0}
    assert percentiles(list(range(101))) == {"p50": 50, "p95": 95, "max": 100}


def test_the_embedded_broker_is_refused() -> None:
    """It would evict the backlog silently."""
    with pytest.raises(BenchError, match="a real Kafka"):
        fresh(BrokerSettings(embedded=True), "x", partitions=4)
    made = fresh(BrokerSettings(prefix="a."), "x", partitions=3)
    assert made.prefix.startswith("a.bench-")
    assert made.prefix.endswith("-x.")
    assert made.partitions == 3
    with pytest.raises(BenchError, match="leaves no room"):
        fresh(BrokerSettings(prefix="a" * 60), "x", partitions=4)
