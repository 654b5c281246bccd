"""This package's Prometheus metrics, declared in one place."""

from prometheus_client import Counter, Gauge, Histogram


class AgentMetrics:
    """The agent role."""

    def __init__(self) -> None:
        """Declare them."""
        self.aggregates = Counter("tapereader_agent_aggregates", "Aggregates read.")
        self.candidates = Counter(
            "tapereader_agent_candidates", "Candidates the gate let through.", ("product",)
        )
        self.decisions = Counter(
            "tapereader_agent_decisions", "Decisions published.", ("outcome", "reason")
        )
        self.analyses = Counter(
            "tapereader_agent_analyses", "Analyses published.", ("product", "origin")
        )
        self.calls = Counter("tapereader_agent_calls", "Calls to the model.", ("outcome",))
        self.call_s = Histogram(
            "tapereader_agent_call_seconds",
            "Length of a call to the model.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
        )
        self.waiting = Gauge("tapereader_agent_inbox", "Candidates that wait.")
        self.breaker_open = Gauge(
            "tapereader_agent_breaker_open", "1 while the breaker lets no call through."
        )
        self.spent_usd = Gauge("tapereader_agent_spent_dollars", "Settled today, this scope.")
        self.alerts = Counter(
            "tapereader_agent_alerts", "Alerts read, by what came of them.", ("fate",)
        )
        self.forgotten = Gauge(
            "tapereader_agent_forgotten",
            "What the partitions of this worker have not kept, because a bound was reached.",
        )
        self.dead_letters = Counter("tapereader_agent_dead_letters", "Records refused.")


AGENT = AgentMetrics()
