"""Analyses that later data contradict: superseded or withdrawn once, whenever the data come and whoever ends."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.decide.corrections import CLAIMS_MAX
from tests.strategies.aggregates import (
    BASE_MS,
    FIVE_MS,
    HOUR_MS,
    MINUTE_MS,
    calm,
    market,
    social,
)
from tests.unit.agents.lives import Life, Partition, at_once
from topics import Aggregate, Alert, Analysis, Decision

CALM = calm(12)
END_MS = BASE_MS + 13 * MINUTE_MS
DIVE = f"deep_dive/BTC/{END_MS}"


def fall(revision: int = 0, *, low: float = 90.0, last: float = 96.0) -> Aggregate:
    """Return an edition of the minute after the calm ones: a fall by ten percent, and most of it back."""
    return market(number=12, revision=revision, low=low, last=last)


def earlier(analysis: Analysis) -> dict[str, float]:
    """Return how the price went in the window that is not the latest."""
    facts = [fact for fact in analysis.facts if fact.window_end_ms is not None]
    return {f.metric: round(f.value, 9) for f in facts if f.metric in ("return", "range")}


def told(*after: Aggregate) -> Partition:
    """Return what is said of calm minutes, a fall, and these."""
    return at_once(Partition([*CALM, fall(), *after]))


def test_a_revision_that_moves_a_cited_fact_supersedes() -> None:
    """By rules, from the revised facts of the same window, as long as what it supersedes was valid."""
    found = told(fall(1, last=95.0)).analyses
    first, second = found[f"{DIVE}/0"], found[f"{DIVE}/1"]
    assert (second.supersedes, second.status) == (first.analysis_id, "current")
    assert (second.origin, second.origin_reason, second.cost_nano_usd) == ("rules", "revised", 0)
    assert second.revised_by == fall(1).aggregate_id
    assert (second.as_of_ms, second.valid_until_ms) == (first.as_of_ms, first.valid_until_ms)
    assert second.trigger == first.trigger
    close = {f.metric: (f.value, f.revision) for f in second.facts if f.window_ms == MINUTE_MS}
    assert close["close"] == (95.0, 1)
    assert "price change over 1m (BTC/USDT) was -4.00%, is -5.00%" in second.changed
    assert "late data have corrected what was published" in second.data_quality.words


def test_a_revision_within_printed_precision_changes_nothing() -> None:
    """It is folded, and counted as that."""
    found = told(fall(1, last=96.0000001, low=90.0000001))
    assert found.superseding == {}
    assert found.accounted() == Counter(range(14))


def test_a_revision_that_undoes_the_finding_withdraws() -> None:
    """With what it was and is; a later one that shows it again says nothing: what is withdrawn stays so."""
    found = told(fall(1, low=99.8, last=99.9), fall(2, low=90.0, last=91.0))
    assert found.superseding == {f"{DIVE}/1": ("withdrawn", fall(1).aggregate_id)}
    gone = found.analyses[f"{DIVE}/1"]
    assert (gone.origin_reason, gone.severity) == ("trigger_gone", "critical")
    assert gone.headline == (
        "BTC: price drop withdrawn; high above low over 1m (BTC/USDT) was 11.1%, is 0.2%"
    )
    assert "price change over 1m (BTC/USDT) was -4.00%, is -0.10%" in gone.text
    assert found.analyses[f"{DIVE}/0"].headline in gone.text
    assert gone.outlook is None


def test_what_is_found_again_is_found_as_the_gate_found_it() -> None:
    """With the hysteresis and the past it had then: 2.5 percent is enough where the minute before had fallen."""
    alone = told(market(number=12, revision=1, low=97.5, last=97.5))
    assert [status for status, _ in alone.superseding.values()] == ["withdrawn"]
    second = market(number=13, low=97.5)
    held = told(second, market(number=13, low=97.55, revision=1))
    name = f"deep_dive/BTC/{second.window_end_ms}/1"
    assert [(found, status) for found, (status, _) in held.superseding.items()] == [
        (name, "current")
    ]


def test_while_some_reason_holds_it_is_superseded_with_those() -> None:
    """And the severity of what is left."""
    both = market(number=12, low=90.0, last=96.0, volume=100.0)
    later = market(number=12, low=97.5, last=99.0, volume=100.0, revision=1)
    found = at_once(Partition([*CALM, both, later]))
    assert found.analyses[f"{DIVE}/0"].trigger.reasons == ["price_drop", "volume_spike"]
    left = found.analyses[f"{DIVE}/1"]
    assert (left.status, left.trigger.reasons, left.severity) == (
        "current",
        ["volume_spike"],
        "warning",
    )
    assert "reason gone: price_drop" in left.changed
    assert "severity was critical, is warning" in left.changed


def test_a_state_is_superseded_and_never_withdrawn() -> None:
    """How an asset is may always be said; it is not left unsaid because it is otherwise."""
    found = at_once(Partition([market(), market(revision=1, last=103.0), market(revision=2)]))
    state = f"state/BTC/{BASE_MS + MINUTE_MS}"
    assert found.superseding == {
        f"{state}/1": ("current", market(revision=1).aggregate_id),
        f"{state}/2": ("current", market(revision=2).aggregate_id),
    }


def test_one_revision_supersedes_all_that_cite_it_and_is_accounted_for_once() -> None:
    """What was said of an hour by each analysis that followed, while it is valid: fifteen minutes."""
    hour = market(number=-1, window_ms=HOUR_MS)
    log = [*calm(5), hour, *(market(number=n, low=96.0) for n in range(5, 24))]
    revised = market(number=-1, window_ms=HOUR_MS, revision=1, last=101.0)
    found = at_once(Partition([*log, revised]))
    causes = Counter(cause for _, cause in found.superseding.values())
    assert causes == {revised.aggregate_id: 15}
    assert found.accounted() == Counter(range(len(log) + 1))
    offsets = [d.last_offset for d in found.told if isinstance(d, Decision)]
    assert offsets.count(len(log)) == 15


def test_a_revision_waits_for_the_answer_it_revises() -> None:
    """Its offset is not finished before; then it supersedes what was answered from the window as it had been."""
    partition = Partition([*CALM, fall(), fall(1, last=95.0), fall(2, last=94.0)])
    life = Life(partition)
    life.read(15)
    while len(life.waiting) > 1:
        life.answer()
    life.publish(99)
    life.tally()
    life.publish(99)
    assert life.ours.offsets.committable == 12
    assert partition.superseding == {}
    life.finish()
    assert list(partition.superseding) == [f"{DIVE}/1", f"{DIVE}/2"]
    assert partition.superseding == told(fall(1, last=95.0), fall(2, last=94.0)).superseding
    assert partition.committed == 15


def test_while_an_answer_is_to_come_a_finding_counts_as_it_was_at_each_revision() -> None:
    """One revision undoes it, and the next shows it again: the same as if the answer had been there."""
    undone, again = fall(1, low=99.8, last=99.9), fall(2, low=90.0, last=91.0)
    partition = Partition([*CALM, fall(), undone, again])
    Life(partition).finish()
    assert partition.superseding == told(undone, again).superseding
    assert [status for status, _ in partition.superseding.values()] == ["withdrawn"]


def test_what_is_past_its_validity_is_let_be_answered_or_not() -> None:
    """By event time: fifteen minutes after its own."""
    for minute, is_superseded in ((26, True), (27, False)):
        log = [*CALM, fall(), market(number=minute), fall(1, last=95.0)]
        answered, waiting = at_once(Partition(log)), Partition(log)
        Life(waiting).finish()
        assert bool(answered.superseding) is is_superseded
        assert waiting.superseding == answered.superseding
        assert waiting.accounted() == answered.accounted() == Counter(range(15))


def test_what_was_found_before_a_start_can_be_undone_after_it() -> None:
    """The fold before the committed offset finds it again, with what it rests on."""
    partition = told()
    partition.log.append(fall(1, low=99.8, last=99.9))
    life = Life(partition)
    assert partition.committed == 13
    life.finish()
    assert [status for status, _ in partition.superseding.values()] == ["withdrawn"]


def test_a_tally_never_spans_a_revision_that_waits() -> None:
    """A start would take it for counted; here it changes nothing, and a tally of its own says so."""
    folded = [market(number=n, window_ms=FIVE_MS) for n in range(4)]
    log = [*CALM, fall(), *folded[:2], fall(1), *folded[2:]]
    partition = Partition(log)
    life = Life(partition)
    life.read(len(log))
    life.tally()
    life.publish(99)
    Life(partition).finish()
    assert partition.accounted() == Counter(range(len(log)))
    assert partition.twice() == []
    assert partition.committed == len(log)
    unbroken = Partition(log)
    Life(unbroken).finish()
    assert unbroken.accounted() == Counter(range(len(log)))


def test_what_supersedes_without_its_decision_gets_that_and_is_not_said_again() -> None:
    """A process was ended between the two."""
    partition = Partition([*CALM, fall(), fall(1, last=95.0)])
    life = Life(partition)
    life.read(14)
    while life.waiting:
        life.answer()
    life.publish(len(life.publisher) - 1, half=True)
    assert f"{DIVE}/1" in set(partition.analyses) - partition.decided()
    life = Life(partition)
    life.finish()
    assert partition.decided() == set(partition.analyses)
    assert partition.twice() == []
    assert partition.accounted() == Counter(range(14))


def test_what_waits_for_a_candidate_goes_with_it_in_the_order_of_the_log() -> None:
    """To the one that takes it over, and among what waits for that one."""
    undone, spike = fall(1, low=99.9, last=99.9), market(number=13, volume=100.0, high=101.0)
    later = market(number=13, volume=101.0, high=101.0, revision=1)
    partition = Partition([*CALM, fall(), undone, spike, later])
    life = Life(partition)
    life.read(16)
    life.coalesce()
    life.finish()
    name = f"deep_dive/BTC/{spike.window_end_ms}"
    assert partition.superseding == {
        f"{name}/1": ("current", undone.aggregate_id),
        f"{name}/2": ("current", later.aggregate_id),
    }
    assert partition.analyses[f"{name}/1"].trigger.reasons == ["volume_spike"]


def test_at_the_bound_the_oldest_findings_of_an_asset_are_forgotten_and_counted() -> None:
    """None of them had expired; of what has, nothing is missed."""
    ours = Life(Partition([])).ours
    for number in range(CLAIMS_MAX):
        ours.corrections.found("BTC", f"{number}", END_MS)
    assert ours.forgotten == 0
    ours.corrections.found("BTC", "one more", END_MS)
    assert ours.forgotten == 1
    ours.corrections.found("BTC", "much later", END_MS + 3_600_000)
    assert ours.forgotten == 1


def test_a_reason_taken_over_is_undone_by_its_own_window() -> None:
    """Whose facts came along, behind the latest ones of the candidate that took the other over."""
    spike = market(number=13, volume=100.0, high=101.0)
    partition = Partition([*CALM, fall(), spike, fall(1, low=99.9, last=99.9)])
    life = Life(partition)
    life.read(14)
    life.coalesce()
    life.finish()
    name = f"deep_dive/BTC/{spike.window_end_ms}"
    assert partition.analyses[f"{name}/0"].trigger.reasons == ["price_drop", "volume_spike"]
    assert earlier(partition.analyses[f"{name}/0"]) == {"return": -4.0, "range": round(100 / 9, 9)}
    assert earlier(partition.analyses[f"{name}/1"])["range"] == pytest.approx(0.1, abs=0.01)
    assert partition.analyses[f"{name}/1"].trigger.reasons == ["volume_spike"]
    before = partition.superseding
    partition.committed = 0
    Life(partition).finish()
    assert partition.superseding == before
    assert partition.twice() == []


def test_a_state_that_was_taken_over_is_what_is_left_of_a_fall_that_never_was() -> None:
    """It was a reason too; there is nothing severe about it."""
    partition = Partition([market(), market(number=1, low=90.0), market(number=1, revision=1)])
    life = Life(partition)
    life.read(2)
    life.coalesce()
    life.finish()
    left = partition.analyses[f"deep_dive/BTC/{BASE_MS + 2 * MINUTE_MS}/1"]
    assert (left.status, left.trigger.reasons) == ("current", ["state_first"])
    assert (left.severity, left.product) == ("info", "deep_dive")


def alert(state: str = "firing", *, asset: str = "BTC") -> Alert:
    """Return an alert, as it fires or ends."""
    return Alert(
        alert_id=f"price.drop/{asset}/USDT/{END_MS}",
        rule="price.drop",
        asset=asset,
        subject=f"{asset}/USDT",
        state=state,  # type: ignore[arg-type]
        severity="critical",
        since_ms=END_MS,
        as_of_ms=END_MS,
        headline="it falls",
    )


def test_an_alert_that_is_retracted_takes_its_analysis_back() -> None:
    """Once, also where it was retracted while the answer was still to come; one that is over does not."""
    for at_once_answered in (True, False):
        partition = Partition(CALM)
        life = Life(partition)
        life.read(12)
        life.hear(alert())
        if at_once_answered:
            life.answer(-1)
        life.hear(alert("retracted"))
        life.finish()
        ours = f"deep_dive/alert/{alert().alert_id}"
        assert partition.superseding == {f"{ours}/1": ("withdrawn", alert().alert_id)}
        assert partition.analyses[f"{ours}/1"].headline == (
            "BTC: alert price drop withdrawn, the alert was retracted"
        )
        decision = next(d for d in partition.told if getattr(d, "reason", "") == "withdrawn")
        assert isinstance(decision, Decision)
        assert decision.alert_id == alert().alert_id
        partition.alerts = [alert(), alert("retracted")]
        Life(partition).finish()
        assert partition.twice() == []
    over = Partition(CALM)
    over.alerts = [alert(), alert("cleared")]
    Life(over).finish()
    assert over.superseding == {}


def test_an_alerts_analysis_that_is_revised_goes_on_answering_it() -> None:
    """Its facts are revised as any other's; an aggregate caused that, which the decision accounts for."""
    partition = Partition([*CALM[:-1], market(number=11, revision=1, last=101.0)])
    partition.log.insert(11, market(number=11))
    life = Life(partition)
    life.read(12)
    life.hear(alert())
    life.finish()
    ours = f"deep_dive/alert/{alert().alert_id}/1"
    assert partition.analyses[ours].trigger.alert_id == alert().alert_id
    (decision,) = [d for d in partition.told if getattr(d, "decision_id", "") == ours]
    assert isinstance(decision, Decision)
    assert (decision.alert_id, decision.last_offset) == (None, 12)
    assert partition.accounted() == Counter(range(13))


