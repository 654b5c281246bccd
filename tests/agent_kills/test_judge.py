"""Every sort of defect is planted, and the judge must find it and name it: a judge that finds nothing proves nothing."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.decide.candidate import Candidate, coalesced
from agents.decide.inbox import Put
from agents.decide.partition import PartitionDecider
from agents.publisher import Publisher
from agents.settings import AgentSettings, GateSettings
from agents.trail import Trail
from tests.integration.agent_runs import Place
from topics import BY_NAME, Alert, Analysis, Decision, Tally, decoder_of, encode
from topics.broker import BrokerSettings
from topics.record import OutRecord

from .judge import Paid, Verdict, judge
from .logs import Control, Logs, Told, control_of
from .market import Market

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0))
BROKER = BrokerSettings(prefix="judged.", partitions=2)
SAID = decoder_of(Analysis, Decision, Tally)
TICKS = 40
FAULTS = ("lost", "unanswered", "strange", "hollow", "crossed", "uncharged", "mischarged")


class Logged(Struct):
    """A record, as a consumer gives it."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


def _told(said: Any, partition: int, offset: int) -> Told:
    return Told(Place(partition, offset), 1_000 + offset, encode(said), said)


class World(Struct):
    """A pipeline's topics, and what was paid."""

    logs: Logs
    control: Control
    paid: list[Paid]

    def verdict(self) -> Verdict:
        return judge(
            self.logs,
            self.control,
            self.paid,
            sum(one.booked_nano_usd for one in self.paid),
        )

    def place_of(self, contract: type, where: Callable[[Any], bool] = lambda _: True) -> int:
        """Return the place among the decisions of the first of a contract for which something holds."""
        told = self.logs.decisions
        return next(
            n for n, one in enumerate(told) if isinstance(one.said, contract) and where(one.said)
        )


@pytest.fixture(scope="module")
def faultless() -> World:
    """What a faultless agent makes of a market: every other candidate of an asset is taken over by the next."""
    market, parts = Market(BROKER, "judged"), defaultdict[tuple[str, int], list[Logged]](list)
    for tick in range(TICKS):
        for record in market.tick():
            part = parts[record.topic, record.partition]
            part.append(Logged(len(part), tick, record.key or b"", record.value or b""))
    alerts = [
        _told(BY_NAME["alerts"].decoder().decode(record.value), partition, record.offset)
        for partition in range(BROKER.partitions)
        for record in parts[BROKER.topic("alerts"), partition]
    ]
    windows = [parts[BROKER.topic("aggregates"), p] for p in range(BROKER.partitions)]
    logs = Logs(windows, alerts, [], [], [], [])
    for partition, records in enumerate(windows):
        agent = _Agent(logs, partition)
        agent.read(records)
        agent.say()
    control = control_of(SETTINGS, logs)
    logs.letters = sorted(control.refused)
    paid = [Paid("known/1", 10, "settled", 10), Paid("unknown/1", 10, "charged", 500)]
    return World(logs, control, paid)


@pytest.fixture
def world(faultless: World) -> World:
    """The same, to be spoilt."""
    logs = faultless.logs
    own = replace(
        logs,
        analyses=list(logs.analyses),
        decisions=list(logs.decisions),
        letters=list(logs.letters),
    )
    return World(own, faultless.control, list(faultless.paid))


class _Agent:
    """One partition's reader, who says all there is to say, as a worker does."""

    def __init__(self, logs: Logs, partition: int) -> None:
        self._logs, self._partition = logs, partition
        self._decider = PartitionDecider(SETTINGS, partition, read_from=0, decide_from=0)
        self._publisher = Publisher(_NoOutlet())
        deciders = {partition: self._decider}
        self._trail = Trail(BROKER, self._publisher, deciders, now_ms=lambda: 77)
        self._analyst = Analyst(SETTINGS, None, now_ms=lambda: 77)
        self._waiting: dict[str, Candidate] = {}

    def read(self, records: list[Logged]) -> None:
        """Take windows and alerts; every other candidate of an asset is taken over by the next."""
        decode = BY_NAME["aggregates"].decoder().decode
        for record in records:
            if record.value.startswith(b"{"):
                self._take(self._decider.take(record.offset, decode(record.value), 0.0))
        for told, alert in self._logs.of(Alert):
            if told.place.partition == self._partition:
                self._take(self._decider.take_alert(alert, 0.0))
        for candidate in self._waiting.values():
            self._trail.tell(candidate, *self._analyst.decline(candidate, "no_model"))
        self._trail.tell_tallies([self._decider])

    def say(self) -> None:
        """Write it."""
        while len(self._publisher):
            outgoing = self._publisher._queue.get_nowait()
            outgoing.done()
            for record in (*outgoing.first, *outgoing.then):
                said = SAID.decode(record.value or b"")
                assert isinstance(said, Analysis | Decision | Tally)
                _say(self._logs, said, self._partition)

    def _take(self, candidate: Candidate | None) -> None:
        self._trail.tell_superseding(self._decider)
        if candidate is None:
            return
        older = self._waiting.pop(candidate.asset, None)
        if older is None:
            self._trail.tell_put(Put(candidate))
            self._waiting[candidate.asset] = candidate
        else:
            both = coalesced(older, candidate)
            self._trail.tell_put(Put(both, older))
            self._trail.tell(both, *self._analyst.decline(both, "no_model"))


