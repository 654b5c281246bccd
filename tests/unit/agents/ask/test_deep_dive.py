"""What a deep dive is told beside its facts: what changed, what is unusual, what contradicts what, what is missing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.answer.reading import told_of as read
from agents.answer.rules import analyse, template_of
from agents.answer.slots import rendered, unknown_in
from agents.answer.thorough import lack_in, unsaid_in
from agents.answer.verdict import Rejected, judge
from agents.ask.deep_dive import NOTHING_MISSING
from agents.ask.prompt import prompt_of, verdict_of
from agents.decide.candidate import Candidate
from agents.decide.facts import slots_of
from agents.fake_claude.dice import Dice
from agents.fake_claude.prose import facts_of, headline, missing_of, text
from tests.strategies.aggregates import histories
from tests.unit.agents.answer.moments import FALL, RISE
from tests.unit.agents.answer.situations import SITUATIONS
from tests.unit.agents.candidates import candidate_of
from topics import Aggregate

from .golden import CASES, MODEL, earlier

ANSWER = {
    "headline": "a line",
    "text": "a text",
    "confidence": "low",
    "outlook": "unclear",
    "outlook_strength": "none",
}


def told_of(made: Candidate) -> dict[str, Any]:
    """Return what is told of a candidate."""
    told: dict[str, Any] = json.loads(prompt_of(made, MODEL).user)
    return told


def judged(text: str, made: Candidate) -> str:
    """Return why an answer with this text is rejected, or what it reads."""
    answer = json.dumps(ANSWER | {"text": text})
    verdict = verdict_of(answer, made, prompt_of(made, MODEL))
    return verdict.reason if isinstance(verdict, Rejected) else verdict.text


def test_what_changed_is_since_the_last_analysis() -> None:
    """Direction, severity, reasons, facts that moved with their slots and what they were, the data: as code finds them."""
    told = told_of(earlier(FALL, SITUATIONS["quiet"]))["changed"]
    assert told[:2] == ["direction was flat, is down", "severity was info, is warning"]
    assert "price change over 5m (BTC/USDT) {return_5m_usdt}, was +0.05%" in told
    assert told_of(FALL)["changed"] == []


def test_the_words_of_the_last_analysis_are_not_told() -> None:
    """They may be a model's: one answer would steer the next."""
    made = earlier(FALL, SITUATIONS["quiet"])
    assert made.last is not None
    user = prompt_of(made, MODEL).user
    assert made.last.headline not in user
    assert made.last.text not in user
    assert (
        prompt_of(replace(made, last=replace(made.last, headline="x", text="y")), MODEL).user
        == user
    )


def test_what_is_unusual_and_what_contradicts_is_told_as_the_rules_find_it() -> None:
    """The most unusual first, with its size; and a rise without volume."""
    assert told_of(SITUATIONS["crash with scores"])["unusual"][0].startswith(
        "price change {return_1m_usdt}"
    )
    thin = "The rise over 1m is on thin volume, {volume_ratio_1m_usdt} usual."
    assert thin in told_of(RISE)["contradicts"]
    assert told_of(SITUATIONS["quiet"])["contradicts"] == []


def test_a_score_is_told_with_its_fact() -> None:
    """As a slot shows it; nothing where there is none."""
    facts = {fact["slot"]: fact for fact in told_of(SITUATIONS["crash with scores"])["facts"]}
    assert facts["return_1m_usdt"]["z"] == "-21.4"
    assert "z" not in facts["close_1m_usdt"]


def test_what_is_missing_is_named() -> None:
    """Holes and short histories in words, and every kind of which nothing is known."""
    missing = told_of(SITUATIONS["holed and silent"])["data"]["missing"]
    assert "data are missing from github" in missing
    assert missing[-2:] == ["nothing is known of reported volumes", "nothing is known of posts"]
    whole = replace(FALL, quality=replace(FALL.quality, words=""))
    assert told_of(whole)["data"]["missing"] == [NOTHING_MISSING]


@pytest.mark.parametrize("name", CASES)
def test_every_sentence_that_is_told_can_be_rendered(name: str) -> None:
    """Its slots are those of the candidate's facts, so what the model takes over from it is filled."""
    made = CASES[name][0]
    slots, told = slots_of(made.facts), told_of(made)
    for sentence in (*told["changed"], *told["unusual"], *told["contradicts"]):
        assert unknown_in(sentence, slots) is None
        assert "{" not in rendered(sentence, slots)


def test_a_slot_that_was_not_told_cannot_be_used() -> None:
    """The analysis has the fact, but whoever writes its name has not seen it."""
    made, tokens_max = CASES["trimmed"]
    prompt = prompt_of(made, MODEL, tokens_max)
    untold = [slot for slot in slots_of(made.facts) if slot not in (prompt.slots or ())]
    spike = "{volume_1m_usdt}"
    for slot, reason in ((untold[0], "unknown_slot"), ((prompt.slots or ())[0], None)):
        answer = json.dumps(ANSWER | {"text": f"It is at {{{slot}}} on {spike}."})
        verdict = verdict_of(answer, made, prompt)
        assert (verdict.reason if isinstance(verdict, Rejected) else None) == reason