def owed(*after: Aggregate) -> Partition:
    """Return what is said of a second instrument's crash in a minute that was asked about, and these."""
    crash = market("BTC/USD", 12, low=80.0, last=85.0)
    fell = market(number=12, low=97.0)
    return at_once(Partition([*CALM, market("BTC/USD", 11), fell, crash, *after]))


def test_what_is_owed_is_told_by_the_window_it_was_found_in() -> None:
    """Asked in the next minute, when that instrument's latest window is a calm one again."""
    calm_again = market("BTC/USD", 13)
    made = owed(calm_again).analyses[f"deep_dive/BTC/{calm_again.window_end_ms}/0"]
    assert (made.trigger.reasons, made.severity) == (["price_drop"], "critical")
    assert earlier(made) == {"return": -15.0, "range": 25.0}
    assert made.facts[0].window_end_ms == END_MS
    assert made.headline == "BTC/USD fell 15.00% (1m to 08:13 UTC)"
    assert made.text.startswith("BTC/USD held over 1m at 100 USD")
    assert made.observed_direction == "flat"


def test_a_revision_of_the_window_that_was_owed_supersedes_or_withdraws() -> None:
    """Though it is not the latest, an analysis rests on it and cites it."""
    calm_again = market("BTC/USD", 13)
    name = f"deep_dive/BTC/{calm_again.window_end_ms}/1"
    deeper = market("BTC/USD", 12, revision=1, low=75.0, last=80.0)
    found = owed(calm_again, deeper).analyses[name]
    assert earlier(found) == {"return": -20.0, "range": round(100 / 3, 9)}
    assert (
        "price change over the 1m to 08:13 UTC (BTC/USD) was -15.00%, is -20.00%" in found.changed
    )
    never = market("BTC/USD", 12, revision=1)
    assert owed(calm_again, never).superseding[name] == ("withdrawn", never.aggregate_id)


