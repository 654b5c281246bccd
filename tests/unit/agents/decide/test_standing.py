"""What stands of a partition: by the topic's order, each id once, bounded, and the last of each asset."""

from itertools import pairwise

import pytest
from hypothesis import given
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.decide.editions import named, window_of
from agents.decide.quality import CORRECTED, WORDS_MAX
from agents.decide.standing import Standing, quality_after, reads_otherwise, revised_facts
from agents.settings import AgentSettings
from tests.strategies.aggregates import FIVE_MS, calm, histories, holed, market, social
from tests.unit.agents.candidates import candidate_of, context_of
from tests.unit.agents.decide.test_answered import decided
from topics import Aggregate, Analysis, DataQuality
from topics.aggregate import Score, aggregate_id

ANALYST = Analyst(AgentSettings(), None, now_ms=lambda: 5)


def analysed(number: int = 0, asset: str = "BTC", **changes: object) -> Analysis:
    """Return an analysis of a minute of an asset."""
    made = candidate_of([market(f"{asset}/USDT", number)])
    return replace(ANALYST.decline(made, "no_model")[0], **changes)


def superseding(before: Analysis, number: int, cause: str) -> Analysis:
    """Return what takes the place of an analysis."""
    base = before.analysis_id.rpartition("/")[0]
    return replace(
        before,
        analysis_id=f"{base}/{number}",
        supersedes=before.analysis_id,
        revised_by=cause,
        headline=cause,
    )


def test_the_last_of_a_chain_stands_and_each_knows_its_cause() -> None:
    """Read again, or an older one behind a newer, changes nothing; the first of an id counts."""
    first = analysed()
    second = superseding(first, 1, "a")
    third = superseding(second, 2, "b")
    standing = Standing()
    for told in (first, second, third, replace(third, headline="other words"), second, first):
        standing.take(told)
    (chain,) = standing.chains("BTC")
    assert (chain.tip, chain.number) == (third, 2)
    assert chain.causes == {"a": second.analysis_id, "b": third.analysis_id}
    assert chain.next_id == f"{first.analysis_id[:-2]}/3"
    assert standing.chain("BTC", first.analysis_id) is chain
    assert standing.last("BTC") == third


def test_the_chain_of_an_alert_counts_behind_the_alerts_id() -> None:
    """Which holds slashes itself, and numbers."""
    name = "deep_dive/alert/price.drop/BTC/USDT/1800"
    standing = Standing()
    standing.take(analysed(analysis_id=name))
    standing.take(analysed(analysis_id=f"{name}/1", supersedes=name, revised_by="a"))
    (chain,) = standing.chains("BTC")
    assert (chain.root_id, chain.number, chain.next_id) == (name, 1, f"{name}/2")


def test_the_tail_may_begin_within_a_chain() -> None:
    """What supersedes an analysis that is not read any more goes on from its own number."""
    first = analysed()
    standing = Standing()
    standing.take(superseding(superseding(first, 1, "a"), 2, "b"))
    (chain,) = standing.chains("BTC")
    assert (chain.root_id, chain.number) == (first.analysis_id, 2)


@pytest.mark.parametrize(
    ("status", "before_ms", "stands"),
    [("current", 1, True), ("current", 0, False), ("withdrawn", 1, False)],
)
def test_one_stands_until_its_validity_ends_or_it_is_withdrawn(
    status: str, before_ms: int, stands: bool
) -> None:
    """To the millisecond of event time."""
    standing, told = Standing(), analysed(status=status)
    standing.take(told)
    (chain,) = standing.chains("BTC")
    assert chain.stands(told.valid_until_ms - before_ms) is stands


def test_at_the_bounds_the_oldest_make_room_and_are_counted_while_they_are_valid() -> None:
    """Of an asset, and of all; what had expired is no loss."""
    few = Standing(of_asset_max=2, chains_max=3)
    for number in range(3):
        few.take(analysed(number))
    assert (len(few), few.forgotten) == (2, 1)
    assert [c.tip for c in few.chains("BTC")] == [analysed(1), analysed(2)]
    few.take(analysed(0, "ETH"))
    assert (len(few), few.forgotten) == (3, 1)
    few.take(analysed(900, "SOL"))
    assert (len(few), few.forgotten) == (3, 1)  # by then it was past its validity
    assert len(few.chains("BTC")) == 1
    for asset in ("ADA", "XRP", "DOT"):
        few.take(analysed(0, asset))
    assert len(few) == 3
    assert few.last("BTC") is None  # the last of so many assets are kept, not of all


def test_what_is_past_its_validity_goes_as_new_ones_come() -> None:
    """And the last of the asset is known though none stands."""
    standing = Standing()
    standing.take(analysed(0))
    standing.take(analysed(14), expire=True)
    assert len(standing.chains("BTC")) == 2
    standing.take(analysed(15), expire=True)
    assert [c.tip.as_of_ms for c in standing.chains("BTC")] == [
        analysed(14).as_of_ms,
        analysed(15).as_of_ms,
    ]
    withdrawn = replace(analysed(16), status="withdrawn", valid_until_ms=analysed(16).as_of_ms)
    standing.take(withdrawn, expire=True)
    assert standing.last("BTC") == withdrawn