def test_what_is_most_unusual_has_to_be_named() -> None:
    """By a slot of its metric, in whatever window, or by its ratio; a deep dive without it has missed the point."""
    scored = SITUATIONS["crash with scores"]
    assert judged("Nothing much to say.", scored) == "incomplete"
    assert judged("Volume was {volume_1m_usdt}.", scored) == "incomplete"
    assert judged("It fell {return_1m_usdt}.", scored).startswith("It fell 5.50%")
    assert judged("Over the hour it fell {return_1h_usdt}.", scored).startswith("Over the hour")
    little = json.dumps(ANSWER | {"text": "Nothing much to say."})
    assert not isinstance(judge(little, replace(scored, product="state")), Rejected)


def test_a_ratio_names_what_it_is_of() -> None:
    """To whoever reads, "on so many times the usual volume" names the volume."""
    loud = CASES["trimmed"][0]
    assert judged("It fell {return_1m_usdt}.", loud) == "incomplete"
    assert judged("It fell on {volume_ratio_1m_usdt} the usual volume.", loud).endswith("volume.")


def test_what_is_only_a_little_unusual_may_be_left_out() -> None:
    """Five times the usual volume is worth a sentence, and not a rejected answer."""
    assert judged("Nothing much to say.", SITUATIONS["jump on full volume"]).startswith("Nothing")


def test_rules_name_what_must_be_named() -> None:
    """The text that takes an incomplete answer's place is not incomplete itself."""
    for made in SITUATIONS.values():
        told = read(made.facts)
        assert unsaid_in(template_of(told), told, told.slots) is None


HOLED = "data are missing from okx"
SILENT = "no word from kraken"
SHORT = "only 3 earlier windows to compare with"


def poor(words: str = "", **changes: Any) -> Candidate:
    """Return a candidate whose data are poor in these ways."""
    return replace(
        FALL, quality=replace(FALL.quality, words=words, **({"short_history": False} | changes))
    )


@pytest.mark.parametrize(
    ("made", "named", "unnamed"),
    [
        (
            poor(HOLED, completeness="holed"),
            ["Data are missing from okx.", "There is a hole in okx.", "The trades have gaps."],
            ["All is well.", "Kraken is silent.", "The history is short."],
        ),
        (
            poor(SILENT, stale_feeds=["kraken"]),
            ["Nothing is heard of Kraken.", "A venue is silent.", "There is no word from one venue."],
            ["All is well.", "Few earlier windows to compare with.", "The market is quiet."],
        ),
        (
            poor("posts are not up to date", stale_feeds=["social"]),
            ["The posts are stale.", "Posts are not up to date.", "The posts are missing."],
            ["All is well.", "Posts are as usual."],
        ),
        (
            poor(SHORT, short_history=True),
            ["The history is short.", "There are only three earlier windows.", "It has little to compare with."],
            ["All is well.", "It is far from its own past.", "Kraken is silent."],
        ),
    ],
)  # fmt: skip
def test_what_makes_the_data_poor_has_to_be_named(
    made: Candidate, named: list[str], unnamed: list[str]
) -> None:
    """In one of many ways to say it: a reader who is not told takes the rest for better than it is."""
    made = replace(made, facts=tuple(replace(fact, sample_size=3) for fact in made.facts))
    for words in named:
        assert judged(words, made) == words
    for words in unnamed:
        assert judged(words, made) == "incomplete"


def test_each_of_the_ways_in_which_data_are_poor_has_to_be_named() -> None:
    """One does not stand for another; a state narrative is held to none of them."""
    made = poor(f"{HOLED}; {SILENT}", completeness="holed", stale_feeds=["kraken"])
    assert judged("There is a hole in okx.", made) == "incomplete"
    assert judged("There is a hole in okx, and kraken is silent.", made).startswith("There is")
    little = json.dumps(ANSWER | {"text": "Nothing much to say."})
    assert not isinstance(judge(little, replace(made, product="state")), Rejected)


def test_what_cannot_be_proven_and_what_is_never_known_may_be_left_out() -> None:
    """Most venues number nothing, and most assets have no posts: to say so every time would say nothing."""
    made = poor(
        "a venue's numbers cannot prove that nothing is missing", completeness="unverifiable"
    )
    assert judged("All is well.", made) == "All is well."


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_the_question_calls_missing_is_said_in_words_that_are_taken(name: str) -> None:
    """Whoever says it as the question does is not rejected for it; rules say it so too."""
    made = SITUATIONS[name]
    said = "; ".join(told_of(made)["data"]["missing"])
    assert lack_in(said, made.quality) is None
    assert lack_in(analyse(made).text, made.quality) is None


@given(histories(max_size=40), st.binary(max_size=16), st.integers(4_000, 9_000))
def test_whatever_is_asked_an_answer_that_heeds_the_notes_is_taken(
    log: list[Aggregate], seed: bytes, tokens_max: int
) -> None:
    """The fake's words, of any market in any room: nothing unsaid, and no slot that was not told."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if not own:
        return
    made = candidate_of(own)
    prompt = prompt_of(earlier(made, candidate_of(own[:1])), MODEL, tokens_max)
    body = {"messages": [{"role": "user", "content": prompt.user}]}
    facts, missing = facts_of(body), missing_of(body)
    said = {"headline": headline(facts, Dice(seed)), "text": text(facts, Dice(seed), missing)}
    verdict = verdict_of(json.dumps(ANSWER | said), made, prompt)
    assert not isinstance(verdict, Rejected), verdict