def test_a_crash_that_comes_late_is_told() -> None:
    """Of a minute that was empty at its close: by that minute's id, with what it shows before what is now."""
    younger = [market(number=n) for n in (13, 14, 15)]
    found = at_once(Partition([*CALM, *younger, fall(), market(number=16)]))
    made = found.analyses[f"{DIVE}/0"]
    assert (made.trigger.reasons, made.severity, made.as_of_ms) == (
        ["price_drop"],
        "critical",
        END_MS,
    )
    assert earlier(made) == {"return": -4.0, "range": round(100 / 9, 9)}
    assert made.headline == "BTC/USDT swung 11.1% (1m to 08:13 UTC)"
    assert [name for name in found.analyses if name.startswith("deep_dive")] == [f"{DIVE}/0"]
    assert found.accounted() == Counter(range(len(found.log)))


def test_a_crash_that_a_revision_shows_first_is_told() -> None:
    """The state that cites the minute is superseded, and the next window asks; another revision supersedes both."""
    first, following = market(number=12, last=101.0), market(number=13, last=96.0, first=96.0)
    deeper = fall(2, low=85.0, last=96.0)
    found = at_once(Partition([*CALM, first, fall(1), following, deeper]))
    dive = f"deep_dive/BTC/{following.window_end_ms}"
    made = found.analyses[f"{dive}/0"]
    assert (made.trigger.reasons, made.severity) == (["price_drop"], "critical")
    assert earlier(made) == {"return": -4.0, "range": round(100 / 9, 9)}
    assert found.superseding == {
        f"state/BTC/{END_MS}/1": ("current", fall(1).aggregate_id),
        f"state/BTC/{END_MS}/2": ("current", deeper.aggregate_id),
        f"{dive}/1": ("current", deeper.aggregate_id),
    }
    assert found.accounted() == Counter(range(len(found.log)))


