"""Questions to what the view remembers of the analyst, of alerts, and of people's acts. PURE."""

from itertools import islice

from topics import Analysis, Control, Decision, Feedback, Notification

from .newest import Kept
from .questions import SHOWN_MAX, Questions
from .records import Place
from .shown import AlertShown, AnalysisShown, DecisionShown

SHOWN_BESIDE_MAX = 20
"""Notifications of one alert, and words of people on one analysis."""


class Answers(Questions):
    """What was said of assets: by the analyst, by rules, and by people."""

    def analysis(self, analysis_id: str) -> AnalysisShown | None:
        """Return an analysis as it stands; None if the view has it no more: the log may."""
        kept = self.analyst.analysis.get(analysis_id)
        return None if kept is None else self._analysis_shown(kept)

    def analyses_of(
        self, asset: str | None = None, since_ms: int = 0, most: int = SHOWN_MAX
    ) -> list[AnalysisShown]:
        """Return analyses of an asset, or of all, whose newest window ends at a time or later; the newest first."""
        if asset is None:
            found = sorted(self.analyst.analyses, key=_as_of, reverse=True)
        else:
            found = list(self.analyst.newest_of(asset))
        recent = (kept for kept in found if kept.item.as_of_ms >= since_ms)
        return [self._analysis_shown(kept) for kept in islice(recent, most)]

    def decision(self, decision_id: str) -> DecisionShown | None:
        """Return a decision by its id, which is its candidate's analysis id."""
        kept = self.analyst.decision.get(decision_id)
        return None if kept is None else _decision_shown(kept)

    def decision_of(self, analysis_id: str) -> DecisionShown | None:
        """Return the decision whose analysis, or candidate, has an id."""
        shown = self.decision(analysis_id)
        if shown is not None:
            return shown
        for kept in self.analyst.decisions.newest_first():
            if kept.item.analysis_id == analysis_id:
                return _decision_shown(kept)
        return None

    def coalesced_into(self, candidate_id: str) -> list[DecisionShown]:
        """Return the decisions of candidates that another took over."""
        ids = self.analyst.coalesced.of(candidate_id)
        found = [kept for i in ids if (kept := self.analyst.decision.get(i)) is not None]
        return [_decision_shown(kept) for kept in sorted(found, key=lambda k: (k.at_ms, k.place))]

    def decisions(self, asset: str | None = None, most: int = SHOWN_MAX) -> list[DecisionShown]:
        """Return decisions, the newest first."""
        found: list[DecisionShown] = []
        for kept in self.analyst.decisions.newest_first():
            if len(found) >= most:
                break
            if asset is None or kept.item.asset == asset:
                found.append(_decision_shown(kept))
        return found

    def readings(self, most: int, event_now_ms: int) -> list[Analysis]:
        """Return the newest analyses nobody took back, newest first.

        Up to half of them are severe ones that still hold, so that calm ones do not push these out.
        """
        current = [
            a
            for a in self.analyses
            if a.status == "current" and a.analysis_id not in self.analyst.replaced
        ]
        holding = [
            a
            for a in current
            if a.severity in ("warning", "critical") and a.valid_until_ms > event_now_ms
        ]
        severe = holding[max(0, len(holding) - most // 2) :]
        held = {a.analysis_id for a in severe}
        others = [a for a in current if a.analysis_id not in held]
        newest = others[max(0, len(others) - most + len(severe)) :]
        return sorted(severe + newest, key=lambda a: (a.as_of_ms, a.produced_ms), reverse=True)

    # Alerts and what people did.

    def alerts(
        self,
        now_ms: int,
        *,
        asset: str | None = None,
        firing: bool = False,
        most: int = SHOWN_MAX,
    ) -> list[AlertShown]:
        """Return alerts: those that ask first, then those that fire, then the newest."""
        found = [
            self._alert_shown(kept.alert.alert_id, now_ms)
            for kept in self.alert_book
            if (asset is None or kept.alert.asset == asset)
            and (not firing or (kept.latest and kept.alert.state == "firing"))
        ]
        shown = [alert for alert in found if alert is not None]
        shown.sort(key=_urgency)
        return shown[:most]

    def alert(self, alert_id: str, now_ms: int) -> AlertShown | None:
        """Return an alert."""
        return self._alert_shown(alert_id, now_ms)

    def acts(self, now_ms: int) -> list[Control]:
        """Return the acts of operators in force, the newest first."""
        held = self.standing_acts.in_force(now_ms)
        return sorted(held, key=lambda act: (act.at_ms, act.control_id), reverse=True)

    def _analysis_shown(self, kept: Kept[Analysis]) -> AnalysisShown:
        analysis = kept.item
        standing, by = analysis.status, None
        if (replaced := self.analyst.replaced.get(analysis.analysis_id)) is not None:
            by, status = replaced
            standing = "withdrawn" if status == "withdrawn" else "superseded"
        return AnalysisShown(
            analysis=analysis,
            place=kept.place,
            at_ms=kept.at_ms,
            standing=standing,
            replaced_by=by,
            feedback=self._feedback(analysis.analysis_id),
        )

    def _alert_shown(self, alert_id: str, now_ms: int) -> AlertShown | None:
        kept = self.alert_book.get(alert_id)
        if kept is None:
            return None
        return AlertShown(
            alert=kept.alert,
            place=kept.place,
            at_ms=kept.at_ms,
            transitions=tuple(kept.transitions),
            transitions_left_out=kept.left_out,
            latest=kept.latest,
            acknowledged=self.standing_acts.acknowledgement_of(kept.alert),
            muted=self.standing_acts.mute_of(kept.alert, now_ms),
            analysis_ids=self._answers(alert_id),
            notifications=self._told_people(alert_id),
        )

    def _told_people(self, alert_id: str) -> tuple[Notification, ...]:
        told = sorted(
            self.alert_notifications.get(alert_id, ()),
            key=lambda k: (k.at_ms, k.place),
            reverse=True,
        )
        return tuple(kept.item for kept in told[:SHOWN_BESIDE_MAX])

    def _answers(self, alert_id: str) -> tuple[str, ...]:
        ids = self.analyst.answers.of(alert_id)
        known = [kept for i in ids if (kept := self.analyst.analysis.get(i)) is not None]
        known.sort(key=lambda k: (k.item.as_of_ms, k.at_ms, k.place), reverse=True)
        return tuple(kept.item.analysis_id for kept in known[:SHOWN_BESIDE_MAX])

    def _feedback(self, analysis_id: str) -> tuple[Feedback, ...]:
        said = self.standing_acts.feedback_of(analysis_id)
        newest = sorted(said, key=lambda f: (f.at_ms, f.feedback_id), reverse=True)
        return tuple(newest[:SHOWN_BESIDE_MAX])


def _decision_shown(kept: Kept[Decision]) -> DecisionShown:
    return DecisionShown(decision=kept.item, place=kept.place, at_ms=kept.at_ms)


def _as_of(kept: Kept[Analysis]) -> tuple[int, int, Place]:
    return kept.item.as_of_ms, kept.at_ms, kept.place


_RANKS = ("critical", "warning", "notice", "info")


def _urgency(shown: AlertShown) -> tuple[bool, bool, int, int, str]:
    rank = _RANKS.index(shown.alert.severity) if shown.fires else 0
    return not shown.asks, not shown.fires, rank, -shown.at_ms, shown.alert.alert_id
