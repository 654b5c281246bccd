"""The alerts as they stand: which fire, what each id is, and whose mute has ended. PURE."""

from collections import OrderedDict
from typing import NamedTuple

from streams.serving.acts.standing import StandingActs
from topics import Alert
from topics.alert import alert_key

ALERTS_MAX = 20_000
"""Known by id, those that fire and those that ended last; as many as the rules' own states."""


class Standing(NamedTuple):
    """An alert as the log says it last."""

    alert: Alert
    logged_ms: int


class Book:
    """Alerts by id and by what they are of."""

    def __init__(self, alerts_max: int = ALERTS_MAX) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Alerts that fire and had to make room."""
        self._by_id: OrderedDict[str, Standing] = OrderedDict()
        self._firing: dict[str, str] = {}
        """By key, the id of the alert that fires."""
        self._earlier: dict[str, int] = {}
        """By id, how many transitions earlier epochs have said; a new epoch says them again."""
        self._alerts_max = alerts_max

    def take(self, alert: Alert, logged_ms: int) -> bool:
        """Take a record of an alert in, and return whether it says something newer than is known."""
        known = self._by_id.get(alert.alert_id)
        if known is not None and _order(known.alert) >= _order(alert):
            return False
        if known is not None and known.alert.epoch < alert.epoch:
            before = self._earlier.get(alert.alert_id, 0)
            self._earlier[alert.alert_id] = max(before, known.alert.transition)
        self._by_id[alert.alert_id] = Standing(alert, logged_ms)
        self._by_id.move_to_end(alert.alert_id)
        key = alert_key(alert)
        if alert.state == "firing":
            self._firing[key] = alert.alert_id
        elif self._firing.get(key) == alert.alert_id:
            del self._firing[key]
        if len(self._by_id) > self._alerts_max:
            self._forget_oldest()
        return True

    def find(self, alert_id: str) -> Alert | None:
        """Return the latest of an alert, or None of one that is not known."""
        known = self._by_id.get(alert_id)
        return None if known is None else known.alert

    def is_repeated(self, alert: Alert) -> bool:
        """Return whether an epoch before this alert's, of those known, has said this transition of it already."""
        return alert.transition <= self._earlier.get(alert.alert_id, 0)

    def fires(self, alert: Alert) -> bool:
        """Return whether an alert fires now."""
        return self._firing.get(alert_key(alert)) == alert.alert_id

    def firing(self) -> list[Standing]:
        """Return the alerts that fire; of one that an earlier epoch has ended the new one says the end in a moment."""
        found = [self._by_id[alert_id] for alert_id in self._firing.values()]
        return [
            one for one in found if one.alert.transition >= self._earlier.get(one.alert.alert_id, 0)
        ]

    def _forget_oldest(self) -> None:
        gone, oldest = self._by_id.popitem(last=False)
        self._earlier.pop(gone, None)
        if self.fires(oldest.alert):
            del self._firing[alert_key(oldest.alert)]
            self.forgotten += 1


class MuteEnd(NamedTuple):
    """An alert that fires, and whose mute ended."""

    alert: Alert
    ended_ms: int


class Mutes:
    """Which alerts that fire were muted the last time one looked."""

    def __init__(self) -> None:
        """Begin with none."""
        self._until_ms: dict[str, int] = {}

    def recall(self, book: Book, acts: StandingActs, past_ms: int) -> None:
        """Take the mutes that held at an earlier time, or began since, as looked at then: after a start."""
        self._look(book, acts, past_ms)

    def ended(self, book: Book, acts: StandingActs, now_ms: int) -> list[MuteEnd]:
        """Return the alerts that fire and were muted, and are not any more; look at this about once a second."""
        before = self._until_ms
        self._until_ms = {}
        now = self._look(book, acts, now_ms)
        return [
            MuteEnd(alert, min(until_ms, now_ms))
            for alert_id, until_ms in before.items()
            if alert_id not in self._until_ms and (alert := now.get(alert_id)) is not None
        ]

    def _look(self, book: Book, acts: StandingActs, at_ms: int) -> dict[str, Alert]:
        firing = {}
        for alert, logged_ms in book.firing():
            firing[alert.alert_id] = alert
            mute = acts.mute_of(alert, at_ms)
            # One that was over before it fired has muted nothing.
            if mute is not None and (mute.expires_ms is None or mute.expires_ms > logged_ms):
                self._until_ms[alert.alert_id] = mute.expires_ms or at_ms
        return firing


def _order(alert: Alert) -> tuple[int, int]:
    return alert.epoch, alert.transition