def test_a_fall_that_a_revision_makes_a_crash_is_superseded_and_not_told_twice() -> None:
    """By the same finding, as severe as it is now."""
    mild = market(number=12, low=97.0, last=97.0)
    found = at_once(Partition([*CALM, mild, fall(1), market(number=13)]))
    assert found.superseding == {f"{DIVE}/1": ("current", fall(1).aggregate_id)}
    assert [found.analyses[f"{DIVE}/{n}"].severity for n in (0, 1)] == ["warning", "critical"]
    dives = [name for name in found.analyses if name.startswith("deep_dive")]
    assert dives == [f"{DIVE}/0", f"{DIVE}/1"]


def test_a_crash_that_is_withdrawn_and_shown_again_is_told_again() -> None:
    """By the next window: what is withdrawn stays so."""
    calmed, again = market(number=12, revision=1), fall(2)
    found = at_once(Partition([*CALM, fall(), calmed, again, market(number=13)]))
    assert found.superseding == {f"{DIVE}/1": ("withdrawn", calmed.aggregate_id)}
    made = found.analyses[f"deep_dive/BTC/{market(number=13).window_end_ms}/0"]
    assert (made.trigger.reasons, made.severity) == (["price_drop"], "critical")
    assert again.aggregate_id in {fact.aggregate_id for fact in made.facts}
    assert found.accounted() == Counter(range(len(found.log)))


