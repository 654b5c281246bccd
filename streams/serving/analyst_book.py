"""What the analyst said and decided, each id by its lowest offset. PURE and bounded."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator

from topics import Analysis, Decision

from .counts import Counts
from .links import Links
from .newest import Kept, Newest
from .once import Once
from .records import Place
from .spending import Spending

ANALYSES_MAX = 5_000
"""Kept whole: 50 a day of each of 100 assets."""
ANALYSES_OF_ASSET_MAX = 500
"""Of one asset: it does not push out what was said of others."""
DECISIONS_MAX = 10_000
_Link = Callable[[str | None, str], None]


class AnalystBook:
    """Analyses and decisions, and which of them belong together."""

    def __init__(self, counts: Counts) -> None:
        """Begin with none. What comes is counted in ``counts``."""
        self.analyses: Newest[Analysis] = Newest(ANALYSES_MAX)
        self.decisions: Newest[Decision] = Newest(DECISIONS_MAX)
        self.analysis: dict[str, Kept[Analysis]] = {}
        """By id."""
        self.of_asset: dict[str, list[Kept[Analysis]]] = {}
        """By asset, in the order of what they are of; never empty."""
        self.spent = Spending()
        """On the analyses kept."""
        self.decision: dict[str, Kept[Decision]] = {}
        """By id."""
        self.replaced: dict[str, tuple[str, str]] = {}
        """By id of an analysis, the id of the one that took its place, and that one's status."""
        self.answers = Links()
        """From an alert to the ids of analyses, or candidates for one, that answer it."""
        self.coalesced = Links()
        """From a candidate to those that it took over."""
        self._counts = counts
        self.said: Once[str] = Once()
        """Ids of analyses."""
        self.decided: Once[tuple[int, int]] = Once()
        """Partition and last offset of what was decided on."""

    def put_analysis(self, analysis: Analysis, place: Place, at_ms: int) -> bool:
        """Take an analysis and return whether it counts: the first of an id does."""
        if not self.said.first_time(analysis.analysis_id):
            return False
        self._counts.analyses += 1
        self._counts.by_model += analysis.origin != "rules"
        self._counts.said_again += analysis.origin.startswith("cache")
        kept = Kept(at_ms, place, analysis)
        self.analysis[analysis.analysis_id] = kept
        if analysis.supersedes is not None:
            self.replaced[analysis.supersedes] = analysis.analysis_id, analysis.status
        self.answers.add(analysis.trigger.alert_id, analysis.analysis_id)
        self.spent.add(analysis)
        for gone in self._put(kept):
            self._forget(gone)
        return True

    def put_decision(self, decision: Decision, place: Place, at_ms: int) -> bool:
        """Take a decision and return whether it counts: the first of an id does."""
        self._counts.decisions += 1
        key = decision.aggregates_partition, decision.last_offset
        if decision.alert_id is None and self.decided.first_time(key):
            self._counts.decided += 1
        if decision.decision_id in self.decision:
            return False
        kept = Kept(at_ms, place, decision)
        self.decision[decision.decision_id] = kept
        _link(self.answers.add, self.coalesced.add, decision)
        for gone in self.decisions.put(kept):
            self._forget_decision(gone.item)
        return True

    def forget_before(self, since_ms: int) -> None:
        """Let go what was logged before a time."""
        for said in self.analyses.forget_before(since_ms):
            self._forget(said)
        for decided in self.decisions.forget_before(since_ms):
            self._forget_decision(decided.item)

    def newest_of(self, asset: str) -> Iterator[Kept[Analysis]]:
        """Give an asset's analyses, that of the newest window first."""
        return reversed(self.of_asset.get(asset, []))

    def stands(self, analysis: Analysis) -> bool:
        """Return whether nobody took an analysis back."""
        return analysis.status == "current" and analysis.analysis_id not in self.replaced

    def _put(self, kept: Kept[Analysis]) -> list[Kept[Analysis]]:
        """Keep an analysis; return those that are gone for it."""
        of_asset = self.of_asset.setdefault(kept.item.asset, [])
        insort(of_asset, kept, key=_as_of)
        gone = self.analyses.put(kept)
        if not gone and len(of_asset) > ANALYSES_OF_ASSET_MAX:
            gone = [of_asset[0]]
            self.analyses.remove(of_asset[0])
        return gone

    def _forget_decision(self, decision: Decision) -> None:
        del self.decision[decision.decision_id]
        _link(self.answers.remove, self.coalesced.remove, decision)

    def _forget(self, gone: Kept[Analysis]) -> None:
        analysis = gone.item
        of_asset = self.of_asset[analysis.asset]
        del of_asset[bisect_left(of_asset, _as_of(gone), key=_as_of)]
        if not of_asset:
            del self.of_asset[analysis.asset]
        self.spent.remove(analysis)
        del self.analysis[analysis.analysis_id]
        self.replaced.pop(analysis.supersedes or "", None)
        self.answers.remove(analysis.trigger.alert_id, analysis.analysis_id)


def _as_of(kept: Kept[Analysis]) -> tuple[int, int, Place]:
    return kept.item.as_of_ms, kept.at_ms, kept.place


def _link(answers: _Link, coalesced: _Link, decision: Decision) -> None:
    for alert_id in {*decision.alert_ids, decision.alert_id} - {None}:
        answers(alert_id, decision.analysis_id or decision.decision_id)
    coalesced(decision.survivor_id, decision.decision_id)
