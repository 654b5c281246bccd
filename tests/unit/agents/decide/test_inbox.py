"""The inbox against a simple model: one candidate an asset, nothing lost, the most pressing first."""

import math
import time

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from agents.decide.candidate import SEVERITIES, AlertCause, Candidate, coalesced
from agents.decide.heap import SLACK
from agents.decide.inbox import ALERT_HEAD_START_S, HEAD_START_S, HEAD_START_S_MAX, Inbox, Put
from tests.unit.agents.candidates import candidate
from topics import Severity


def waiting(asset: str, enqueued_s: float = 0.0, **changes: object) -> Candidate:
    """Return a candidate of an asset that came at a time."""
    return candidate(asset=asset, enqueued_s=enqueued_s, **changes)


def taken(inbox: Inbox, now_s: float = 0.0, *, model_is_free: bool = True) -> list[str]:
    """Return the assets in the order they are taken."""
    assets = []
    while (found := inbox.take(now_s, model_is_free=model_is_free)) is not None:
        assets.append(found.asset)
    return assets


def dives(made: Candidate) -> bool:
    """Whether the model is asked about it; of states the rules speak."""
    return made.product == "deep_dive"


def alert(alert_id: str, severity: Severity = "warning", since_ms: int = 0) -> AlertCause:
    """Return an alert that fires."""
    return AlertCause(alert_id=alert_id, severity=severity, since_ms=since_ms)


def test_severity_is_a_head_start_not_a_rank() -> None:
    """A warning goes before what came up to 60 s earlier, and no more."""
    inbox = Inbox(10)
    ahead = HEAD_START_S["warning"]
    inbox.put(waiting("LATE", 100.0, severity="warning"))
    inbox.put(waiting("EARLIER", 100.0 - ahead - 0.1, severity="info"))
    inbox.put(waiting("LATER", 100.0 - ahead + 0.1, severity="info"))
    assert taken(inbox) == ["EARLIER", "LATE", "LATER"]


def test_equals_go_in_the_order_they_came() -> None:
    """And the one that came last is shed first."""
    inbox = Inbox(3)
    for asset in ("B", "A", "C"):
        inbox.put(waiting(asset))
    put = inbox.put(waiting("D"))
    assert put.shed is put.waiting
    assert taken(inbox) == ["B", "A", "C"]


def test_an_alert_goes_before_whatever_has_none() -> None:
    """However severe that is, and however long it has waited within an alert's head start."""
    inbox = Inbox(10)
    inbox.put(waiting("CRASH", 0.0, severity="critical", deadline_s=9_999.0))
    late_s = ALERT_HEAD_START_S - HEAD_START_S["critical"] - 0.1
    inbox.put(waiting("ALERT", late_s, severity="info", alerts=(alert("a"),), deadline_s=9_999.0))
    assert taken(inbox, late_s) == ["ALERT", "CRASH"]


def test_while_the_model_is_busy_the_others_go_on() -> None:
    """What rules answer is taken; what wants the model waits, until its deadline has passed."""
    inbox = Inbox(10, dives)
    inbox.put(waiting("MODEL", severity="critical", deadline_s=20.0))
    inbox.put(waiting("RULES", product="state"))
    assert taken(inbox, model_is_free=False) == ["RULES"]
    assert taken(inbox, 20.0, model_is_free=False) == []
    assert taken(inbox, 20.1, model_is_free=False) == ["MODEL"]


def test_what_must_wait_is_passed_over_until_its_time() -> None:
    """It keeps its place by when it came; its deadline comes all the same, and then rules need not wait."""
    inbox = Inbox(10)
    inbox.put(waiting("LATER", 5.0))
    inbox.put_back(waiting("FIRST", 1.0, deadline_s=20.0), 10.0)
    assert taken(inbox, 9.9) == ["LATER"]
    assert taken(inbox, 10.0) == ["FIRST"]
    inbox.put_back(waiting("FIRST", 1.0, deadline_s=20.0), 30.0)
    assert taken(inbox, 20.0) == []
    assert taken(inbox, 20.1, model_is_free=False) == ["FIRST"]


