"""One partition in order: what is asked, what is only folded, and that every offset is accounted for once."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.answer.decided import decision_of
from agents.decide.answered import Said
from agents.decide.candidate import Candidate
from agents.decide.context import SERIES_MAX
from agents.decide.partition import PartitionDecider
from agents.settings import AgentSettings, GateSettings
from tests.strategies.aggregates import (
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    calm,
    development,
    histories,
    market,
    social,
    volume,
)
from topics import Aggregate

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=0))


def decider(read_from: int = 0, decide_from: int = 0) -> PartitionDecider:
    """Return a decider of partition 3, in its fifth tenure."""
    return PartitionDecider(SETTINGS, 3, read_from=read_from, decide_from=decide_from, tenure=5)


def test_a_candidate_carries_all_it_needs() -> None:
    """The windows it read, where it comes from, and until when it is of use."""
    ours = decider()
    for offset, minute in enumerate(calm(12)):
        ours.take(offset, minute, 1.0)
    fall = market(number=12, low=90.0)
    made = ours.take(12, fall, 100.0)
    assert made is not None
    assert made.candidate_id == f"deep_dive/BTC/{fall.window_end_ms}/0"
    assert (made.asset, made.product, made.severity) == ("BTC", "deep_dive", "critical")
    assert (made.as_of_ms, made.reasons) == (fall.window_end_ms, ("price_drop",))
    assert (made.partition, made.tenure, made.offsets) == (3, 5, (12,))
    assert (made.enqueued_s, made.deadline_s) == (100.0, 100.0 + SETTINGS.asking_s)
    assert made.aggregate_ids == (fall.aggregate_id,)
    assert made.facts[0].subject == "BTC/USDT"
    assert made.quality.completeness == "complete"


@pytest.mark.parametrize(
    ("aggregate", "is_asked"),
    [
        (market(), True),
        (market(window_ms=FIVE_MS), False),
        (market(window_ms=MINUTE_MS, step_ms=10_000), False),
        (market(revision=1), True),
        (social(), True),
        (social(window_ms=HOUR_MS), False),
        (development(), True),
        (volume(), False),
        (volume(window_ms=HOUR_MS), False),
    ],
)
def test_only_the_smallest_windows_are_asked_about(aggregate: Aggregate, is_asked: bool) -> None:
    """As they come first; volume, larger sizes and corrections only add to the context."""
    ours = decider()
    made = ours.take(0, aggregate, 0.0)
    if made is None:
        taken = ours.take_tally(9)
        assert taken is not None
        assert (taken[0].folded, taken[0].uninteresting) == (int(not is_asked), int(is_asked))
    else:
        assert is_asked


def test_a_state_is_of_the_main_instrument_whichever_asks() -> None:
    """Its facts begin with that one's; a replay finds its words by its id, also of one that is only folded."""
    log = [one for n in range(16) for one in (market("BTC/EUR", n, volume=1.0), market(number=n))]
    deciding, folding = decider(), decider(decide_from=len(log))
    made = [deciding.take(offset, one, 0.0) for offset, one in enumerate(log)]
    assert [folding.take(offset, one, 0.0) for offset, one in enumerate(log)] == [None] * len(log)
    last = made[-2]  # the smaller instrument's minute came first
    assert last is not None
    assert (last.reasons, last.lead) == (("state_expired",), "BTC/USDT")
    assert last.facts[0].subject == "BTC/USDT"
    assert dict(last.labels) == {"direction": "flat", "volume": "usual"}
    for one in (deciding, folding):
        assert one.context_of("BTC").labels[last.candidate_id] == last.labels


def test_a_tally_names_its_span_and_is_taken_once() -> None:
    """Its id derives from where it begins; nothing to tell is None."""
    ours = decider()
    assert ours.take_tally(9) is None
    ours.take(0, market(), 0.0)
    for offset, aggregate in (
        (1, volume()),
        (4, market(number=1)),
        (5, market(number=1, revision=1)),
    ):
        ours.take(offset, aggregate, 0.0)
    taken = ours.take_tally(9)
    assert taken is not None
    tally, offsets = taken
    assert tally.tally_id == "tally/3/1"
    assert (tally.first_offset, tally.last_offset, tally.decided_ms) == (1, 5, 9)
    assert (tally.folded, tally.uninteresting) == (2, 1)
    assert offsets == [1, 4, 5]
    assert ours.take_tally(9) is None


def test_a_window_of_a_family_beyond_the_bound_is_counted_and_not_put_to_the_gate() -> None:
    """Whatever it shows: it would be looked at beside the windows before it, which are not kept."""
    ours = decider()
    for offset in range(SERIES_MAX):
        ours.take(offset, market(f"BTC/Q{offset}", window_ms=FIVE_MS), 0.0)
    assert ours.take(SERIES_MAX, market(low=90.0), 0.0) is None
    assert ours.take(SERIES_MAX + 1, market(low=80.0, revision=1), 0.0) is None
    taken = ours.take_tally(9)
    assert taken is not None
    assert (taken[0].folded, taken[0].uninteresting) == (SERIES_MAX + 2, 0)
    assert ours.forgotten == 2


def test_what_was_refused_before_is_not_refused_again() -> None:
    """A record below where deciding begins had its dead letter when it was read first."""
    ours = decider(read_from=0, decide_from=2)
    assert [ours.skip(offset) for offset in (0, 1, 2)] == [False, False, True]
    assert (ours.offsets.unfinished, ours.offsets.committable) == (1, 2)


