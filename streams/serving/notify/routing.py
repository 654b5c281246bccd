"""Whom a step of an alert is for: routes by severity, then each receiver's own filters. PURE."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from topics import Alert

from .notice import RANKS, Notice
from .settings import NotifySettings, ReceiverSettings

SEVERITIES = tuple(RANKS)


class Routes:
    """The routes of the settings."""

    def __init__(self, settings: NotifySettings) -> None:
        """Take them; names that routes and rules use are the receivers'."""
        self._receivers = settings.receivers
        self._routes = settings.routes

    def refusals(self, notice: Notice) -> dict[str, str | None]:
        """Return, for every receiver, why a notice is not for it, in a word; None: it is."""
        asked = self.addressed(notice.alert)
        return {
            name: self._refusal(receiver, notice, named=name in asked)
            for name, receiver in self._receivers.items()
        }

    def addressed(self, alert: Alert) -> frozenset[str]:
        """Return the receivers an alert is addressed to, before their own filters.

        Those its rule names; where it names none, or none that there is, those of its severity.
        """
        if audience := self.audience(alert):
            return audience
        return frozenset(self._routes.get(alert.severity, self._receivers))

    def audience(self, alert: Alert) -> frozenset[str]:
        """Return the receivers that its rule names, of those that there are."""
        return frozenset(alert.audience).intersection(self._receivers)

    def _refusal(self, receiver: ReceiverSettings, notice: Notice, *, named: bool) -> str | None:
        alert = notice.alert
        if not named:
            return "route"
        # A rule that names its receivers has said whom its severity is for.
        if not self.audience(alert) and notice.rank < RANKS[receiver.severity_min]:
            return "severity"
        if not any(fnmatchcase(alert.rule, glob) for glob in receiver.rules):
            return "rule"
        return _filtered(receiver, notice)


def _filtered(receiver: ReceiverSettings, notice: Notice) -> str | None:
    alert = notice.alert
    if receiver.assets and alert.asset not in receiver.assets:
        return "asset"
    if alert.kind == "data_gap" and not receiver.data_gap:
        return "data_gap"
    if notice.step == "analysis" and not receiver.analyses:
        return "analysis"
    return None


def explained(settings: NotifySettings) -> list[str]:
    """Return the routes in words, a line for each severity, and what in them may be a mistake."""
    lines = []
    for severity in SEVERITIES:
        names = [
            name
            for name in settings.routes.get(severity, tuple(settings.receivers))
            if RANKS[settings.receivers[name].severity_min] <= RANKS[severity]
        ]
        lines.append(f"{severity}: {', '.join(names) or 'nobody is told'}")
    unheard = _never_addressed(settings)
    lines += [
        f"{name}: no route leads to it, but where a rule names it in its audience"
        for name in unheard
    ]
    return lines


def _never_addressed(settings: NotifySettings) -> Iterable[str]:
    for name, receiver in settings.receivers.items():
        heard = [
            severity
            for severity in SEVERITIES
            if name in settings.routes.get(severity, (name,))
            and RANKS[receiver.severity_min] <= RANKS[severity]
        ]
        if not heard:
            yield name


def described(receiver: ReceiverSettings) -> str:
    """Return what a receiver is told, in words."""
    told = [f"{receiver.severity_min} and worse", f"at most {receiver.per_hour} messages an hour"]
    if receiver.rules != ("*",):
        told.append(f"rules {', '.join(receiver.rules)}")
    if receiver.assets:
        told.append(f"assets {', '.join(receiver.assets)}")
    if receiver.analysis_severity_min is not None:
        told.append(
            f"of what is not critical only what its analysis finds {receiver.analysis_severity_min} or worse,"
            f" or nobody has analysed within {receiver.analysis_wait_s:g} s"
        )
    left_out = [
        words
        for words, wanted in (("data gaps", receiver.data_gap), ("analyses", receiver.analyses))
        if not wanted
    ]
    return "; ".join([receiver.kind, *told, *(f"no {words}" for words in left_out)])