def test_what_was_taken_over_before_waits_for_its_heir_and_no_longer_than_its_deadline() -> None:
    """Neither the model nor rules take it, though a newer one of the asset does; that one is answered as any other."""
    inbox = Inbox(2)
    older = waiting("A", offsets=(1,), read_to=2, deadline_s=20.0, heir="newer")
    inbox.put(older)
    inbox.put(replace(older, asset="B", product="state"))
    assert taken(inbox, 19.9) == []
    newer = waiting("A", 1.0, candidate_id="newer", offsets=(5,), read_to=6)
    assert inbox.put(newer).waiting.offsets == (1, 5)
    assert taken(inbox, 19.9) == ["A"]
    assert taken(inbox, 20.1, model_is_free=False) == ["B"]


def test_one_that_comes_back_is_absorbed_by_a_newer_of_its_asset() -> None:
    """The newer context with the later time; the deadline stays the earliest, in either order."""
    older = waiting("A", 1.0, offsets=(1,), deadline_s=21.0, reasons=("x",))
    newer = waiting("A", 9.0, offsets=(2,), deadline_s=29.0, reasons=("y",))
    inbox = Inbox(1)
    inbox.put(newer)
    put = inbox.put_back(older, 15.0)
    sleeping = replace(older, not_before_s=15.0)
    assert (put.absorbed, put.shed) == (sleeping, None)
    assert put.waiting == coalesced(sleeping, newer)
    assert (put.waiting.not_before_s, put.waiting.deadline_s) == (15.0, 21.0)
    assert taken(inbox, 14.9) == []
    other = Inbox(1)
    other.put_back(older, 15.0)
    assert other.put(newer).waiting == put.waiting


def test_the_newer_absorbs_the_older_also_when_it_comes_back_after_it() -> None:
    """Both were under way at once. Else the older would speak for the newer, with facts of before."""
    older = waiting("A", 1.0, candidate_id="older", offsets=(1,), read_to=2)
    newer = waiting("A", 9.0, candidate_id="newer", offsets=(5,), read_to=6)
    inbox = Inbox(1)
    inbox.put_back(older, 10.0)
    put = inbox.put_back(newer, 15.0)
    assert put.absorbed is not None
    assert (put.absorbed.candidate_id, put.waiting.candidate_id) == ("older", "newer")
    assert put.waiting.offsets == (1, 5)
    assert taken(inbox, 14.9) == []


def test_an_alert_that_ends_takes_only_what_waits_for_nothing_else() -> None:
    """One that aggregates or another alert asked for too goes on, without that alert's head start."""
    inbox, one, two = Inbox(10), alert("one"), alert("two", "critical")
    inbox.put(waiting("A", alerts=(one,), offsets=()))
    inbox.put(waiting("B", alerts=(one, two), offsets=()))
    inbox.put(waiting("C", alerts=(one,), offsets=(3,), reasons=("alert_x", "price_drop")))
    gone = inbox.end_alert("A", "one")
    assert gone is not None
    assert gone.asset == "A"
    assert inbox.end_alert("A", "one") is None
    assert inbox.end_alert("B", "other") is None
    assert inbox.end_alert("B", "one") is None
    assert inbox.end_alert("C", "one") is None
    left = [inbox.take(0.0, model_is_free=True) for _ in range(3)]
    assert [c and c.alert_id for c in left] == ["two", None, None]
    assert left[1] is not None
    assert left[1].reasons == ("alert_x", "price_drop")


def test_a_newer_one_of_the_same_asset_absorbs_it() -> None:
    """It says whom it absorbed and into what; the place in the order is the older one's."""
    inbox = Inbox(1)
    older, newer = waiting("A", 1.0, offsets=(1,)), waiting("A", 9.0, offsets=(2,))
    assert inbox.put(older).absorbed is None
    put = inbox.put(newer)
    assert (put.absorbed, put.shed) == (older, None)
    assert put.waiting == coalesced(older, newer)
    assert inbox.take(0.0, model_is_free=True) == put.waiting
    assert len(inbox) == 0


