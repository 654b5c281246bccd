"""What is done with each record, while the partitions are ours: told to whom it is for, and done with when it was."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from topics import Alert, Analysis

from .account import Account
from .courier import Courier
from .hearing import Hearing
from .metrics import NOTIFY
from .notice import Notice, Place, entry_of, of_alert, of_analysis, of_mute_end
from .past import Past
from .routing import Routes
from .standing import Mutes
from .withholding import Ruled, Withholding

ORPHAN_MS = 60_000
"""How long an analysis waits for the alert that it is of; two topics are read in no order."""
ORPHANS_MAX = 1_000
"""Such analyses; beyond it the oldest is let go."""
KNOWN_MAX = 200_000
"""Keys remembered, so that a step that the log says twice is told once; a day of a very bad day."""


class _Orphan(Struct, frozen=True):
    analysis: Analysis
    place: Place
    logged_ms: int
    value: bytes
    since_ms: int


class Desk:
    """Takes records in, and hands notices to couriers."""

    def __init__(
        self,
        account: Account,
        routes: Routes,
        couriers: Mapping[str, Courier],
        past: Past,
        *,
        withholdings: Mapping[str, Withholding],
        hearing: Hearing,
        now_ms: Callable[[], int],
    ) -> None:
        """Take over from the past: the alerts as they stand, and the keys of what was told by then.

        ``withholdings``: of the receivers that wait for analyses.
        """
        self._account, self._routes, self._couriers = account, routes, couriers
        self._book, self._hearing, self._now_ms = past.book, hearing, now_ms
        self._withholdings = withholdings
        self._known = dict.fromkeys(past.settled)
        self._orphans: dict[Place, _Orphan] = {}
        self._mutes = Mutes()

    def recall_mutes(self, since_ms: int) -> None:
        """Tell at the next look of mutes that ended since a time, if nobody has."""
        self._mutes.recall(self._book, self._hearing.acts, since_ms)

    def take_alert(self, alert: Alert, place: Place, logged_ms: int, value: bytes) -> None:
        """Take a record of the alerts' topic."""
        self._account.open(place)
        self._book.take(alert, logged_ms)
        if alert.audience and not self._routes.audience(alert):
            NOTIFY.forgotten.labels("audience").inc()
        if self._book.is_repeated(alert):
            NOTIFY.forgotten.labels("repeated").inc()
        else:
            self._tell(of_alert(alert, logged_ms=logged_ms, place=place, value=value))
        for orphan in [
            o for o in self._orphans.values() if _alert_id(o.analysis) == alert.alert_id
        ]:
            del self._orphans[orphan.place]
            self._explain(alert, orphan)
        self._account.settle(place)

    def take_analysis(self, analysis: Analysis, place: Place, logged_ms: int, value: bytes) -> None:
        """Take a record of the analyses' topic; only those of alerts are told."""
        self._account.open(place)
        alert_id = _alert_id(analysis)
        if alert_id is None:
            self._account.settle(place)
            return
        orphan = _Orphan(analysis, place, logged_ms, value, self._now_ms())
        alert = self._book.find(alert_id)
        if alert is not None:
            self._explain(alert, orphan)
            return
        if len(self._orphans) >= ORPHANS_MAX:
            self._let_go(next(iter(self._orphans)))
        self._orphans[place] = orphan

    def pass_over(self, place: Place) -> None:
        """Take a record that says nothing: a deletion, or one that cannot be read."""
        self._account.open(place)
        self._account.settle(place)

    def look(self) -> None:
        """Tell what time has made due; about once a second."""
        now_ms = self._now_ms()
        for alert, ended_ms in self._mutes.ended(self._book, self._hearing.acts, now_ms):
            if self._hearing.acts.acknowledgement_of(alert) is None:
                self._tell(of_mute_end(alert, ended_ms))
        for place, orphan in list(self._orphans.items()):
            if orphan.since_ms <= now_ms - ORPHAN_MS:
                self._let_go(place)
        for name, withholding in self._withholdings.items():
            self._do(name, withholding.due(now_ms))

    def withheld(self, receiver: str) -> int:
        """Return how many alerts wait for what their analysis finds before a receiver is told."""
        withholding = self._withholdings.get(receiver)
        return 0 if withholding is None else len(withholding)

    def silenced(self, notice: Notice, now_ms: int) -> bool:
        """Return whether people want to hear nothing of a notice.

        Of what is muted nothing at all; of an alert that somebody has acknowledged only its analysis and its end.
        """
        acts = self._hearing.acts
        if acts.mute_of(notice.alert, now_ms) is not None:
            return True
        return notice.phase == "fires" and acts.acknowledgement_of(notice.alert) is not None

    def firing_for(self, receiver: str) -> list[Alert]:
        """Return the alerts that fire, are for a receiver, and are neither muted nor withheld from it."""
        now_ms, withholding = self._now_ms(), self._withholdings.get(receiver)
        return [
            standing.alert
            for standing in self._book.firing()
            if self._routes.refusals(of_alert(standing.alert, logged_ms=0))[receiver] is None
            and self._hearing.acts.mute_of(standing.alert, now_ms) is None
            and (withholding is None or not withholding.withholds(standing.alert.alert_id))
        ]

    def _explain(self, alert: Alert, orphan: _Orphan) -> None:
        notice = of_analysis(
            alert,
            orphan.analysis,
            logged_ms=orphan.logged_ms,
            place=orphan.place,
            value=orphan.value,
        )
        self._tell(notice)
        self._account.settle(orphan.place)

    def _let_go(self, place: Place) -> None:
        del self._orphans[place]
        NOTIFY.forgotten.labels("analysis").inc()
        self._account.settle(place)

    def _tell(self, notice: Notice) -> None:
        for name, why_not in self._routes.refusals(notice).items():
            courier = self._couriers[name]
            if why_not is not None:
                NOTIFY.notices.labels(name, "filtered").inc()
                courier.tally.filtered += 1
                continue
            entry = entry_of(notice, name)
            if entry.key in self._known:
                continue
            self._known[entry.key] = None
            if len(self._known) > KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._account.expect(notice.place)
            withholding = self._withholdings.get(name)
            if withholding is None:
                courier.offer(entry)
            else:
                self._do(name, withholding.take(entry, self._now_ms()))

    def _do(self, name: str, ruled: Ruled) -> None:
        for entry in ruled.told:
            self._couriers[name].offer(entry)
        for entry in ruled.left_out:
            self._couriers[name].leave_out(entry)


def _alert_id(analysis: Analysis) -> str | None:
    return analysis.trigger.alert_id