def test_it_is_warm_once_everything_before_has_been_folded() -> None:
    """By a record, or by a position where the log's last entries are no records."""
    ours = decider(read_from=0, decide_from=4)
    ours.take(0, market(), 0.0)
    warm = [ours.warm]
    for position in (3, 4):
        ours.reach(position)
        warm.append(ours.warm)
    assert warm == [False, False, True]
    assert (ours.next_offset, ours.offsets.committable) == (4, 4)
    ours.reach(6)
    ours.reach(2)
    assert (ours.next_offset, ours.offsets.committable) == (6, 6)
    assert decider(read_from=7, decide_from=7).warm


def made_of(ours: PartitionDecider, log: list[Aggregate]) -> list[Candidate]:
    """Return the candidates of a log; none of them has an analysis, for which a revision would have to wait."""
    found = []
    for offset, aggregate in enumerate(log):
        made = ours.take(offset, aggregate, 0.0)
        if made is not None:
            found.append(made)
            ours.corrections.dropped(made)
    return found


class Accounts:
    """What has been accounted for of a partition, and by whom."""

    def __init__(self, ours: PartitionDecider, log: list[Aggregate]) -> None:
        self.ours, self.windows = ours, list(log)
        self.by, self.records = Counter[int](), list[int]()

    def tally(self) -> None:
        """Take a tally; what it says agrees with what it finishes."""
        taken = self.ours.take_tally(0)
        if taken is not None:
            tally, offsets = taken
            self.by.update(offsets)
            assert (tally.first_offset, tally.last_offset) == (offsets[0], offsets[-1])
            assert tally.folded + tally.uninteresting == len(offsets)

    def read(self, offset: int) -> None:
        """Read the next window at an offset."""
        made = self.ours.take(offset, self.windows.pop(0), 0.0)
        self.records.append(offset)
        if made is not None:
            assert made.offsets == (offset,)
            self.by[offset] += 1
            self.ours.corrections.dropped(made)

    def skip(self, offset: int) -> None:
        """Read what nobody can use."""
        self.records.append(offset)
        self.by.update([offset] * self.ours.skip(offset))


@given(histories(), st.integers(0, 20), st.lists(st.sampled_from("rrrrst"), max_size=90), st.data())
def test_every_offset_is_accounted_for_once(
    log: list[Aggregate], decide_from: int, acts: list[str], data: st.DataObject
) -> None:
    """Candidates, tallies and dead letters together are the records from where it decides, no more, no less."""
    accounts, offset = Accounts(decider(decide_from=decide_from), log), 0
    for act in [*acts, *"r" * len(log), "t"]:
        offset += data.draw(st.sampled_from([0, 0, 0, 1, 3]))  # a transaction's end is no record
        if act == "t":
            accounts.tally()
        elif act == "s":
            accounts.skip(offset)
            offset += 1
        elif accounts.windows:
            accounts.read(offset)
            offset += 1
    records, ours = accounts.records, accounts.ours
    assert accounts.by == Counter(o for o in records if o >= decide_from)
    assert ours.offsets.unfinished == len(accounts.by)
    for finished in accounts.by:
        ours.offsets.finish(finished)
    assert ours.offsets.committable == max(decide_from, records[-1] + 1 if records else 0)


@given(histories(), st.integers(0, 60))
def test_deciding_from_later_makes_the_same_candidates(log: list[Aggregate], at: int) -> None:
    """One that begins by folding, as after a restart, makes what the first made from there on."""

    def made_by(ours: PartitionDecider) -> list[Candidate]:
        found = [ours.take(offset, window, 0.0) for offset, window in enumerate(log)]
        return [made for made in found if made is not None and made.offsets[0] >= at]

    assert made_by(decider()) == made_by(decider(decide_from=at))


@given(histories(), st.integers(0, 60), st.integers(0, 60), st.sampled_from(["decided", "unsaid"]))
def test_a_kill_anywhere_says_each_thing_once(
    log: list[Aggregate], committed: int, killed: int, upto: str
) -> None:
    """Whatever was acknowledged, and wherever the commit stood: the two runs together are one run.

    The first run reads to where it is killed; of what it made the newest candidate may be unsaid.
    """
    killed = min(killed, len(log))
    committed = min(committed, killed)
    first, said = decider(), Said()
    made = made_of(first, log[:killed])
    tally = first.take_tally(1)
    unsaid = made[-1:] if upto == "unsaid" else []
    committed = min([committed, *(c.offsets[0] for c in unsaid)])
    for told in made:
        if told not in unsaid:
            said.take(decision_of(told, "rules", "x", decided_ms=1))
    if tally is not None:
        said.take(tally[0])
    second = PartitionDecider(SETTINGS, 3, read_from=0, decide_from=committed, tenure=5, said=said)
    again = made_of(second, log)
    after = second.take_tally(1)
    whole = decider()
    alone = made_of(whole, log)
    names = [m.candidate_id for m in made if m not in unsaid] + [m.candidate_id for m in again]
    assert names == [m.candidate_id for m in alone]
    counted = whole.take_tally(1)
    assert sorted([*(tally[1] if tally else []), *(after[1] if after else [])]) == (
        counted[1] if counted else []
    )
    for finished in (*(m.offsets[0] for m in again), *(after[1] if after else [])):
        second.offsets.finish(finished)
    assert second.offsets.committable == len(log)
