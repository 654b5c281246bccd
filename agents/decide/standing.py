"""The analyses of one partition that stand, each with what it cites, and the last one of each asset. PURE.

It is a fold of the topic: of what this process writes, and at a start of the tail that was written before.
"""

from collections.abc import Collection, Iterable

from msgspec import Struct
from msgspec.structs import replace

from topics import Aggregate, Analysis, DataQuality, Decision, Fact, Tally

from .alerts import alert_of
from .context import Baseline
from .editions import Edition, cited_in, window_of
from .facts import facts_of_window
from .printing import printed
from .quality import CORRECTED, WORDS_MAX

CHAINS_OF_ASSET_MAX = 32
"""Analyses of one asset, each with those that superseded it; more than an asset has in the time one is valid."""
CHAINS_MAX = 10_000
"""Of a partition; each takes about 10 kB. Beyond it, those of the asset that was longest silent go."""
SURVIVORS_MAX = 64
"""Candidates of one asset of which is known who took them over."""


class Chain(Struct):
    """An analysis, with those that superseded it in turn."""

    root_id: str
    """The first one's id."""
    number: int
    """How often it was superseded or withdrawn."""
    tip: Analysis
    """The last of them."""
    cited: dict[str, Edition]
    """By window, what the last one cites of it."""
    causes: dict[str, str]
    """By what caused it (an aggregate's revision, an alert), the id of each that superseded another."""

    @property
    def next_id(self) -> str:
        """The id of what will supersede it."""
        return f"{_base_of(self.root_id)}/{self.number + 1}"

    def stands(self, event_ms: int) -> bool:
        """Return whether it is neither withdrawn nor, by that event time, past its validity."""
        return self.tip.status == "current" and self.tip.valid_until_ms > event_ms

    def is_revised_by(self, aggregate: Aggregate) -> bool:
        """Return whether it cites an earlier edition of this window."""
        cited = self.cited.get(window_of(aggregate))
        return cited is not None and cited < aggregate.edition


