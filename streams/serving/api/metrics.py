"""The serve role's Prometheus metrics, read from what counts them when somebody scrapes."""

from collections.abc import Iterator

from prometheus_client import Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.serving.acts.allowance import Allowance
from streams.serving.guard.gate import Gate
from streams.serving.view import View

from .hub import Hub

ANSWER_S = Histogram(
    "tapereader_serve_answer_seconds",
    "From a request to the end of its answer, streams left out.",
    ("door",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_DOORS = {door: ANSWER_S.labels(door) for door in ("api", "pages")}


def answered(path: str, took_s: float) -> None:
    """Take how long an answer took."""
    if not path.startswith("/api/v1/stream"):
        _DOORS["api" if path.startswith("/api/") else "pages"].observe(took_s)


class ServingMetrics(Collector):
    """What the guard, the streams, the acts' allowance and the view count."""

    def __init__(self, gate: Gate, hub: Hub, allowance: Allowance, view: View) -> None:
        """Take what counts."""
        self._gate, self._hub, self._allowance, self._view = gate, hub, allowance, view

    def collect(self) -> Iterator[Metric]:
        """Give every metric as it is now."""
        refused = CounterMetricFamily(
            "tapereader_serve_refused", "Requests the guard refused, by why.", labels=["code"]
        )
        for code, count in sorted(self._gate.counts.items()):
            refused.add_metric([code], count)
        yield refused
        streams = CounterMetricFamily(
            "tapereader_serve_streams",
            "Live streams by what became of them, and gaps told.",
            labels=["outcome"],
        )
        for outcome, count in sorted(self._hub.counts.items()):
            streams.add_metric([outcome], count)
        yield streams
        open_now = GaugeMetricFamily("tapereader_serve_streams_open", "Live streams now.")
        open_now.add_metric([], len(self._hub))
        yield open_now
        viewers = GaugeMetricFamily("tapereader_serve_viewers", "Open pages, by their websockets.")
        viewers.add_metric([], len(self._gate.seats))
        yield viewers
        ended = CounterMetricFamily(
            "tapereader_serve_viewers_ended", "Websockets the guard ended, by why.", labels=["why"]
        )
        for why, count in sorted(self._gate.ended.items()):
            ended.add_metric([why], count)
        yield ended
        acts = CounterMetricFamily(
            "tapereader_serve_acts",
            "Acts of operators that were allowed, and refused because one actor did too many.",
            labels=["outcome"],
        )
        for outcome, count in sorted(self._allowance.counts.items()):
            acts.add_metric([outcome], count)
        yield acts
        buckets = (self._gate.asked, self._gate.refused, self._allowance.actors)
        forgotten = CounterMetricFamily(
            "tapereader_serve_clients_forgotten",
            "Clients and actors whose rate was forgotten to make room.",
        )
        forgotten.add_metric([], sum(bucket.forgotten for bucket in buckets))
        yield forgotten
        yield from self._bounds()

    def _bounds(self) -> Iterator[Metric]:
        now = GaugeMetricFamily(
            "tapereader_serve_view_kept", "What each part of the view holds.", labels=["part"]
        )
        most = GaugeMetricFamily(
            "tapereader_serve_view_kept_max", "What it may hold.", labels=["part"]
        )
        gone = CounterMetricFamily(
            "tapereader_serve_view_forgotten",
            "What had to make room for others before its time.",
            labels=["part"],
        )
        for bound in self._view.bounds():
            now.add_metric([bound.name], bound.now)
            most.add_metric([bound.name], bound.most)
            gone.add_metric([bound.name], bound.forgotten)
        yield from (now, most, gone)
