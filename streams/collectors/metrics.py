"""The collect role's Prometheus metrics, declared in one place."""

from typing import Protocol

from prometheus_client import Counter, Gauge

from topics import Kind


class _Tally(Protocol):
    sent: int
    refused: int
    gaps_detected: int
    gaps_filled: int
    gaps_permanent: int
    deletions: int


class SourceMetrics:
    """One source's children, kept so that no label is looked up for each event."""

    def __init__(self, collect: "CollectMetrics", labels: tuple[str, str]) -> None:
        """Take this source's children."""
        self.failures = collect.failures.labels(*labels)
        self.resends = collect.resends.labels(*labels)
        self.defects = collect.defects.labels(*labels)
        self.spilled = collect.spilled.labels(*labels)
        self.spill_bytes = collect.spill_bytes.labels(*labels)
        self._queue = collect.queue.labels(*labels)
        self._sent = collect.sent.labels(*labels)
        self._refused = collect.refused.labels(*labels)
        self._gaps = {
            what: collect.gaps.labels(*labels, what) for what in ("detected", "filled", "permanent")
        }
        self._deletions = collect.deletions.labels(*labels)
        self._shown: dict[str, int] = {}

    def show(self, tally: _Tally, queued: int) -> None:
        """Bring the counters up to a tally."""
        self._queue.set(queued)
        self._rise(self._sent, "sent", tally.sent)
        self._rise(self._refused, "refused", tally.refused)
        self._rise(self._gaps["detected"], "detected", tally.gaps_detected)
        self._rise(self._gaps["filled"], "filled", tally.gaps_filled)
        self._rise(self._gaps["permanent"], "permanent", tally.gaps_permanent)
        self._rise(self._deletions, "deletions", tally.deletions)

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
        self.deletions = Counter(
            "tapereader_collect_deletions_sent", "Posts told to be taken back.", labels
        )
        self.failures = Counter(
            "tapereader_collect_failures", "Times the source failed and was tried again.", labels
        )
        self.defects = Counter(
            "tapereader_collect_defects", "Times a source ended by a defect of its own.", labels
        )
        self.spilled = Counter(
            "tapereader_collect_spilled", "Records that went by way of the disk.", labels
        )
        self.spill_bytes = Gauge(
            "tapereader_collect_spill_bytes", "Of records on disk that wait for Kafka.", labels
        )
        self.leads = Gauge(
            "tapereader_collect_leads", "Whether this process collects an entry.", ("entry",)
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


COLLECT = CollectMetrics()