class Standing:
    """What has been said and may have to be taken back."""

    def __init__(
        self, *, of_asset_max: int = CHAINS_OF_ASSET_MAX, chains_max: int = CHAINS_MAX
    ) -> None:
        """Begin with nothing said."""
        self.forgotten = 0
        """Analyses that had to make room while they were valid."""
        self._of_asset_max, self._chains_max = of_asset_max, chains_max
        self._chains: dict[str, dict[str, Chain]] = {}
        """By asset, the one longest silent first; then by the id of the first."""
        self._last: dict[str, Analysis] = {}
        self._survivors: dict[str, dict[str, str]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many chains are kept."""
        return self._count

    def take(self, told: Analysis | Decision | Tally, *, expire: bool = False) -> None:
        """Note what stands on the topics, in its order; of several analyses with one id the first counts.

        With ``expire`` those of the asset go that are past their validity: all windows up to this one's are folded.
        """
        match told:
            case Analysis():
                self._take(told)
                if expire:
                    self._expire(told.asset, told.as_of_ms)
                self._bound(told)
            case Decision(outcome="coalesced", survivor_id=survivor) if survivor is not None:
                self.take_over(told.asset, told.decision_id, survivor)
            case _:
                pass

    def take_over(self, asset: str, older_id: str, newer_id: str) -> None:
        """Note that a candidate lives on in another."""
        survivors = self._survivors.setdefault(asset, {})
        survivors[older_id] = newer_id
        if len(survivors) > SURVIVORS_MAX:
            del survivors[next(iter(survivors))]
        if len(self._survivors) > self._chains_max:
            del self._survivors[next(iter(self._survivors))]

    def survivor_of(self, asset: str, candidate_id: str) -> str:
        """Return the candidate that a candidate lives on in at last: itself, if nobody took it over."""
        survivors = self._survivors.get(asset, {})
        for _ in range(len(survivors)):
            candidate_id = survivors.get(candidate_id, candidate_id)
        return candidate_id

    def alerts_of(self, asset: str, root_id: str) -> list[str]:
        """Return the alerts that asked for an analysis, as far as is known."""
        taken_over = self._survivors.get(asset, {})
        ids = [root_id, *(one for one in taken_over if self.survivor_of(asset, one) == root_id)]
        return [alert_id for one in ids if (alert_id := alert_of(one)) is not None]

    def chains(self, asset: str) -> Collection[Chain]:
        """Return the chains of an asset, the oldest first."""
        return self._chains.get(asset, {}).values()

    def chain(self, asset: str, root_id: str) -> Chain | None:
        """Return the chain that begins with an analysis."""
        return self._chains.get(asset, {}).get(root_id)

    def last(self, asset: str) -> Analysis | None:
        """Return the last analysis of an asset, whatever became of it."""
        return self._last.get(asset)

    def _take(self, analysis: Analysis) -> None:
        root_id, number = _place_of(analysis)
        chains = self._chains.pop(analysis.asset, {})
        self._chains[analysis.asset] = chains
        chain = chains.get(root_id)
        if chain is not None and number <= chain.number:
            return
        if chain is None:
            self._count += 1
            chain = chains[root_id] = Chain(root_id, number, analysis, {}, {})
        chain.number, chain.tip = number, analysis
        chain.cited = cited_in([fact.aggregate_id for fact in analysis.facts])
        if analysis.revised_by is not None:
            chain.causes[analysis.revised_by] = analysis.analysis_id
        last = self._last.pop(analysis.asset, analysis)
        self._last[analysis.asset] = analysis if analysis.as_of_ms >= last.as_of_ms else last

    def _expire(self, asset: str, event_ms: int) -> None:
        for chain in list(self.chains(asset)):
            if chain.tip.valid_until_ms <= event_ms:
                self._remove(asset, chain.root_id)

    def _bound(self, newest: Analysis) -> None:
        if len(self._chains.get(newest.asset, {})) > self._of_asset_max:
            self._forget(newest.asset, newest.as_of_ms)
        if self._count > self._chains_max:
            self._forget(next(iter(self._chains)), newest.as_of_ms)
        if len(self._last) > self._chains_max:
            del self._last[next(iter(self._last))]

    def _forget(self, asset: str, event_ms: int) -> None:
        """Let the oldest of an asset go."""
        gone = self._remove(asset, next(iter(self._chains[asset])))
        self.forgotten += gone.stands(event_ms)

    def _remove(self, asset: str, root_id: str) -> Chain:
        chains = self._chains[asset]
        self._count -= 1
        gone = chains.pop(root_id)
        if not chains:
            del self._chains[asset]
        return gone


class _Recalled(Struct, frozen=True):
    """A revised window, with what an analysis cited as usual before it."""

    latest: Aggregate
    cited: tuple[Fact, ...]

    def baseline(self, measure: str) -> Baseline | None:
        """Return what was usual of a measure, which has the name of the fact."""
        fact = next((f for f in self.cited if f.metric == measure), None)
        known = fact is not None and fact.baseline is not None
        return Baseline(fact.baseline, fact.sample_size) if fact and known else None  # type: ignore[arg-type]


def revised_facts(facts: Iterable[Fact], aggregate: Aggregate) -> tuple[Fact, ...]:
    """Return the facts with those of one window as a revision has them, in their place.

    What was usual before the window is what it was: its own score says so, or the fact that is replaced.
    """
    told, begin = list(facts), f"{window_of(aggregate)}/"
    at = [number for number, fact in enumerate(told) if fact.aggregate_id.startswith(begin)]
    if not at:
        return tuple(told)
    cited = tuple(told[number] for number in at)
    kept = [fact for fact in told[at[0] :] if not fact.aggregate_id.startswith(begin)]
    end_ms = cited[0].window_end_ms
    revised = facts_of_window(_Recalled(aggregate, cited))
    return (*told[: at[0]], *(replace(fact, window_end_ms=end_ms) for fact in revised), *kept)


def reads_otherwise(before: Iterable[Fact], after: Iterable[Fact]) -> bool:
    """Return whether some fact is printed otherwise, is new, or is gone."""
    return _shown(before) != _shown(after)


def quality_after(quality: DataQuality, aggregate: Aggregate) -> DataQuality:
    """Return what is known of the data once a window of theirs is revised."""
    told = quality.words.split("; ") if quality.words else []
    words = "; ".join([*told, *([] if CORRECTED in told else [CORRECTED])])
    is_holed = "holed" in (quality.completeness, aggregate.completeness.state)
    return DataQuality(
        completeness="holed" if is_holed else quality.completeness,
        stale_feeds=quality.stale_feeds,
        short_history=quality.short_history,
        words=words if len(words) <= WORDS_MAX else quality.words,
    )


def _shown(facts: Iterable[Fact]) -> dict[tuple[str, int, str, str | None, int | None], str]:
    return {(f.metric, f.window_ms, f.subject, f.quote, f.window_end_ms): printed(f) for f in facts}


def root_id_of(analysis: Analysis) -> str:
    """Return the id of the first of an analysis' chain."""
    return _place_of(analysis)[0]


def _place_of(analysis: Analysis) -> tuple[str, int]:
    """Return the id of the first of an analysis' chain, and its own number in it."""
    if analysis.supersedes is None:
        return analysis.analysis_id, 0
    base, _, number = analysis.analysis_id.rpartition("/")
    root_id = base if alert_of(base) is not None else f"{base}/0"
    return root_id, int(number) if number.isascii() and number.isdigit() else 1


def _base_of(root_id: str) -> str:
    """Return what the ids of a chain begin with. An alert's first analysis has no count behind it."""
    return root_id if alert_of(root_id) is not None else root_id.removesuffix("/0")