Act = tuple[str, int, bool]


def acts(letters: str) -> st.SearchStrategy[list[Act]]:
    """Return what a process does, in any order: reads, answers, publishes, tallies, commits, is killed."""
    return st.lists(
        st.tuples(st.sampled_from(letters), st.integers(0, 5), st.booleans()), max_size=60
    )


@given(
    crash=st.integers(1, 17),
    behind=st.integers(0, 14),
    revised=st.booleans(),
    acts=acts("rrapptcK"),
)
def test_whenever_a_crash_comes_it_is_told_once(
    crash: int, behind: int, revised: bool, acts: list[Act]
) -> None:
    """As its minute closes or any time while it matters, first or as a revision, and whoever ends meanwhile."""
    first = [market(number=n) for n in range(34) if revised or n != crash]
    at = next(n for n, w in enumerate(first) if w.window_end_ms > BASE_MS + (crash + 1) * MINUTE_MS)
    shows = market(number=crash, low=90.0, last=96.0, revision=int(revised))
    log = [*first[: at + behind], shows, *first[at + behind :]]
    made = [a for a in lived(log, acts).analyses.values() if a.product == "deep_dive"]
    assert [(a.trigger.reasons, a.severity, a.status) for a in made] == [
        (["price_drop"], "critical", "current")
    ]
    assert shows.aggregate_id in {fact.aggregate_id for fact in made[0].facts}


