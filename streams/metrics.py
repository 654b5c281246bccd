"""The streams role's Prometheus metrics, declared in one place. The core never sees them."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram


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
        self._lag = Gauge(
            "tapereader_streams_lag_records", "Records of this worker's partitions not folded yet."
        )
        self._stalled_s = Gauge(
            "tapereader_streams_stalled_seconds",
            "For how long the partition that is worst off has been behind without any progress.",
        )
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

    def watched(self, lag_records: int, stalled_s: float) -> None:
        """The watchdog has looked."""
        self._lag.set(lag_records)
        self._stalled_s.set(stalled_s)


STREAMS = StreamsMetrics()
