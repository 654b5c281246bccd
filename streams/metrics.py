"""This package's Prometheus metrics, declared in one place. The core never sees them."""

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import Counter, Gauge, Histogram

from topics import Kind


class _Tally(Protocol):
    sent: int
    refused: int
    gaps_detected: int
    gaps_filled: int
    gaps_permanent: int


class SourceMetrics:
    """One source's children, kept so that no label is looked up for each event."""

    def __init__(self, collect: "CollectMetrics", labels: tuple[str, str]) -> None:
        """Take this source's children."""
        self.failures = collect.failures.labels(*labels)
        self.resends = collect.resends.labels(*labels)
        self._queue = collect.queue.labels(*labels)
        self._sent = collect.sent.labels(*labels)
        self._refused = collect.refused.labels(*labels)
        self._gaps = {
            what: collect.gaps.labels(*labels, what) for what in ("detected", "filled", "permanent")
        }
        self._shown: dict[str, int] = {}

    def show(self, tally: _Tally, queued: int) -> None:
        """Bring the counters up to a tally."""
        self._queue.set(queued)
        self._rise(self._sent, "sent", tally.sent)
        self._rise(self._refused, "refused", tally.refused)
        self._rise(self._gaps["detected"], "detected", tally.gaps_detected)
        self._rise(self._gaps["filled"], "filled", tally.gaps_filled)
        self._rise(self._gaps["permanent"], "permanent", tally.gaps_permanent)

    def _rise(self, counter: Counter, name: str, to: int) -> None:
        counter.inc(to - self._shown.get(name, 0))
        self._shown[name] = to


class CollectMetrics:
    """The collect role."""

    def __init__(self) -> None:
        """Declare them."""
        labels = ("source", "kind")
        self.sent = Counter(
            "tapereader_collect_events_sent", "Events sent and acknowledged.", labels
        )
        self.refused = Counter(
            "tapereader_collect_events_refused", "Events that became dead letters.", labels
        )
        self.gaps = Counter("tapereader_collect_gaps", "Gap marks sent.", (*labels, "mark"))
        self.failures = Counter(
            "tapereader_collect_failures", "Times the source failed and was tried again.", labels
        )
        self.resends = Counter(
            "tapereader_collect_resends", "Rounds that had to be sent again.", labels
        )
        self.queue = Gauge(
            "tapereader_collect_queue", "Observations between source and sender.", labels
        )

    def of(self, source: str, kind: Kind) -> SourceMetrics:
        """Return one source's metrics."""
        return SourceMetrics(self, (source, kind))


class StreamsMetrics:
    """The streams role. It is the engine's observer."""

    def __init__(self) -> None:
        """Declare them."""
        self.checkpoints = 0
        self._checkpoint_s = Histogram(
            "tapereader_streams_checkpoint_seconds",
            "Length of a checkpoint's transaction.",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
        )
        self._entries = Counter("tapereader_streams_state_entries", "State entries written.")
        self._outputs = Counter("tapereader_streams_outputs", "Records published.")
        self._load_s = Gauge(
            "tapereader_streams_assignment_seconds",
            "Length of the last assignment, loading included.",
        )
        self._partitions = Gauge("tapereader_streams_partitions", "Partitions of this worker.")
        self.records = Gauge(
            "tapereader_streams_records", "Records folded by outcome.", ("kind", "outcome")
        )
        self.watermark_ms = Gauge(
            "tapereader_streams_watermark_milliseconds",
            "The least watermark of this worker's partitions, since the epoch.",
            ("kind",),
        )
        self.open_windows = Gauge(
            "tapereader_streams_open_windows", "Windows that have not ended.", ("kind",)
        )

    def checkpointed(self, partition: int, *, took_s: float, entries: int, outputs: int) -> None:
        """A transaction has been committed."""
        del partition
        self.checkpoints += 1
        self._checkpoint_s.observe(took_s)
        self._entries.inc(entries)
        self._outputs.inc(outputs)

    def assigned(self, partitions: Sequence[int], *, loaded_s: float, entries: int) -> None:
        """The partitions of this worker are loaded and will be read."""
        del entries
        self._load_s.set(loaded_s)
        self._partitions.set(len(partitions))


COLLECT = CollectMetrics()
STREAMS = StreamsMetrics()
