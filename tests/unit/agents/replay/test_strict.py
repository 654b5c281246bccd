"""A replay says every analysis again, to the byte, or names what stands in the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.decide.facts import FACTS_MAX
from agents.replay.strict import Again, Miss
from tests.strategies.aggregates import calm, histories, market, volume
from topics import Decision, Result

from .lives import GOOD, SETTINGS, Life

ACTS = (
    "rules",
    "model",
    "doubted",
    "read",
    "spare",
    "l1",
    "stale",
    "rejected",
    "again",
    "tally",
    "fire",
    "crash",
    "killed",
    "nothing",
)


def equal(said: list[Again | Miss]) -> dict[str, object]:
    """Return the analyses that a replay said, by id; it must have missed nothing."""
    assert [one for one in said if isinstance(one, Miss)] == []
    return {
        one.analysis.analysis_id: one.analysis
        for one in said
        if isinstance(one, Again) and one.analysis is not None
    }


def missed(life: Life) -> list[tuple[str, str]]:
    """Return what a replay missed: what is lacking, and the id."""
    return [(one.lack, one.name) for one in life.replayed() if isinstance(one, Miss)]


def lived(*acts: str) -> Life:
    """Return a life of two falls with an answer to each, and an alert."""
    life = Life()
    for minute in calm(3):
        life.read(minute)
    for number, act in enumerate(acts):
        life.read(market(number=3 + number, low=90.0))
        life.answer(act)
    life.end()
    return life


@given(log=histories(40), data=st.data())
def test_whatever_happened_it_is_said_again(log: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Coalesced, shed, retried, rejected, alerted, killed at any step: each analysis that counts, and no other."""
    life = Life()
    for aggregate in log:
        life.read(aggregate)
        act = data.draw(st.sampled_from(ACTS))
        match act:
            case "tally":
                life.tally()
            case "fire":
                life.fire(aggregate.asset)
            case "crash":
                life.crash()
            case "nothing":
                pass
            case _:
                life.answer(act)
    life.end()
    assert equal(life.replayed()) == life.first()


def test_what_was_taken_over_before_a_kill_is_known_to_the_decision_after_it() -> None:
    """The next process makes the candidate without it: the windows it stood on are read off the analysis."""
    life = Life()
    for minute in calm(3):
        life.read(minute)
        life.answer("rules")
    fell = market(number=3, low=90.0)
    life.read(fell)
    life.read(market(number=4, low=90.0, last=95.0))
    life.answer("killed")
    life.end()
    kept = [
        d for d in life.told if isinstance(d, Decision) and fell.aggregate_id in d.aggregate_ids
    ]
    assert kept[-1].last_offset == 4
    assert equal(life.replayed()) == life.first()