def test_at_capacity_the_least_pressing_one_is_shed() -> None:
    """The new one itself, if it is the least; never one of those that stay."""
    inbox = Inbox(2)
    assert inbox.put(waiting("A", 1.0)).shed is None
    assert inbox.put(waiting("B", 2.0)).shed is None
    put = inbox.put(waiting("C", 3.0))
    assert put.shed is put.waiting
    put = inbox.put(waiting("D", 3.0, severity="critical"))
    assert put.shed is not None
    assert put.shed.asset == "B"
    assert taken(inbox) == ["D", "A"]


def test_a_lost_partition_takes_its_candidates_along() -> None:
    """Those, and no others."""
    inbox = Inbox(10)
    for asset, partition in (("A", 0), ("B", 1), ("C", 0)):
        inbox.put(waiting(asset, partition=partition))
    assert sorted(c.asset for c in inbox.remove_partition(0)) == ["A", "C"]
    assert inbox.remove_partition(0) == []
    assert taken(inbox) == ["B"]


@pytest.mark.no_cover
def test_a_full_inbox_is_still_quick() -> None:
    """Of five thousand that wait, each change takes microseconds: the model busy, some asleep, some too many."""
    inbox = Inbox(5_000)
    for number in range(5_000):
        inbox.put(waiting(f"A{number}", float(number), deadline_s=math.inf))
    made = [waiting(f"A{n % 6_000}", 5_000.0 + n, deadline_s=math.inf) for n in range(5_000)]
    began_s = time.perf_counter()
    for one in made:
        inbox.put(one)
        assert inbox.take(0.0, model_is_free=False) is None
        took = inbox.take(0.0, model_is_free=True)
        assert took is not None
        inbox.put_back(took, 1e9)
    assert time.perf_counter() - began_s < 5.0


@pytest.mark.no_cover
def test_what_has_left_is_not_kept_for_ever() -> None:
    """An asset that is replaced again and again leaves no more behind than the bound."""
    inbox = Inbox(10)
    heaps = [inbox._deadlines, inbox._least, *inbox._lanes.values()]
    for number in range(5_000):
        inbox.put(waiting("A", float(number), severity="critical"))
        assert max(len(heap) for heap in heaps) <= 2 * 1 + SLACK + 1


def press(found: Candidate) -> float:
    """Return the order's key, as the documentation has it."""
    alert_s = ALERT_HEAD_START_S if found.alerts else 0.0
    return found.enqueued_s - HEAD_START_S[found.severity] - alert_s


