"""A state narrative: what an answer may say of a state, and what becomes of it for the facts of an asset."""

import json
from itertools import product

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from agents.answer.leaks import Confidential
from agents.answer.narrative import (
    NARRATIVE_SCHEMA,
    SLOTS,
    Narrative,
    judge,
    render,
    slots_for,
)
from agents.answer.rules import analyse
from agents.answer.slots import SLOT
from agents.answer.verdict import Rejected
from agents.answer.words import Words
from agents.decide.candidate import Candidate
from agents.decide.context import Labels
from agents.decide.facts import facts_of
from agents.decide.fingerprint import Fingerprint
from agents.settings import GateSettings
from tests.strategies.aggregates import calm, histories, holed, market, social
from tests.unit.agents.candidates import candidate_of, context_of
from topics import Aggregate

RISE: Labels = (
    ("direction", "up"),
    ("volume", "high"),
    ("regime", "falling"),
    ("data", "complete"),
)
FLAT: Labels = (("direction", "flat"), ("volume", "usual"), ("data", "complete"))


def answer(text: str = "The price rose {return_1m}.", headline: str = "{symbol} rose") -> str:
    """Return an answer as the API gives it."""
    return json.dumps({"headline": headline, "text": text})


def reason(text: str, labels: Labels = RISE) -> str | None:
    """Return why a text is refused of a state."""
    verdict = judge(answer(text, "{symbol} at {close_1m}"), labels)
    return verdict.reason if isinstance(verdict, Rejected) else None


def state_of(log: list[Aggregate]) -> Candidate:
    """Return the candidate of a state that these windows make, with its words."""
    context, state = context_of([]), Fingerprint()
    context.asset = log[0].asset
    for aggregate in log:
        context.take(aggregate)
        state.take(aggregate, context, GateSettings())
    facts = facts_of(context, state.main)
    return candidate_of(log, product="state", labels=state.labels, lead=state.main, facts=facts)


RISEN = state_of([*calm(12), market(number=12, last=101.0, volume=30.0)])


@pytest.mark.parametrize(
    "text",
    [
        "The price rose {return_1m} to {close_1m}.",
        "{symbol} rose on heavy volume, {volume_ratio_1m} the usual.",
        "Over the last minute {symbol} gained {return_1m}, although over the hour it fell {return_1h}.",
        "A minute up against a falling hour; volume is higher than usual.",
        "It did not fall within the minute.",
    ],
)
def test_what_the_words_bear_out_may_be_said(text: str) -> None:
    """With the slots that go with them, and of no asset."""
    assert judge(answer(text), RISE) == Narrative("{symbol} rose", text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The price fell {return_1m}.", "wrong_sign"),
        ("The price rose over the hour, {return_1h}: it rose {return_1h}.", "wrong_sign"),
        ("Volume dropped to {volume_ratio_1m} the usual.", "wrong_sign"),
        ("Posts rose while the price did.", "wrong_sign"),
        ("The tone of posts fell.", "wrong_sign"),
        ("Development dropped.", "wrong_sign"),
        ("Volatility rose.", "wrong_sign"),
        ("It rose {return_5m}.", "unknown_slot"),
        ("It rose {return_1m_usdt}.", "unknown_slot"),
        ("There were {posts_5m} posts.", "unknown_slot"),
        ("It rose, usually {return_1m.usual}.", "unknown_slot"),
        ("Its score is {volume_ratio_1m.z}.", "unknown_slot"),
        ("It is {symbol.usual}.", "unknown_slot"),
        ("It rose {return_1m", "broken_slot"),
        ("It rose 1.2%.", "ungrounded_number"),
        ("Volume doubled.", "ungrounded_number"),
        ("It rose {return_1m} over the hour.", "wrong_window"),
        ("It rose {return_1m} bps.", "wrong_unit"),
        ("It rose to ${close_1m}.", "wrong_unit"),
        ("It rose to {close_1m} {symbol}.", "wrong_unit"),
        ("BTC rose.", "other_asset"),
        ("SYMBOL rose.", "other_asset"),
        ("Bitcoin rose.", "other_asset"),
        ("It rose to {close_1m} USDT.", "wrong_unit"),
        ("Buy it.", "advice"),
        ("It will rise further.", "advice"),
        ("See evil.com.", "link"),
        ("It rose <b>fast</b>.", "odd_character"),
        ("A volatile minute.", "wrong_label"),
        ("It rose on thin volume.", "wrong_label"),
        ("The volume is light.", "wrong_label"),
        ("It goes sideways.", "wrong_label"),
        ("An uptrend of an hour.", "wrong_label"),
        ("A gloomy mood.", "wrong_label"),
    ],
)
def test_what_the_words_do_not_bear_out_is_refused(text: str, why: str) -> None:
    """By name, whatever facts it will meet: it would be wrong of some asset in that state."""
    assert reason(text) == why


