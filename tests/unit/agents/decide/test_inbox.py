"""The inbox against a simple model: one candidate an asset, nothing lost, the most pressing first."""

import time
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from agents.decide.candidate import SEVERITIES, Candidate, coalesced
from agents.decide.inbox import HEAD_START_S, Inbox
from tests.unit.agents.candidates import candidate


def anyone(_: Candidate) -> bool:
    """Whoever it is."""
    return True


def waiting(asset: str, enqueued_s: float = 0.0, **changes: object) -> Candidate:
    """Return a candidate of an asset that came at a time."""
    return candidate(asset=asset, enqueued_s=enqueued_s, **changes)


def taken(inbox: Inbox, can_answer: Callable[[Candidate], bool] = anyone) -> list[str]:
    """Return the assets in the order they are taken."""
    assets = []
    while (found := inbox.take(can_answer)) is not None:
        assets.append(found.asset)
    return assets


def test_severity_is_a_head_start_not_a_rank() -> None:
    """A warning goes before what came up to 60 s earlier, and no more."""
    inbox = Inbox(10)
    ahead = HEAD_START_S["warning"]
    inbox.put(waiting("LATE", 100.0, severity="warning"))
    inbox.put(waiting("EARLIER", 100.0 - ahead - 0.1, severity="info"))
    inbox.put(waiting("LATER", 100.0 - ahead + 0.1, severity="info"))
    assert taken(inbox) == ["EARLIER", "LATE", "LATER"]


def test_equals_go_in_one_order() -> None:
    """By name, so that two runs agree."""
    inbox = Inbox(10)
    for asset in ("B", "A", "C"):
        inbox.put(waiting(asset))
    assert taken(inbox) == ["A", "B", "C"]


def test_what_cannot_be_answered_now_goes_on_waiting() -> None:
    """Others go first; it is taken when it can be."""
    inbox = Inbox(10)
    inbox.put(waiting("MODEL", severity="critical"))
    inbox.put(waiting("RULES", product="state"))
    assert taken(inbox, lambda c: c.product == "state") == ["RULES"]
    assert len(inbox) == 1
    assert taken(inbox) == ["MODEL"]


def test_a_newer_one_of_the_same_asset_absorbs_it() -> None:
    """It says whom it absorbed and into what; the place in the order is the older one's."""
    inbox = Inbox(1)
    older, newer = waiting("A", 1.0, offsets=(1,)), waiting("A", 9.0, offsets=(2,))
    assert inbox.put(older).absorbed is None
    put = inbox.put(newer)
    assert (put.absorbed, put.shed) == (older, None)
    assert put.waiting == coalesced(older, newer)
    assert inbox.take(anyone) == put.waiting
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


def test_a_full_inbox_is_still_quick() -> None:
    """Taking one of the most that can wait holds up the loop for milliseconds, not for its session."""
    inbox = Inbox(5_000)
    for number in range(5_000):
        inbox.put(waiting(f"A{number}", float(number)))
    began_s = time.perf_counter()
    assert inbox.take(anyone) is not None
    assert time.perf_counter() - began_s < 0.5


PUTS = st.tuples(
    st.sampled_from("ABCDE"),
    st.integers(0, 200).map(float),
    st.sampled_from(SEVERITIES),
    st.sampled_from(["x", "y", "z"]),
)
ACTS = st.lists(st.one_of(PUTS, st.just(None)), max_size=40)


@given(ACTS, st.integers(1, 4))
def test_it_does_what_a_plain_list_would(
    acts: list[tuple[str, float, str, str] | None], capacity: int
) -> None:
    """Never two of one asset, never more than it holds, and all offsets and reasons accounted for."""
    inbox, now_s, offset = Inbox(capacity), 0.0, 0
    model: list[Candidate] = []
    out: list[Candidate] = []

    def press(found: Candidate) -> tuple[float, str]:
        return found.enqueued_s - HEAD_START_S[found.severity], found.asset

    for act in acts:
        if act is None:
            got = inbox.take(anyone)
            expected = min(model, key=press, default=None)
            assert got == expected
            if expected is not None:
                model.remove(expected)
                out.append(expected)
            continue
        asset, wait_s, severity, reason = act
        now_s += wait_s
        put = waiting(
            asset,
            now_s,
            severity=severity,
            reasons=(reason,),
            offsets=(offset,),
            deadline_s=now_s + 20,
        )
        offset += 1
        older = next((c for c in model if c.asset == asset), None)
        if older is not None:
            model.remove(older)
        model.append(put if older is None else coalesced(older, put))
        told = inbox.put(put)
        assert told.absorbed == older
        assert (told.shed is not None) is (len(model) > capacity)
        if told.shed is not None:
            assert told.shed == max(model, key=press)
            model.remove(told.shed)
            out.append(told.shed)
        assert len(inbox) == len(model) <= capacity
        assert len({c.asset for c in model}) == len(model)
    while (got := inbox.take(anyone)) is not None:
        out.append(got)
    assert sorted(o for c in out for o in c.offsets) == list(range(offset))
