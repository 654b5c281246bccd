"""This package's Prometheus metrics, declared in one place."""

from prometheus_client import Counter, Gauge, Histogram


class AskingMetrics:
    """What stands before a call: breakers, operators' orders, the ledger."""

    def __init__(self) -> None:
        """Declare them."""
        self.breaker_state = Gauge(
            "tapereader_agent_breaker_state", "1 for the state it is in.", ("breaker", "state")
        )
        self.breaker_cause = Gauge(
            "tapereader_agent_breaker_cause", "1 for why it is in it.", ("breaker", "cause")
        )
        self.breaker_transitions = Counter(
            "tapereader_agent_breaker_transitions",
            "Changes of state.",
            ("breaker", "before", "after", "cause"),
        )
        self.breaker_rejected = Counter(
            "tapereader_agent_breaker_rejected", "Calls not let through.", ("breaker",)
        )
        self.breaker_probes = Counter(
            "tapereader_agent_breaker_probes",
            "Probes by what came of them: passed, failed, slow, ignored or lost.",
            ("breaker", "outcome"),
        )
        self.breaker_probing = Gauge(
            "tapereader_agent_breaker_probes_in_flight", "Probes not reported yet.", ("breaker",)
        )
        self.orders = Counter(
            "tapereader_agent_orders",
            "Operators' acts read: kept, known, deleted, expired, unreadable, or dropped at the bound.",
            ("outcome",),
        )
        self.orders_standing = Gauge("tapereader_agent_orders_standing", "Acts that stand.")
        self.orders_lost = Counter(
            "tapereader_agent_orders_lost", "Times the control topic had to be read again."
        )
        self.uncached = Gauge(
            "tapereader_agent_uncached_prompts",
            "Prompts whose calls neither write nor read the provider's cache: each pays for all of it.",
        )
        self.prompt_tokens = Counter(
            "tapereader_agent_prompt_tokens",
            "Input tokens of answered calls, by how they are paid for: read, written or plain.",
            ("cache",),
        )
        self.concurrency = Gauge(
            "tapereader_agent_concurrency",
            "Calls to a model that may be in flight at once.",
            ("model",),
        )
        self.ledger_open = Gauge(
            "tapereader_agent_ledger_open",
            "1 while the ledger answers and its books are open; otherwise nothing is sent.",
        )
        self.ledger_untold = Gauge(
            "tapereader_agent_ledger_untold", "Ends of calls that the ledger has not heard of."
        )
        self.ledger_dropped = Gauge(
            "tapereader_agent_ledger_dropped",
            "Ends of calls that were left to their lease, because too many were untold.",
        )
        self.ledger_overruns = Gauge(
            "tapereader_agent_ledger_overruns", "Calls that cost more than was reserved."
        )
        self.spent_usd = Gauge("tapereader_agent_spent_dollars", "Settled today, this scope.")


class CacheMetrics:
    """What is said again instead of asked for."""

    def __init__(self) -> None:
        """Declare them."""
        self.cache_lookups = Counter(
            "tapereader_agent_cache_lookups",
            "Lookups by what came of them: l1 and redis are hits, joined waited for another's call, stale is apart.",
            ("outcome",),
        )
        self.cache_misses = Counter(
            "tapereader_agent_cache_misses", "Lookups that missed, by why.", ("reason",)
        )
        self.cache_taken_over = Counter(
            "tapereader_agent_cache_taken_over", "Values made in the place of a leader that died."
        )
        self.cache_refused = Counter(
            "tapereader_agent_cache_refused",
            "What is kept or was to be kept, and is no value, unfit, too long or beyond a bound.",
            ("reason",),
        )
        self.cache_redis_failures = Counter(
            "tapereader_agent_cache_redis_failures",
            "Questions that its Redis did not answer or refused, or was not asked after such a one.",
            ("question", "how"),
        )
        self.cache_local_bytes = Gauge(
            "tapereader_agent_cache_local_bytes", "Of this process's memory for values."
        )
        self.cache_local_entries = Gauge(
            "tapereader_agent_cache_local_entries", "Values in this process's memory."
        )
        self.cache_local_evictions = Counter(
            "tapereader_agent_cache_local_evictions", "Values that had to go before their time."
        )


class ExcerptMetrics:
    """What is read of strangers' posts, and asked about them."""

    def __init__(self) -> None:
        """Declare them."""
        self.posts = Counter(
            "tapereader_agent_posts",
            "Posts read, by what became of them: kept, bot, stale or unreadable; and cut, replaced or pushed out of their place.",
            ("fate",),
        )
        self.posts_kept = Gauge("tapereader_agent_posts_kept", "Posts of the last minutes.")
        self.posts_assets = Gauge(
            "tapereader_agent_posts_assets", "Assets that there are such posts of."
        )
        self.posts_lost = Counter(
            "tapereader_agent_posts_lost", "Times that reading posts had to begin again."
        )
        self.readings = Counter(
            "tapereader_agent_readings",
            "Deep dives that posts have a part in, by what came of the question about them: answered, or why there is no reading.",
            ("outcome",),
        )
        self.doubts = Counter(
            "tapereader_agent_reading_doubts",
            "Readings of posts that make an analysis less sure, by why.",
            ("doubt",),
        )


class AgentMetrics(AskingMetrics, CacheMetrics, ExcerptMetrics):
    """The agent role."""

    def __init__(self) -> None:
        """Declare them."""
        AskingMetrics.__init__(self)
        CacheMetrics.__init__(self)
        ExcerptMetrics.__init__(self)
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
        self.calls = Counter("tapereader_agent_calls", "Calls to a model.", ("model", "outcome"))
        self.recalled = Counter(
            "tapereader_agent_recalled",
            "Calls that were paid for before a start, by what came of them: used, rejected or failed.",
            ("outcome",),
        )
        self.call_s = Histogram(
            "tapereader_agent_call_seconds",
            "Length of a call to a model.",
            ("model",),
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
        )
        self.paused = Gauge(
            "tapereader_agent_paused", "1 while reading waits for outputs to be acknowledged."
        )
        self.backlog = Gauge("tapereader_agent_backlog", "Outputs that wait to be written.")
        self.unfinished = Gauge(
            "tapereader_agent_unfinished",
            "Aggregates read whose outcome is not acknowledged: their offsets are not committed.",
        )
        self.waiting = Gauge("tapereader_agent_inbox", "Candidates that wait.")
        self.put_back = Counter(
            "tapereader_agent_put_back",
            "Candidates that wait to be asked about again, by what came of the last send, or paced.",
            ("reason",),
        )
        self.alerts = Counter(
            "tapereader_agent_alerts", "Alerts read, by what came of them.", ("fate",)
        )
        self.forgotten = Gauge(
            "tapereader_agent_forgotten",
            "What the partitions of this worker have not kept, because a bound was reached.",
        )
        self.dead_letters = Counter("tapereader_agent_dead_letters", "Records refused.")


AGENT = AgentMetrics()