@pytest.mark.parametrize("claim", ["rose", "fell"])
def test_of_what_is_flat_nothing_moved(claim: str) -> None:
    """Neither way, with a slot or without."""
    assert reason(f"The price {claim}.", FLAT) == "wrong_sign"
    assert reason(f"It {claim} {{return_1m}}.", FLAT) == "wrong_sign"
    assert reason("Little changed at {return_1m}.", FLAT) is None


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "{}",
        answer(" "),
        answer("t" * 601),
        answer(headline="h" * 101),
        answer()[:-1] + ', "confidence": "low"}',
    ],
)
def test_what_is_not_the_schema_is_a_break(text: str) -> None:
    """Lengths included."""
    verdict = judge(text, RISE)
    assert isinstance(verdict, Rejected)
    assert verdict.reason == "schema_break"


def test_the_schema_is_the_same_as_what_is_decoded() -> None:
    """Names and types; all required."""
    fields = msgspec.structs.fields(Narrative)
    assert [field.name for field in fields] == NARRATIVE_SCHEMA["required"]
    properties = NARRATIVE_SCHEMA["properties"]
    assert isinstance(properties, dict)
    assert {name: told["type"] for name, told in properties.items()} == {
        field.name: "string" for field in fields
    }


def test_what_is_confidential_does_not_come_back() -> None:
    """The marker, and our own words, in whatever else is wrong."""
    secrets = Confidential(
        canary="qwertyuiopasdfgh", instructions="say how the asset is in one line and no more"
    )
    for text in ("It is qwertyuiop asdfgh.", "Say how the asset is in one line and no more."):
        verdict = judge(answer(text), RISE, secrets)
        assert isinstance(verdict, Rejected)
        assert verdict.reason == "leak"


def test_a_narrative_is_filled_with_the_numbers_of_an_asset() -> None:
    """Its name, its values, what is said of its data, and the confidence that rules have; no outlook."""
    text = "{symbol} rose {return_1m} to {close_1m} on {volume_ratio_1m} the usual volume."
    made = judge(answer(text, "{symbol} up {return_1m}"), RISEN.labels)
    assert isinstance(made, Narrative)
    words = render(made, RISEN)
    assert isinstance(words, Words)
    assert words.headline == "BTC up 1.00%"
    assert words.text == "BTC rose 1.00% to 101 USDT on 3.0x the usual volume."
    said = analyse(RISEN)
    assert (words.confidence, words.confidence_basis) == (said.confidence, said.confidence_basis)
    assert words.outlook is None


def test_the_same_narrative_serves_another_asset() -> None:
    """That is in the same state, whatever its numbers."""
    other = state_of(
        [
            *calm(12, "DOGE/USD"),
            market("DOGE/USD", 12, first=0.25, last=0.2525, volume=21.0, completeness=holed()),
        ]
    )
    assert dict(other.labels) == dict(RISEN.labels) | {"data": "gaps"}  # as coarse as that
    words = render(Narrative("{symbol} at {close_1m}", "It rose {return_1m}."), other)
    assert isinstance(words, Words)
    assert words.headline == "DOGE at 0.2525 USD"
    assert words.text == "It rose 1.00%. Mind the data: data are missing from binance."


