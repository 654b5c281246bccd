"""Alerts by id, each with how it came to be what it is. PURE and bounded.

The topic keeps the latest record of a rule and subject: where a rule has fired anew, what came before is over,
although the record that said so may be gone.
"""

from collections.abc import Iterator

from msgspec import Struct, field

from topics import Alert
from topics.alert import alert_key

from .shown import Place, Transition

ALERTS_MAX = 5_000
"""Remembered. One that fires makes room only where all do."""
TRANSITIONS_MAX = 12
"""Of one alert: the first, and the last ones."""


class KeptAlert(Struct):
    """The latest of an alert."""

    alert: Alert
    place: Place
    at_ms: int
    latest: bool = True
    transitions: list[Transition] = field(default_factory=list)
    left_out: int = 0


class AlertBook:
    """Alerts, the one that was heard of last at the end."""

    def __init__(self) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Alerts that had to make room for others."""
        self._alerts: dict[str, KeptAlert] = {}
        self._newest: dict[str, str] = {}
        """By the key of its records, the id that counts."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._alerts)

    def __iter__(self) -> Iterator[KeptAlert]:
        """Give them, the one longest not heard of first."""
        return iter(self._alerts.values())

    def get(self, alert_id: str) -> KeptAlert | None:
        """Return an alert."""
        return self._alerts.get(alert_id)

    def put(self, alert: Alert, place: Place, at_ms: int) -> None:
        """Take a record of the topic."""
        key = alert_key(alert)
        kept = self._alerts.get(alert.alert_id)
        if kept is not None and (alert == kept.alert or _edition(alert) < _edition(kept.alert)):
            return
        before = self._newest.get(key)
        if before is not None and before != alert.alert_id and before in self._alerts:
            self._alerts[before].latest = False
        self._newest[key] = alert.alert_id
        if kept is None:
            self._make_room()
            kept = KeptAlert(alert, place, at_ms)
        self._alerts.pop(alert.alert_id, None)
        kept.alert, kept.place, kept.at_ms, kept.latest = alert, place, at_ms, True
        kept.transitions.append(_transition(alert, place, at_ms))
        if len(kept.transitions) > TRANSITIONS_MAX:
            del kept.transitions[1]
            kept.left_out += 1
        self._alerts[alert.alert_id] = kept

    def delete(self, key: str) -> None:
        """Forget a rule's alerts for a subject: the record of their key was deleted from the log."""
        self._newest.pop(key, None)
        for alert_id in [i for i, kept in self._alerts.items() if alert_key(kept.alert) == key]:
            del self._alerts[alert_id]

    def _make_room(self) -> None:
        if len(self._alerts) < ALERTS_MAX:
            return
        over = (
            alert_id
            for alert_id, kept in self._alerts.items()
            if not kept.latest or kept.alert.state != "firing"
        )
        gone = self._alerts.pop(next(over, None) or next(iter(self._alerts)))
        key = alert_key(gone.alert)
        if self._newest.get(key) == gone.alert.alert_id:
            del self._newest[key]
        self.forgotten += 1


def _edition(alert: Alert) -> tuple[int, int]:
    """Return what is compared among records of one id: the greatest counts."""
    return alert.epoch, alert.transition


def _transition(alert: Alert, place: Place, at_ms: int) -> Transition:
    return Transition(
        state=alert.state,
        severity=alert.severity,
        headline=alert.headline,
        degraded=alert.degraded,
        as_of_ms=alert.as_of_ms,
        at_ms=at_ms,
        place=place,
    )