class InboxAgainstAList(RuleBasedStateMachine):
    """Never two of one asset, never more than it holds, the order of the rules, and nothing lost."""

    def __init__(self) -> None:
        super().__init__()
        self.inbox, self.now_s, self.offset = Inbox(3, dives), 0.0, 0
        self.model: list[Candidate] = []
        """In the order they came."""
        self.out: list[Candidate] = []
        self.taken: list[Candidate] = []
        """Being answered; they may come back."""

    def join(self, put: Put, one: Candidate) -> None:
        """Do the same to the list, and compare what is told."""
        at = next((i for i, c in enumerate(self.model) if c.asset == one.asset), None)
        if at is None:
            both, absorbed = one, None
            self.model.append(one)
        else:
            other = self.model[at]
            absorbed, newer = (one, other) if one.read_to < other.read_to else (other, one)
            both = coalesced(absorbed, newer)
            self.model[at] = both
        shed = None
        if len(self.model) > 3:
            shed = max(reversed(self.model), key=press)
            self.model.remove(shed)
            self.out.append(shed)
        assert put == Put(both, absorbed, shed)

    @rule(
        asset=st.sampled_from("ABCDE"),
        severity=st.sampled_from(SEVERITIES),
        reason=st.sampled_from("xyz"),
        product=st.sampled_from(["state", "deep_dive"]),
        fires=st.integers(0, 3),
        heir=st.sampled_from([None, None, "another"]),
    )
    def put(
        self, asset: str, severity: str, reason: str, product: str, fires: int, *, heir: str | None
    ) -> None:
        """A new one comes; one of four is an alert's, one of three was taken over before."""
        one = waiting(
            asset,
            self.now_s,
            severity=severity,
            reasons=(reason,),
            product=product,
            offsets=(self.offset,),
            candidate_id=f"{asset}/{self.offset}",
            read_to=self.offset + 1,
            deadline_s=self.now_s + 20,
            partition=ord(asset) % 2,
            alerts=(alert(f"{asset}{self.offset}"),) if fires == 0 else (),
            heir=heir,
        )
        self.offset += 1
        self.join(self.inbox.put(one), one)

    @rule(seconds=st.sampled_from([0.0, 1.0, 19.0, 61.0, 700.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now_s += seconds

    @rule(model_is_free=st.booleans())
    def take(self, model_is_free: bool) -> None:
        """The first of those that may be answered."""

        def ready(c: Candidate) -> bool:
            if c.heir is not None:
                return c.deadline_s < self.now_s
            rules = not dives(c) or c.deadline_s < self.now_s
            return rules or (model_is_free and c.not_before_s <= self.now_s)

        found = self.inbox.take(self.now_s, model_is_free=model_is_free)
        assert found == min(filter(ready, self.model), key=press, default=None)
        if found is not None:
            self.model.remove(found)
            self.taken.append(found)

    @precondition(lambda self: self.taken)
    @rule(seconds=st.sampled_from([1.0, 5.0, 50.0]), data=st.data())
    def put_back(self, seconds: float, data: st.DataObject) -> None:
        """One that was taken must wait; they end in any order."""
        one = self.taken.pop(data.draw(st.integers(0, len(self.taken) - 1)))
        put = self.inbox.put_back(one, self.now_s + seconds)
        slept = replace(one, not_before_s=max(one.not_before_s, self.now_s + seconds))
        self.join(put, slept)

    @precondition(lambda self: any(c.alerts for c in self.model))
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """An alert fires no more; each has an offset here, so its candidate stays."""
        at = data.draw(st.sampled_from([i for i, c in enumerate(self.model) if c.alerts]))
        found = self.model[at]
        assert self.inbox.end_alert(found.asset, found.alerts[0].alert_id) is None
        self.model[at] = replace(found, alerts=found.alerts[1:])

    @rule(partition=st.integers(0, 1))
    def lose(self, partition: int) -> None:
        """A partition goes to another."""
        gone = self.inbox.remove_partition(partition)
        self.out += gone
        assert sorted(c.asset for c in gone) == sorted(
            c.asset for c in self.model if c.partition == partition
        )
        self.model = [c for c in self.model if c.partition != partition]

    @invariant()
    def each_is_named_by_its_newest(self) -> None:
        """Whatever it took over was older."""
        for found in (*self.model, *self.taken):
            assert found.candidate_id == f"{found.asset}/{max(found.offsets)}"

    @invariant()
    def nothing_is_lost(self) -> None:
        """Every offset is of one that waits, is being answered, or is gone by name."""
        held = [*self.model, *self.out, *self.taken]
        assert sorted(o for c in held for o in c.offsets) == list(range(self.offset))
        assert len(self.inbox) == len(self.model) <= 3


TestInboxAgainstAList = InboxAgainstAList.TestCase


@pytest.mark.no_cover
def test_nobody_waits_longer_than_the_bound() -> None:
    """The least waits while alerts of all other assets come without end: for the longest head start, and then for
    one turn of each that came before.
    """
    inbox, others = Inbox(20), [f"A{number}" for number in range(19)]
    inbox.put(waiting("LEAST", 0.0, severity="info", deadline_s=math.inf, partition=1))
    step_s, now_s, turns = 10.0, 0.0, 0
    while True:
        for asset in others:
            cause = (alert(f"{asset}{now_s}", "critical"),)
            inbox.put(waiting(asset, now_s, severity="critical", alerts=cause, deadline_s=math.inf))
        found = inbox.take(now_s, model_is_free=True)
        assert found is not None
        if found.asset == "LEAST":
            break
        turns += now_s > HEAD_START_S_MAX
        now_s += step_s
    assert now_s >= HEAD_START_S_MAX  # the others did go first
    assert turns <= len(others)
