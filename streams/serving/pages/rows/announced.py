"""What a screen reader is told without being asked: new critical alerts, and nothing else. PURE."""

from streams.serving.pages.pieces import Line, Now, Words
from streams.serving.view import View

SAID_MAX = 3
"""In one breath; of more it says how many."""

Critical = tuple[tuple[str, str], ...]
"""Id and headline of alerts, the newest first."""


def critical_of(view: View, now: Now) -> Critical:
    """Return the critical alerts that fire and that nobody has acknowledged or muted."""
    return tuple(
        (shown.alert.alert_id, shown.alert.headline)
        for shown in view.alerts(now.ms, firing=True)
        if shown.asks and shown.alert.severity == "critical"
    )


class News:
    """Tells what is new against what was there when the page was opened."""

    def __init__(self) -> None:
        """Begin before the first look, of which nothing is new."""
        self._known: frozenset[str] | None = None

    def of(self, alerts: Critical) -> Line:
        """Return what to say now: nothing, or the alerts that were not there at the last look."""
        known = self._known
        self._known = frozenset(alert_id for alert_id, _ in alerts)
        if known is None:
            return ()
        new = [headline for alert_id, headline in alerts if alert_id not in known]
        if not new:
            return ()
        more = f" And {len(new) - SAID_MAX} more." if len(new) > SAID_MAX else ""
        return (Words(f"New critical alert: {'. '.join(new[:SAID_MAX])}.{more}"),)
