"""What later data do to what was said: which corrections are held against which analyses, and when. PURE.

A revision is held against every analysis of its asset that stands, and against every candidate whose answer is still
to come: for that one it waits. Its offset is finished when all it caused is acknowledged; where it caused nothing it is
counted as folded. So what comes of it is the same whether an answer was there before the revision or after it, and
whether or not a process ended between: a finding counts as it was at the revision's offset, and an analysis names the
revision that caused it.
"""

from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from agents.settings import AgentSettings
from topics import Aggregate, Alert, Analysis

from .alerts import ALERTS_MAX, candidate_id_of
from .answered import Said
from .candidate import Candidate
from .context import AssetContext
from .editions import Edition, cited_in, window_of
from .findings import Ground
from .standing import Chain, Standing
from .superseding import Correction, Superseding, Support, said_again, superseding_of

CLAIMS_MAX = 32
"""Candidates of one asset of which the findings are kept, beside those that wait for their answer."""


class _Claim(Struct):
    """A candidate, with what the gate found."""

    candidate_id: str
    valid_until_ms: int
    grounds: tuple[Ground, ...] = ()
    cited: dict[str, Edition] = {}
    is_open: bool = False
    """Whether its answer is still to come."""
    waiting: list[Correction] = []
    """For its answer, in the order of their offsets."""


class _Held(Struct):
    left: int
    """How many outcomes of a revision are not known, or not acknowledged."""
    told: bool = False