class _NoOutlet:
    """Nothing is sent."""

    async def deliver(self, records: list[OutRecord]) -> None:
        """Take nothing."""
        raise NotImplementedError


def _say(logs: Logs, said: Analysis | Decision | Tally, partition: int) -> None:
    log = logs.analyses if isinstance(said, Analysis) else logs.decisions
    log.append(_told(said, partition, len(log)))


def _change(told: list[Told], at: int, **changes: Any) -> None:
    said = replace(told[at].said, **changes)
    told[at] = replace(told[at], said=said, value=encode(said))


def _drop_final(world: World) -> None:
    at = world.place_of(Decision, lambda d: d.outcome == "rules" and d.alert_id is None)
    del world.logs.decisions[at]


def _drop_alert(world: World) -> None:
    ends = {one.decision_id for _, one in world.logs.of(Decision) if one.outcome == "coalesced"}
    at = world.place_of(Decision, lambda d: d.alert_id is not None and d.decision_id not in ends)
    del world.logs.decisions[at]


def _circle(world: World) -> None:
    at = world.place_of(Decision, lambda d: d.outcome == "coalesced")
    decision = world.logs.decisions[at].said
    assert isinstance(decision, Decision)
    _change(world.logs.decisions, at, survivor_id=decision.decision_id)


def _drop_tally(world: World) -> None:
    del world.logs.decisions[world.place_of(Tally)]


def _miscount(world: World, by: int) -> None:
    at = world.place_of(Tally)
    tally = world.logs.decisions[at].said
    assert isinstance(tally, Tally)
    _change(world.logs.decisions, at, folded=tally.folded + by)


def _drop_letter(world: World) -> None:
    del world.logs.letters[0]


def _invent(world: World) -> None:
    at = world.place_of(Decision, lambda d: d.alert_id is None)
    _change(world.logs.decisions, at, decision_id="deep_dive/BTC/1/0")


def _drop_analysis(world: World) -> None:
    del world.logs.analyses[0]


def _overtake(world: World) -> None:
    """Another's analysis stands first, and the decision speaks of ours."""
    analysis = world.logs.analyses[0].said
    assert isinstance(analysis, Analysis)
    world.logs.analyses.insert(0, _told(replace(analysis, produced_ms=5), 0, 0))


def _pay(world: World, attempt_id: str, state: str | None, booked: int) -> None:
    world.paid.append(Paid(attempt_id, 10, state, booked))


PLANTED: list[tuple[Callable[[World], None], tuple[str, ...]]] = [
    (_drop_final, ("lost", "unanswered")),
    (_drop_alert, ("unanswered",)),
    (_circle, ("unanswered",)),
    (_drop_tally, ("lost",)),
    (lambda world: _miscount(world, -1), ("lost",)),
    (lambda world: _miscount(world, 1), ("strange",)),
    (_drop_letter, ("lost",)),
    (_invent, ("unanswered", "strange")),
    (_drop_analysis, ("hollow",)),
    (_overtake, ("crossed",)),
    (lambda world: _pay(world, "a/1", None, 0), ("uncharged",)),
    (lambda world: _pay(world, "a/1", "released", 0), ("uncharged",)),
    (lambda world: _pay(world, "a/1", "charged", 9), ("uncharged",)),
    (lambda world: _pay(world, "known/1", "settled", 10), ("uncharged",)),  # sent twice
    (lambda world: _pay(world, "a/1", "settled", 11), ("mischarged",)),
]


def test_a_faultless_run_is_found_so(world: World) -> None:
    verdict = world.verdict()
    assert verdict.examples == []
    assert verdict.faultless
    assert verdict.candidates > 100
    assert verdict.alerts > 5
    assert verdict.wasted == 2  # nobody names these
    assert len(world.control.tallied) > 100
    assert len(world.control.refused) > 1


@pytest.mark.parametrize(("plant", "found"), PLANTED)
def test_what_is_planted_is_found_and_nothing_else(
    world: World, plant: Callable[[World], None], found: tuple[str, ...]
) -> None:
    plant(world)
    verdict = world.verdict()
    assert not verdict.faultless
    assert {name for name in FAULTS if getattr(verdict, name)} == set(found), verdict


def test_a_zombie_that_repeats_at_a_higher_offset_is_counted_and_no_fault(world: World) -> None:
    """The same bytes are a double; others are one that differs."""
    first = world.logs.analyses[0]
    world.logs.analyses.append(first)
    analysis = first.said
    assert isinstance(analysis, Analysis)
    world.logs.analyses.append(_told(replace(analysis, produced_ms=99), 0, 10_000))
    verdict = world.verdict()
    assert verdict.faultless
    assert (verdict.doubled, verdict.differing) == (2, 1)


def test_what_a_tally_before_has_counted_need_not_be_counted_again(world: World) -> None:
    """One that was read anew speaks of less than it spans."""
    at = world.place_of(Tally)
    tally = world.logs.decisions[at].said
    assert isinstance(tally, Tally)
    world.logs.decisions.append(_told(replace(tally, folded=0, uninteresting=0), 0, 10_000))
    assert world.verdict().faultless