@pytest.mark.parametrize(
    ("text", "changed", "inner"),
    [
        (
            "It rose {return_1m}.",
            {"facts": state_of([*calm(12), market(number=12, last=99.0)]).facts},
            "wrong_sign",
        ),
        ("It rose {return_1m}.", {"facts": ()}, "unknown_slot"),
        ("It is at {posts_5m}.", {}, "unknown_slot"),
        ("It is at {volume_ratio_1m}.", {"labels": RISEN.labels[:1]}, "unknown_slot"),
        ("It rose {return_1m} bps.", {}, "wrong_unit"),
        ("It rose {return_1m} over the hour.", {}, "wrong_window"),
        ("It rose.", {"lead": "BTC/EUR"}, "unknown_slot"),
        ("{symbol} rose.", {"asset": "B" * 24, "lead": "BTC/USDT"}, None),
        ("{symbol} " * 1_100, {}, "too_long"),
    ],
)
def test_what_does_not_fit_the_moment_is_refused_at_the_render(
    text: str, changed: dict[str, object], inner: str | None
) -> None:
    """Slot, sign and unit, each time, under one name that says which."""
    found = render(Narrative("{symbol}", text), replace(RISEN, **changed))
    if inner is None:
        assert isinstance(found, Words)
    else:
        assert isinstance(found, Rejected)
        assert (found.reason, found.message.partition(":")[0]) == ("render_rejected", inner)


def test_a_headline_that_is_too_long_once_filled_is_refused() -> None:
    """The contract's bound holds for what is published."""
    line = " ".join(["{symbol}"] * 11)
    found = render(Narrative(line, "It rose."), replace(RISEN, asset="A" * 24))
    assert isinstance(found, Rejected)
    assert found.message.startswith("too_long")


def test_every_slot_has_what_it_shows_where_its_word_is_known() -> None:
    """So a narrative that was judged fits wherever nothing is missing."""
    log = [*calm(12), *(social(number=n, posts=30) for n in range(3))]
    made = state_of([*log, market(number=15)])
    found = render(
        Narrative("{symbol}", " and ".join(f"{{{s.name}}}" for s in slots_for(made.labels))), made
    )
    assert isinstance(found, Words), found
    assert "{" not in found.text
    assert {slot.of for slot in SLOTS} >= {of for of, _ in made.labels} - {"data"}


@given(histories(max_size=40))
def test_whatever_the_facts_what_is_rendered_has_no_open_slot(log: list[Aggregate]) -> None:
    """A narrative without claims is filled whole, or refused by its one name; it never raises."""
    own = [aggregate for aggregate in log if aggregate.asset == "BTC"]
    if not own:
        return
    made = state_of(own)
    for slot in SLOTS:
        found = render(Narrative("{symbol}", f"Measured at {{{slot.name}}}."), made)
        if isinstance(found, Words):
            assert not SLOT.search(found.text)
        else:
            assert found.reason == "render_rejected"


@given(histories(max_size=40))
def test_what_is_said_of_a_state_holds_of_the_facts_it_is_of(log: list[Aggregate]) -> None:
    """A claim that the words bear out is not refused at the render, where no gap keeps a word."""
    own = [replace(one, completeness=calm(1)[0].completeness) for one in log if one.asset == "BTC"]
    if not own:
        return
    made = state_of(own)
    if made.lead is None:  # no minute that says anything of now: the gate asks with one
        return
    words = dict(made.labels)
    claims = {
        ("direction", "up"): "The price rose {return_1m}.",
        ("direction", "down"): "The price fell {return_1m}.",
        ("volume", "high"): "Volume is higher, at {volume_ratio_1m} the usual.",
        ("volume", "low"): "Volume is lower, at {volume_ratio_1m} the usual.",
        ("posts", "high"): "Posts rose to {posts_5m}.",
    }
    for (of, word), text in claims.items():
        if words.get(of) == word:
            assert isinstance(judge(answer(text, "{symbol}"), made.labels), Narrative)
            found = render(Narrative("{symbol}", text), made)
            assert isinstance(found, Words), found


def test_every_state_has_slots_and_a_fitting_text() -> None:
    """Each word by itself: what it says of itself is accepted."""
    for of, word in product(("direction",), ("up", "down", "flat")):
        assert isinstance(
            judge(answer(f"The {of} is {word}.", "{symbol}"), ((of, word),)), Narrative
        )
