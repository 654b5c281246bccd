"""What a range of topics gives an evaluation, record by record, and the scores that follow. PURE.

Of several analyses or decisions with one id the one at the lowest offset counts: they are to be taken in the order of
their partition's offsets.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from agents.evaluation.cutoffs import cutoff_of
from agents.evaluation.drift import Drift
from agents.evaluation.forecast import Forecast, Voice, forecast_of, voice_of
from agents.evaluation.narratives import Narratives
from agents.evaluation.scores import Score, score_of
from agents.evaluation.windows import Find, windows_of
from topics import Analysis, Decision, PipelineError, Tally
from topics.analysis import Product

IDS_MAX = 500_000
"""Analyses, and decisions, of one evaluation: a week of nearly one a second. A longer range is evaluated in parts."""


class EvidenceError(PipelineError):
    """There is more of a range than is held at once."""


class Evidence:
    """Takes the analyses and decisions of a range, and makes the scores once the marks are known."""

    def __init__(self, told: Product = "state") -> None:
        """Begin with nothing read. The texts of one product are told apart."""
        self.drift, self.narratives = Drift(), Narratives(told)
        self._ids: set[str] = set()
        self._decided: set[str] = set()
        self._taken_back: dict[str, str] = {}
        """Why an analysis stands no more, by id: another superseded it, or withdrew it."""
        self._forecasts: dict[Voice, list[Forecast]] = {}
        self._lost: dict[Voice, Counter[str]] = {}

    @property
    def analyses(self) -> int:
        """How many were taken, each id once."""
        return len(self._ids)

    @property
    def decisions(self) -> int:
        """How many were taken, each id once."""
        return len(self._decided)

    def take_analysis(self, analysis: Analysis) -> None:
        """Take the next analysis of a partition.

        Raises:
            EvidenceError: There are more than are held.
        """
        if not _is_new(analysis.analysis_id, self._ids, "analyses"):
            return
        if analysis.supersedes is not None:
            withdrawn = analysis.status == "withdrawn"
            self._taken_back[analysis.supersedes] = "withdrawn" if withdrawn else "superseded"
        self.drift.take_analysis(analysis)
        self.narratives.take_analysis(analysis)
        if analysis.status == "withdrawn":
            return  # it says that another was wrong, and foretells nothing
        voice, made = voice_of(analysis), forecast_of(analysis)
        if isinstance(made, Forecast):
            self._forecasts.setdefault(voice, []).append(made)
        else:
            self._lost.setdefault(voice, Counter())[made] += 1

    def take_back(self, analysis_id: str, why: str) -> None:
        """Note that an analysis stands no more: `superseded` or `withdrawn`."""
        self._taken_back[analysis_id] = why

    def take_decision(self, decision: Decision | Tally) -> None:
        """Take the next record of a partition's decisions; what made no candidate foretells nothing.

        Raises:
            EvidenceError: There are more than are held.
        """
        if isinstance(decision, Tally):
            return
        if _is_new(decision.decision_id, self._decided, "decisions"):
            self.drift.take_decision(decision)
            self.narratives.take_decision(decision)

    def wanted(self) -> Iterator[tuple[str, int]]:
        """Yield what marks are asked for: instruments, each with an instant."""
        for forecasts in self._forecasts.values():
            for forecast in forecasts:
                yield forecast.subject, forecast.known_ms
                yield forecast.subject, forecast.known_ms + forecast.horizon_ms

    def assets(self) -> frozenset[str]:
        """Return the assets of which marks are asked for."""
        return frozenset(f.asset for forecasts in self._forecasts.values() for f in forecasts)

    def scores(self, find: Find, cutoffs: Mapping[str, int], *, seed: int) -> list[Score]:
        """Return the score of each voice, in order of their names.

        Raises:
            LeakError: A mark is not after its instant.
        """
        voices = sorted(self._forecasts.keys() | self._lost.keys())
        return [self._score(voice, find, cutoffs, seed) for voice in voices]

    def _score(self, voice: Voice, find: Find, cutoffs: Mapping[str, int], seed: int) -> Score:
        lost = Counter(self._lost.get(voice, {}))
        fit = []
        for forecast in self._forecasts.get(voice, ()):
            if (why := self._unfit(voice, forecast, cutoffs)) is None:
                fit.append(forecast)
            else:
                lost[why] += 1
        windows, more = windows_of(fit, find)
        tried = self.drift.tried(voice.product) if voice.is_model else None
        return score_of(voice, windows, lost + more, prompts_tried=tried, seed=seed)

    def _unfit(self, voice: Voice, forecast: Forecast, cutoffs: Mapping[str, int]) -> str | None:
        """Return why a forecast is not to be scored at all; None of one that is."""
        if (why := self._taken_back.get(forecast.analysis_id)) is not None:
            return why
        if voice.simulated or not voice.is_model:
            return None  # the fake has read nothing, and rules know no day from another
        cutoff_ms = cutoff_of(cutoffs, voice.name)
        if cutoff_ms is None:
            return "cutoff_unknown"
        return "before_cutoff" if forecast.known_ms < cutoff_ms else None


def _is_new(name: str, ids: set[str], what: str) -> bool:
    if name in ids:
        return False
    if len(ids) >= IDS_MAX:
        msg = f"more than {IDS_MAX} {what} of the range; give a shorter one"
        raise EvidenceError(msg)
    ids.add(name)
    return True