STEPS = st.tuples(
    st.sampled_from(["next", "next", "other", "revise", "revise", "posts", "gap", "late", "late"]),
    st.integers(0, 3),
    st.sampled_from([90.0, 96.0, 97.5, 99.0, 99.9]),
    st.sampled_from([96.0, 99.9, 99.90001, 100.0]),
)


@st.composite
def corrected_logs(draw: st.DrawFn) -> list[Aggregate]:
    """Return minutes of an instrument and some of another, some late, and the last few corrected again and again."""
    log: list[Aggregate] = [*calm(6)]
    number, revisions, missing = 5, Counter[int](), list[int]()
    for kind, back, low, last in draw(st.lists(STEPS, max_size=24)):
        if kind == "posts":
            number += 1
            log.append(social(number=number, posts=10 + 90 * (back == 0)))
        elif kind == "other":
            log.append(market("BTC/USD", number - back % 2, low=min(low, last), last=last))
        elif kind == "gap":
            number += 1
            missing.append(number)
        elif kind == "late":
            if missing:
                one = missing.pop(back % len(missing))
                log.append(market(number=one, low=min(low, last), last=last))
        elif kind == "next":
            number += 1
            log.append(market(number=number, low=min(low, last), last=last))
        else:
            one = next(n for n in range(number - back, 0, -1) if n not in missing)
            revisions[one] += 1
            log.append(market(number=one, revision=revisions[one], low=min(low, last), last=last))
    return log


def lived(log: list[Aggregate], acts: list[Act]) -> Partition:
    """Return what is left of a partition after these acts, and one more process that finishes."""
    partition = Partition(log)
    life = Life(partition)
    for act, number, half in acts:
        if act == "K":
            life.publish(number, half=half)
            life = Life(partition)
        else:
            life.act(act, number)
    life.finish()
    return partition


@given(corrected_logs(), acts("rrraappptcK"))
def test_whatever_the_schedule_the_same_is_superseded_once(
    log: list[Aggregate], acts: list[Act]
) -> None:
    """Answers late and in any order, kills between any two writes: the same ids, causes and ends."""
    found = lived(log, acts)
    assert found.superseding == at_once(Partition(log)).superseding
    assert found.twice() == []
    assert found.decided() == set(found.analyses)


@given(corrected_logs(), acts("rrraaooddppptcK"))
def test_whatever_becomes_of_candidates_each_offset_is_accounted_for_once(
    log: list[Aggregate], acts: list[Act]
) -> None:
    """Some are taken over, some have no answer; what waited for them is told or counted all the same."""
    found = lived(log, acts)
    assert found.twice() == []
    assert found.committed == len(log)
    assert found.accounted() == Counter(range(len(log)))
    assert found.decided() == set(found.analyses)
    ids = found.analyses
    superseded = [a.supersedes for a in ids.values() if a.supersedes is not None]
    assert len(set(superseded)) == len(superseded)
    assert set(superseded) <= set(ids)


def test_what_was_taken_over_before_a_kill_is_so_again() -> None:
    """Its decision stands at the lowest offset: answered by itself now, it would have an analysis that no decision tells of."""
    partition = Partition([*calm(6), market(number=6, low=90.0, last=96.0)])
    life = Life(partition)
    life.read(7)
    life.coalesce()
    life.publish(1)
    life = Life(partition)
    life.read(6)
    life.answer()
    assert partition.analyses == {}
    life.finish()
    assert list(partition.analyses) == [f"deep_dive/BTC/{BASE_MS + 7 * MINUTE_MS}/0"]
    assert partition.twice() == []
    assert partition.accounted() == Counter(range(7))
