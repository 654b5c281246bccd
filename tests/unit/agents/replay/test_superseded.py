"""What took the place of another, and what is told against the last one, is said again like all else."""

from hypothesis import given

from agents.decide.context import NOTED_MAX
from agents.replay.recorded import Recorded, Span
from agents.replay.strict import Again, PartitionReplay
from tests.strategies.aggregates import calm, market
from tests.unit.agents.decide.test_corrections import Act, acts, corrected_logs, lived, owed
from tests.unit.agents.lives import SETTINGS, Life, Partition, at_once
from topics import Aggregate, Analysis, encode

FALLS = [market(number=6 + n, low=90.0 - n) for n in range(3)]


def replayed(partition: Partition) -> dict[str, Analysis]:
    """Return what a replay of a partition says, by id; it must have missed nothing."""
    recorded = Recorded(Span(partition=0, begin=0, end=len(partition.log)))
    for told in partition.told:
        if not isinstance(told, Analysis):
            recorded.take_told(told)
    for told in partition.told:
        if isinstance(told, Analysis):
            recorded.take_analysis(told, encode(told))
    replay = PartitionReplay(SETTINGS, recorded, read_from=0)
    said = [one for n, w in enumerate(partition.log) for one in replay.take(n, w)]
    said += replay.finish()
    found = {}
    for one in said:
        assert isinstance(one, Again), one
        if one.analysis is not None:
            found[one.analysis.analysis_id] = one.analysis
    return found


def test_what_stands_on_a_window_that_was_not_the_latest_is_said_again() -> None:
    """Owed from a minute that was asked about, and taken over by a candidate of later minutes."""
    for partition in (owed(market("BTC/USD", 13)), Partition([*calm(6), *FALLS])):
        life = Life(partition)
        life.read(len(partition.log))
        for _ in FALLS:
            life.coalesce()
        life.finish()
        assert any(f.window_end_ms for a in partition.analyses.values() for f in a.facts)
        assert replayed(partition) == partition.analyses


def test_what_waited_while_hours_were_read_is_said_again() -> None:
    """By who catches up: more dives were taken over than there are windows that a replay finds again."""
    falls = [market(number=6 + 6 * n, low=97.0 if n else 80.0) for n in range(NOTED_MAX + 2)]
    life = Life(partition := Partition([*calm(6), *falls]))
    life.read(len(partition.log))
    while len(life.waiting) > 1:
        life.coalesce()
    life.finish()
    (made,) = partition.analyses.values()
    assert made.severity == "critical"
    assert replayed(partition) == partition.analyses


def test_what_came_late_is_said_again() -> None:
    """A crash of a minute that came behind younger ones, and one that a revision showed first."""
    for crash in (market(number=6, low=90.0), market(number=5, revision=1, low=90.0)):
        log = [*calm(6), market(number=7), market(number=8), crash, market(number=9)]
        partition = at_once(Partition(log))
        assert any(f.window_end_ms for a in partition.analyses.values() for f in a.facts)
        assert replayed(partition) == partition.analyses


@given(corrected_logs(), acts("rrraaooddppptcK"))
def test_whatever_was_superseded_is_said_again(log: list[Aggregate], acts: list[Act]) -> None:
    """Revised, withdrawn, killed between any two writes: with what is different since the one before."""
    partition = lived(log, acts)
    assert replayed(partition) == partition.analyses