def test_the_last_of_an_asset_is_the_newest_by_event_time() -> None:
    """A correction of what was said before it is not."""
    old, new = analysed(0), analysed(1)
    standing = Standing()
    for told in (old, new, superseding(old, 1, "a")):
        standing.take(told)
    assert standing.last("BTC") == new
    assert standing.last("ETH") is None


def test_a_candidate_lives_on_in_the_last_that_took_it_over() -> None:
    """Through any number of them, in a ring too; and alerts are found through them."""
    standing = Standing()
    names = ["deep_dive/alert/rule/BTC/1", "b", "c"]
    for older, newer in pairwise(names):
        standing.take(decided(older, "coalesced", newer))
    assert [standing.survivor_of("BTC", name) for name in names] == ["c"] * 3
    assert standing.alerts_of("BTC", "c") == ["rule/BTC/1"]
    assert standing.alerts_of("BTC", "b") == []
    standing.take_over("BTC", "c", "b")
    assert standing.survivor_of("BTC", "c") in ("b", "c")


@given(histories())
def test_an_id_names_its_window_and_edition(log: list[Aggregate]) -> None:
    """Of every aggregate, in later epochs too; of another's id nothing is known."""
    for one in log:
        assert named(one.aggregate_id) == (window_of(one), one.edition)
    late = market(revision=3)
    again = replace(late, epoch=12, aggregate_id=f"{late.aggregate_id}/e12")
    assert named(again.aggregate_id) == (window_of(late), (12, 3))
    assert again.aggregate_id == aggregate_id(
        "market",
        late.subject,
        window_ms=late.window_ms,
        step_ms=late.step_ms,
        start_ms=late.window_start_ms,
        revision=3,
        epoch=12,
    )
    for strange in ("", "x", "/1", "a/b", "a/1x", "a/²", "1/e1", "a/1/ex"):
        assert named(strange) is None


def test_revised_facts_stand_in_their_place_and_compare_with_what_was_usual_then() -> None:
    """The facts of other windows are as they were, also where more has been seen since."""
    log = [*calm(12), market(number=2, window_ms=FIVE_MS), market(number=12, volume=40.0)]
    facts = candidate_of([*log, social(number=2)]).facts
    revised = revised_facts(facts, market(number=12, revision=1, volume=30.0, last=101.0))
    assert [(f.metric, f.window_ms, f.subject) for f in revised] == [
        (f.metric, f.window_ms, f.subject) for f in facts
    ]
    by_name = {(f.metric, f.window_ms): f for f in revised}
    ratio = by_name["volume_ratio", 60_000]
    assert (ratio.value, ratio.revision) == (3.0, 1)
    volume = by_name["volume", 60_000]
    assert (volume.value, volume.baseline, volume.sample_size) == (30.0, 10.0, 12)
    others = [f for f in facts if f.window_ms != 60_000]
    assert [f for f in revised if f.window_ms != 60_000] == others
    assert revised_facts(facts, market(number=3, revision=1)) == facts


def test_a_revisions_own_score_goes_before_what_was_usual() -> None:
    """It rests on more windows than were seen."""
    facts = candidate_of([*calm(12), market(number=12, volume=40.0)]).facts
    scored = replace(
        market(number=12, revision=1, volume=40.0),
        scores={"volume": Score(z=4.0, median=8.0)},
        history_n=288,
    )
    volume = next(f for f in revised_facts(facts, scored) if f.metric == "volume")
    assert (volume.z, volume.baseline, volume.sample_size) == (4.0, 8.0, 288)


@pytest.mark.parametrize(
    ("last", "otherwise"), [(101.0, False), (101.001, False), (101.01, True), (101.1, True)]
)
def test_a_fact_reads_otherwise_by_what_is_printed(last: float, otherwise: bool) -> None:
    """A return at a hundredth of a percent, a price at six digits."""
    facts = candidate_of([market(last=101.0)]).facts
    after = revised_facts(facts, market(revision=1, last=last))
    wanted = otherwise or f"{last:.6g}" != f"{101.0:.6g}"
    assert reads_otherwise(facts, after) is wanted
    assert reads_otherwise(facts, facts[1:])


def test_the_data_are_never_better_after_a_revision_than_is_known() -> None:
    """It says that late data corrected it, once, and where there is room; a hole stays one."""
    quality = DataQuality(completeness="complete", words="few trades in the smallest window")
    once = quality_after(quality, market(revision=1, completeness=holed()))
    assert once.completeness == "holed"
    assert once.words == f"{quality.words}; {CORRECTED}"
    assert quality_after(once, market(revision=2)) == once
    full = DataQuality(completeness="complete", words="x" * WORDS_MAX)
    assert quality_after(full, market(revision=1)).words == full.words


def test_event_time_is_the_end_of_the_newest_window() -> None:
    """Of any size."""
    context = context_of([market(number=3), market(number=1, window_ms=FIVE_MS)])
    assert context.event_ms() == market(number=1, window_ms=FIVE_MS).window_end_ms
