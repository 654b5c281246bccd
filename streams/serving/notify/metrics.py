"""This role's Prometheus metrics, declared in one place."""

from prometheus_client import Counter, Gauge, Histogram


class NotifyMetrics:
    """The notify role. Receivers are the settings' own names, a closed set."""

    def __init__(self) -> None:
        """Declare them."""
        self.notices = Counter(
            "tapereader_notify_notices",
            "Steps of alerts by what became of them: sent, gathered, digest, muted, undeliverable, or filtered.",
            ("receiver", "outcome"),
        )
        self.messages = Counter(
            "tapereader_notify_messages",
            "Messages that a receiver took: sent, gathered or digest.",
            ("receiver", "form"),
        )
        self.attempts_failed = Counter(
            "tapereader_notify_attempts_failed", "Attempts that failed.", ("receiver",)
        )
        self.refreshes_failed = Counter(
            "tapereader_notify_refreshes_failed",
            "Times an Alertmanager was not told again what fires.",
            ("receiver",),
        )
        self.waiting = Gauge(
            "tapereader_notify_waiting", "Steps of alerts that wait for a receiver.", ("receiver",)
        )
        self.held = Gauge(
            "tapereader_notify_held",
            "Of those, how many are held back for the digest: the hour's messages are used up.",
            ("receiver",),
        )
        self.withheld = Gauge(
            "tapereader_notify_withheld",
            "Alerts that wait for what their analysis finds.",
            ("receiver",),
        )
        self.delivery_s = Histogram(
            "tapereader_notify_delivery_seconds",
            "From the record's log time to the receiver's taking it; of what was neither gathered, held back nor withheld.",
            ("receiver",),
            buckets=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30, 60, 300, 900),
        )
        self.unreadable = Counter(
            "tapereader_notify_unreadable", "Records that could not be read.", ("topic",)
        )
        self.cut = Counter(
            "tapereader_notify_cut",
            "Records that were deleted from the log before they were read, at least.",
        )
        self.unfinished = Gauge(
            "tapereader_notify_unfinished", "Records read whose outcomes are not all known."
        )
        self.forgotten = Counter(
            "tapereader_notify_forgotten",
            "Analyses whose alert is not known, audiences that name no receiver there is, and steps that an earlier"
            " epoch has said.",
            ("what",),
        )


NOTIFY = NotifyMetrics()