@given(log=histories(20), data=st.data())
def test_parts_of_a_range_are_the_whole(log: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    """Wherever a range is cut, each decision is of one part, and is said again there."""
    life = Life()
    for aggregate in log:
        life.read(aggregate)
        if data.draw(st.booleans()):
            life.fire(aggregate.asset)
        if data.draw(st.booleans()):
            life.answer(data.draw(st.sampled_from(("rules", "model"))))
    life.end()
    cut = data.draw(st.integers(0, len(log)))
    parts = [life.replayed(0, cut), life.replayed(cut)]
    ids = [one.decision.decision_id for part in parts for one in part if isinstance(one, Again)]
    assert sorted(ids) == sorted({d.decision_id for d in life.told if isinstance(d, Decision)})
    assert equal(parts[0]) | equal(parts[1]) == life.first()


def test_an_alert_that_took_a_candidate_over_belongs_to_where_it_fired() -> None:
    """Its offsets are those of the candidate; what it knows is later."""
    life = Life()
    for aggregate in (market(low=90.0), volume(), volume(number=1)):
        life.read(aggregate)
    life.fire("BTC")
    life.end()
    assert len(life.first()) == 1
    assert equal(life.replayed(0, 2)) == {}
    assert equal(life.replayed(2)) == life.first()


def test_an_alert_whose_decision_was_lost_is_found_by_what_its_analysis_is_about() -> None:
    """Its decision is made up for by the next start, which knows more by then, or the same."""
    for later in ([], [market(number=1), volume()]):
        life = Life()
        life.read(market())
        life.answer("rules")
        life.fire("BTC")
        life.log += later  # read by the next start, before it comes to the alert
        life.answer("killed")
        life.end()
        told = [d for d in life.told if isinstance(d, Decision)]
        assert [d.read_to for d in told if d.alert_id] == [None]
        assert equal(life.replayed()) == life.first()


def test_a_question_is_asked_again_in_the_room_it_had() -> None:
    """Whatever the setting is by now: the intent says how much it was, and so which facts were left out."""
    model = SETTINGS.model.model_copy(update={"context_tokens_max": 4_000})
    life = Life(SETTINGS.model_copy(update={"model": model}))
    for quote in range(12):
        life.read(market(f"BTC/Q{quote}"))
    life.read(market(number=3, low=90.0))
    life.answer("model")
    life.end()
    assert life.entries
    assert len(life.analyses[0].facts) == FACTS_MAX
    assert equal(life.replayed(settings=SETTINGS)) == life.first()


def test_a_question_knows_what_its_analysis_is_told_against() -> None:
    """The second fall's is told what changed since the first's, and a replay finds that one by the decision."""
    life = lived("model", "model")
    first, second = life.analyses[:2]
    assert second.compared_with == first.analysis_id
    assert second.changed
    assert equal(life.replayed()) == life.first()
    life.analyses.remove(first)
    assert ("context", second.analysis_id) in missed(life)


def test_an_aggregate_without_a_decision_is_named() -> None:
    """One that the gate asks about now."""
    life = lived("rules", "rules")
    fate = [d for d in life.told if isinstance(d, Decision) and d.product == "deep_dive"][-1]
    life.told.remove(fate)
    life.analyses = [a for a in life.analyses if a.analysis_id != fate.decision_id]
    assert missed(life) == [("aggregate", market(number=4).aggregate_id)]


def test_an_aggregate_without_a_tally_is_named() -> None:
    """One that made no candidate."""
    life = Life()
    for aggregate in (market(), volume(), volume(number=1)):
        life.read(aggregate)
        life.answer("rules")
    life.tally()
    life.told.pop()
    assert missed(life) == [("aggregate", volume(number=n).aggregate_id) for n in (0, 1)]


def test_an_alert_does_not_stand_for_the_aggregate_it_was_read_behind() -> None:
    """Its decision names an offset that did not make it."""
    life = Life()
    for aggregate in (market(), volume()):
        life.read(aggregate)
        life.answer("rules")
    life.fire("BTC")
    life.end()
    life.told = [one for one in life.told if isinstance(one, Decision)]
    assert missed(life) == [("aggregate", volume().aggregate_id)]


def test_an_analysis_that_nobody_decided_on_is_named() -> None:
    """Its decision was lost, and its aggregate has none either."""
    life = lived("rules")
    fate = next(d for d in life.told if isinstance(d, Decision) and d.product == "deep_dive")
    life.told.remove(fate)
    assert ("decision", fate.decision_id) in missed(life)


def test_an_analysis_that_is_gone_is_named() -> None:
    """Its decision names it."""
    life = lived("rules")
    gone = life.analyses.pop()
    assert missed(life) == [("analysis", gone.analysis_id)]


def test_what_a_process_had_not_read_it_did_not_know() -> None:
    """One that began later than a replay does knows less, and its decision says what it knew."""
    life = lived("rules")
    told = next(d for d in life.told if isinstance(d, Decision) and d.product == "deep_dive")
    assert len(told.aggregate_ids) == 1
    life.log.insert(0, volume())  # of days ago, say
    life.told = [
        replace(d, last_offset=d.last_offset + 1, read_to=(d.read_to or 0) + 1)
        if isinstance(d, Decision)
        else replace(d, last_offset=d.last_offset + 1)
        for d in life.told
    ]
    life.told.append(replace(life.told[-1], first_offset=0, last_offset=0))
    assert equal(life.replayed()) == life.first()


def test_a_call_without_a_result_is_named() -> None:
    """With the attempt."""
    life = lived("model")
    gone = next(e for e in life.entries if isinstance(e, Result))
    life.entries.remove(gone)
    (miss,) = [one for one in life.replayed() if isinstance(one, Miss)]
    assert (miss.lack, gone.attempt_id in miss.words) == ("journal", True)


@pytest.mark.parametrize("field", ["text", "severity", "cost_nano_usd", "facts"])
def test_an_analysis_that_was_altered_is_named_with_the_field_and_both_values(field: str) -> None:
    """Whatever was altered."""
    life = lived("model")
    was = life.analyses[-1]
    values = {"text": "Another.", "severity": "notice", "cost_nano_usd": 1, "facts": was.facts[1:]}
    life.analyses[-1] = replace(was, **{field: values[field]})
    (miss,) = [one for one in life.replayed() if isinstance(one, Miss)]
    assert (miss.lack, miss.name) == ("analysis", was.analysis_id)
    assert miss.words.startswith(f"{field} was ")
    if field == "text":
        assert f'"Another." and is "{was.text}"' in miss.words


def test_whose_answer_it_was_is_said_again_as_the_journal_has_it() -> None:
    """Why a spare was asked only the decision knows; that it was one follows from who was asked."""
    life = lived("spare", "model")
    origins = [one.origin for one in life.first().values()]
    assert origins[:2] == ["model_other_provider", "model"]
    assert equal(life.replayed()) == life.first()
    for at, analysis in enumerate(life.analyses):
        life.analyses[at] = replace(analysis, origin="model")
    ((lack, name),) = missed(life)
    assert (lack, name) == ("analysis", life.analyses[0].analysis_id)


def test_an_answer_that_was_altered_is_named() -> None:
    """The verdict does not let it pass any more."""
    life = lived("model")
    at, came = next((n, e) for n, e in enumerate(life.entries) if isinstance(e, Result))
    life.entries[at] = replace(came, answer="Buy it now.")
    assert [lack for lack, _ in missed(life)] == ["verdict"]


def test_an_answer_that_was_rejected_and_is_not_now_is_named() -> None:
    """Rules answered in its place."""
    life = lived("rejected")
    at, came = next((n, e) for n, e in enumerate(life.entries) if isinstance(e, Result))
    life.entries[at] = replace(came, answer=GOOD)
    (miss,) = [one for one in life.replayed() if isinstance(one, Miss)]
    assert miss.lack == "verdict"
    assert "was rejected as schema_break, and is now accepted" in miss.words


def test_an_item_that_its_attempt_did_not_ask_is_named() -> None:
    """The decision and the journal do not speak of the same."""
    life = lived("model")
    life.told = [
        replace(d, item_key="cd" * 32) if isinstance(d, Decision) and d.item_key else d
        for d in life.told
    ]
    assert [lack for lack, _ in missed(life)] == ["journal"]


def test_a_question_that_was_another_is_named() -> None:
    """The prompt, the facts or the model are not those that were asked about."""
    life = lived("model")
    for at, entry in enumerate(life.entries):
        life.entries[at] = replace(entry, item_key="cd" * 32)
    life.told = [
        replace(d, item_key="cd" * 32) if isinstance(d, Decision) and d.item_key else d
        for d in life.told
    ]
    assert [lack for lack, _ in missed(life)] == ["question"]


def test_a_decision_about_what_is_not_there_is_named() -> None:
    """It knew an aggregate that the log has not."""
    life = lived("rules")
    life.told = [
        replace(d, aggregate_ids=["gone"]) if isinstance(d, Decision) else d for d in life.told
    ]
    assert {lack for lack, _ in missed(life)} == {"context"}


def test_of_an_id_that_was_said_twice_the_first_counts() -> None:
    """What a zombie wrote later is not what readers keep."""
    life = lived("rules")
    life.analyses.append(replace(life.analyses[-1], text="later"))
    life.told += [replace(d, reasons=["later"]) for d in life.told if isinstance(d, Decision)]
    assert equal(life.replayed()) == life.first()


def test_an_answered_survivor_of_before_counts_over_its_coalescence() -> None:
    """A candidate that was taken over, and made again by the next start, which answered it first."""
    life = Life()
    life.read(market(low=90.0))
    life.read(market(number=1, low=80.0))
    fates = [d.outcome for d in life.told if isinstance(d, Decision)]
    assert fates == ["coalesced"]
    life.log.pop()  # it is logged later, for the next start
    life.crash()
    life.answer("model")
    life.read(market(number=1, low=80.0))
    life.end()
    assert equal(life.replayed()) == life.first()
    assert len(life.first()) == 2


def narrated(*acts: str) -> Life:
    """Return a life of flat minutes, whose states have these answers in turn."""
    life = Life()
    for number in range(40):
        life.read(market(number=number))
        if len(life.inbox):
            life.answer(acts[min(len(life.analyses), len(acts) - 1)])
    life.end()
    return life


@pytest.mark.parametrize("act", ["l1", "stale"])
def test_what_was_said_again_is_said_again(act: str) -> None:
    """With whose words they were, and how old."""
    life = narrated("model", "model", act)
    assert life.again
    again = [one for one in equal(life.replayed()).values() if one.narrative_attempt_id]  # type: ignore[attr-defined]
    assert len(again) == life.again
    assert {one.origin for one in again} == {"cache" if act == "l1" else "cache_stale"}  # type: ignore[attr-defined]


def test_words_that_the_journal_does_not_have_are_named() -> None:
    """A place that is not trusted may say what nobody ever paid for: a replay finds it."""
    life = narrated("model", "model", "l1")
    (theirs,) = {one.narrative_attempt_id for one in life.analyses} - {None}
    life.entries = [one for one in life.entries if one.attempt_id != theirs]
    named = missed(life)
    assert {lack for lack, _ in named} == {"journal"}
    assert len(named) == 1 + life.again


def test_words_that_were_altered_after_they_were_paid_for_are_named() -> None:
    """The analysis has others than the journal."""
    life = narrated("model", "model", "l1")
    at = next(n for n, one in enumerate(life.analyses) if one.origin == "cache")
    life.analyses[at] = replace(life.analyses[at], text="All is well.")
    assert missed(life) == [("analysis", life.analyses[at].analysis_id)]


def test_what_was_read_of_posts_bears_again() -> None:
    """Out of its answer in the journal: the posts are gone, and the question is not made again."""
    life = lived("doubted", "read", "model")
    said = equal(life.replayed())
    doubted, read, _, *_ = life.analyses
    assert said == life.first()
    assert doubted.confidence_basis.endswith("posts look coordinated")
    assert len(doubted.attempt_ids) == len(read.attempt_ids) == 2
    assert doubted.cost_nano_usd == 2 * 150_000
    life.entries = [entry for entry in life.entries if entry.attempt_id != read.attempt_ids[0]]
    assert missed(life) == [("journal", read.analysis_id)]


def test_a_question_about_posts_is_no_answer_of_the_model() -> None:
    """A decision that was called and names nothing else has no item."""
    life = lived("doubted")
    calls = [one for one in life.told if isinstance(one, Decision) and one.outcome == "called"]
    (decision,) = calls
    asked = replace(decision, attempt_ids=decision.attempt_ids[:1])
    life.told = [asked if one is decision else one for one in life.told]
    assert missed(life) == [("journal", decision.decision_id)]