class Corrections:
    """Those of one partition."""

    def __init__(
        self,
        settings: AgentSettings,
        partition: int,
        tenure: int,
        *,
        standing: Standing,
        said: Said,
        finish: Callable[[int], None],
        tally: Callable[[int], None],
    ) -> None:
        """Begin with no candidate.

        ``finish`` is told the offset of a revision once all is told of it, ``tally`` of one that changed nothing.
        """
        self._settings, self._partition, self._tenure = settings.gate, partition, tenure
        self._standing, self._said = standing, said
        self._finish, self._tally = finish, tally
        self._valid_ms = int(settings.gate.state_valid_s * 1000)
        self._claims: dict[str, dict[str, _Claim]] = {}
        self._held: dict[int, _Held] = {}
        self._retracted: dict[str, None] = {}
        self._due: deque[tuple[str, str, Correction]] = deque()
        """Asset and first id of each chain that a correction is to be held against."""
        self._forgotten = 0

    @property
    def forgotten(self) -> int:
        """What was not kept because a bound was reached: findings, alerts taken back, analyses."""
        return self._forgotten + self._standing.forgotten

    def found(
        self, asset: str, candidate_id: str, as_of_ms: int, grounds: tuple[Ground, ...] = ()
    ) -> None:
        """Keep what a candidate rests on, whether it is to be answered or was before this process began."""
        claims = self._claims.setdefault(asset, {})
        shut = [claim for claim in claims.values() if not claim.is_open]
        for claim in shut:
            if claim.valid_until_ms <= as_of_ms:
                del claims[claim.candidate_id]
        shut = [claim for claim in shut if claim.candidate_id in claims]
        if len(shut) >= CLAIMS_MAX:
            del claims[shut[0].candidate_id]
            self._forgotten += 1
        claims[candidate_id] = _Claim(candidate_id, as_of_ms + self._valid_ms, grounds)

    def expect(self, candidate: Candidate) -> None:
        """Expect the answer of a candidate: what revises its facts meanwhile waits for it."""
        asset, candidate_id = candidate.asset, candidate.candidate_id
        if candidate_id not in self._claims.get(asset, {}):
            self.found(asset, candidate_id, candidate.as_of_ms)
        claim = self._claims[asset][candidate_id]
        claim.is_open = True
        claim.cited = cited_in([fact.aggregate_id for fact in candidate.facts])

    def take(
        self, offset: int, aggregate: Aggregate, context: AssetContext, *, deciding: bool
    ) -> bool:
        """Take an edition of a window that is not its first, and return whether its offset is to be finished here.

        That is so where an analysis or a candidate rests on the window; what comes of it, `next` says.
        """
        asset = aggregate.asset
        claims, chains = self._claims.get(asset), self._standing.chains(asset)
        if not claims and not chains:
            return False
        shaken = self._shaken(offset, aggregate)
        if not deciding:
            return False
        correction = Correction(aggregate.aggregate_id, offset, aggregate)
        event_ms = context.event_ms()
        due = [chain for chain in chains if self._is_due(chain, correction, shaken, event_ms)]
        self._due += [(asset, chain.root_id, correction) for chain in due]
        waits = self._waits(aggregate, shaken, event_ms)
        for claim in waits:
            claim.waiting.append(correction)
        if due or waits:
            self._held[offset] = _Held(len(due) + len(waits))
        return bool(due or waits)

    def retract(self, alert: Alert) -> None:
        """Take back an alert: what it asked for is held against that, now or once it is answered."""
        self._retracted[alert.alert_id] = None
        if len(self._retracted) > ALERTS_MAX:
            del self._retracted[next(iter(self._retracted))]
            self._forgotten += 1
        root_id = self._standing.survivor_of(alert.asset, candidate_id_of(alert.alert_id))
        chain = self._standing.chain(alert.asset, root_id)
        correction = Correction(alert.alert_id)
        if chain is not None and self._is_due(chain, correction, {root_id}, alert.as_of_ms):
            self._due.append((alert.asset, root_id, correction))

    def answered(self, candidate: Candidate, analysis: Analysis) -> None:
        """Note the analysis of a candidate; what waited for it is due."""
        asset, root_id = candidate.asset, candidate.candidate_id
        self._standing.take(analysis, expire=True)
        asked = self._standing.alerts_of(asset, root_id)
        gone = [Correction(one) for one in asked if one in self._retracted]
        self._due += [(asset, root_id, one) for one in (*self._close(candidate), *gone)]

    def taken_over(self, older: Candidate, newer: Candidate) -> None:
        """Note that a candidate lives on in another: what waited for it waits for that one."""
        self._standing.take_over(older.asset, older.candidate_id, newer.candidate_id)
        waiting = self._close(older)
        claim = self._claims.get(newer.asset, {}).get(newer.candidate_id)
        known = {one.cause for one in claim.waiting} if claim else {one.cause for one in waiting}
        for one in waiting:
            if claim is None or one.cause in known:
                self.settle(one, told=False)
            else:
                claim.waiting.append(one)
        if claim is not None:
            claim.waiting.sort(key=lambda one: one.at)
            claim.cited = cited_in([fact.aggregate_id for fact in newer.facts])

    def dropped(self, candidate: Candidate) -> None:
        """Note that a candidate will have no analysis."""
        for one in self._close(candidate):
            self.settle(one, told=False)

    def next(self, read_to: int) -> Superseding | None:
        """Return what is to be published next, or None; `Standing` is to take it before this is asked again.

        ``read_to`` is the partition's next offset.
        """
        while self._due:
            asset, root_id, correction = self._due.popleft()
            chain = self._standing.chain(asset, root_id)
            found = None if chain is None else self._outcome(chain, correction)
            if found is not None:
                return replace(found, candidate=replace(found.candidate, read_to=read_to))
            known = None if chain is None else chain.causes.get(correction.cause)
            self.settle(correction, told=known is not None and self._said.is_decided(known))
        return None

    def settle(self, correction: Correction, *, told: bool) -> None:
        """Note that one outcome of a correction is acknowledged, or that there is none."""
        if correction.offset is None:
            return
        held = self._held[correction.offset]
        held.left, held.told = held.left - 1, held.told or told
        if held.left == 0:
            del self._held[correction.offset]
            (self._finish if held.told else self._tally)(correction.offset)

    def _shaken(self, offset: int, aggregate: Aggregate) -> set[str]:
        """Look again for what was found in a window; return who has it among their findings, by first id."""
        asset, window, shaken = aggregate.asset, window_of(aggregate), set()
        for claim in self._claims.get(asset, {}).values():
            for ground in claim.grounds:
                if ground.window == window and ground.revise(offset, aggregate, self._settings):
                    shaken.add(self._standing.survivor_of(asset, claim.candidate_id))
        return shaken

    def _is_due(
        self, chain: Chain, correction: Correction, shaken: set[str], event_ms: int
    ) -> bool:
        """Return whether a chain may change by a correction, or has changed by it before."""
        if correction.cause in chain.causes:
            return True
        revision = correction.aggregate
        rests = chain.root_id in shaken or (revision is not None and chain.is_revised_by(revision))
        return rests and chain.stands(event_ms)

    def _waits(self, aggregate: Aggregate, shaken: set[str], event_ms: int) -> list[_Claim]:
        """Return the candidates without an answer that rest on a window in an earlier edition."""
        window, edition = window_of(aggregate), aggregate.edition
        return [
            claim
            for claim in self._claims.get(aggregate.asset, {}).values()
            if claim.is_open
            and claim.valid_until_ms > event_ms
            and (claim.candidate_id in shaken or claim.cited.get(window, edition) < edition)
        ]

    def _outcome(self, chain: Chain, correction: Correction) -> Superseding | None:
        ours = {"partition": self._partition, "tenure": self._tenure}
        known = chain.causes.get(correction.cause)
        if known is None:
            return superseding_of(chain, correction, self._support(chain), **ours)
        said = self._said.analysis_of(known)
        return None if said is None else said_again(said, correction, **ours)

    def _support(self, chain: Chain) -> Support:
        asset, root_id = chain.tip.asset, chain.root_id
        return Support(
            tuple(
                ground
                for claim in self._claims.get(asset, {}).values()
                if self._standing.survivor_of(asset, claim.candidate_id) == root_id
                for ground in claim.grounds
            ),
            tuple(self._standing.alerts_of(asset, root_id)),
            self._retracted.keys(),
        )

    def _close(self, candidate: Candidate) -> Iterable[Correction]:
        """Expect a candidate's answer no more; return what waited for it."""
        claim = self._claims.get(candidate.asset, {}).get(candidate.candidate_id)
        if claim is None:
            return ()
        waiting, claim.waiting, claim.is_open = claim.waiting, [], False
        return waiting
