import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.dice import Dice
from agents.fake_claude.prose import (
    FACTS_MAX,
    HEADLINE_CHARS_MAX,
    LABEL_CHARS_MAX,
    MISSING_CHARS_MAX,
    MISSING_MAX,
    NOTED_MAX,
    SLOTS_MAX,
    TEXT_CHARS_MAX,
    Fact,
    facts_of,
    headline,
    missing_of,
    text,
    write,
)

from .wire import asking

_SLOTS = st.from_regex(r"[a-z_][a-z0-9_]{0,30}", fullmatch=True)
_FACTS = st.lists(
    st.fixed_dictionaries({"slot": _SLOTS, "label": st.text(max_size=80)}),
    unique_by=lambda fact: fact["slot"],
    max_size=8,
)
_USED = re.compile(r"\{(\w+)\}")


def told(facts: list[dict[str, Any]], around: str = "") -> list[Fact]:
    """Return the facts found in a prompt that holds these."""
    return facts_of(asking(f"{around}{json.dumps({'facts': facts})}{around}"))


@settings(deadline=None)
@given(_FACTS, st.binary(max_size=32))
def test_the_model_writes_words_and_slots_and_never_a_number(
    facts: list[dict[str, str]], seed: bytes
) -> None:
    """Whatever the labels hold: outside its slots a text has no digit, and its slots are given ones."""
    found = told(facts)
    assert [fact.slot for fact in found] == [fact["slot"] for fact in facts]
    for written in (headline(found, Dice(seed)), text(found, Dice(seed))):
        slots = _USED.findall(written)
        assert len(slots) <= SLOTS_MAX
        assert set(slots) <= {fact["slot"] for fact in facts}
        words = _USED.sub("", written)
        assert not any(char.isnumeric() for char in words), written
        assert "{" not in words


def test_a_request_without_a_user_message_has_no_facts() -> None:
    """Instructions alone are no facts."""
    facts = json.dumps({"facts": [{"slot": "a", "label": "x"}]})
    assert facts_of(asking(messages=[{"role": "system", "content": facts}])) == []


@settings(deadline=None)
@given(_FACTS, st.binary(max_size=32))
def test_a_headline_has_at_most_its_characters(facts: list[dict[str, str]], seed: bytes) -> None:
    """Its slots are whole even where they do not all fit."""
    assert len(headline(told(facts), Dice(seed))) <= HEADLINE_CHARS_MAX


def test_a_headline_leaves_out_the_facts_that_do_not_fit() -> None:
    """Two of these three do not, and none of a longer kind."""
    facts = [{"slot": f"{'s' * 20}_{at}", "label": "word " * 8} for at in range(3)]
    line = headline(told(facts), Dice(b""))
    assert (len(_USED.findall(line)), len(line) <= HEADLINE_CHARS_MAX) == (1, True)
    long = [{"slot": "s" * 64, "label": "word " * 8}]
    assert headline(told(long), Dice(b"")).endswith(": see the text")


def test_a_text_tells_as_many_facts_as_it_may() -> None:
    """A reader gets something to read."""
    facts = [{"slot": f"s{at}", "label": "price return"} for at in range(5)]
    assert len(_USED.findall(text(told(facts), Dice(b"")))) == SLOTS_MAX
    assert len(_USED.findall(headline(told(facts), Dice(b"")))) == SLOTS_MAX


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("price return", "price return"),
        ("price return (1 m)", "price return"),
        ("5m volume z-score", "volume z-score"),
        ("price change over 5m (BTC/USDT)", "price change over five minutes"),
        ("volume over the 1m to 12:05 UTC (BTC/USDT)", "volume over a minute"),
        ("turnover of 24 hours over 1h (BTC)", "turnover of a day over an hour"),
        ("{ret_1m} of <b>x</b>", "of b x b"),
        ("42 %", "the value"),
        ("", "the value"),
        ("word " * 40, " ".join(["word"] * 9)),
    ],
)
def test_a_label_is_reduced_to_its_words(label: str, plain: str) -> None:
    """Neither its numbers nor its marks reach the text, and it is bounded between words."""
    assert [fact.label for fact in told([{"slot": "a", "label": label}])] == [plain]
    assert len(plain) <= LABEL_CHARS_MAX


def noted(**notes: object) -> list[Fact]:
    """Return the facts of a prompt of five, with sentences of its own on some."""
    facts = [{"slot": f"s_{at}", "label": "volume"} for at in range(5)]
    return facts_of(asking(json.dumps({"facts": facts, **notes})))


def test_what_the_prompt_notes_of_a_slot_is_known() -> None:
    """By the list whose sentence holds it: what is unusual before what contradicts before what changed."""
    facts = noted(
        changed=["volume {s_0}, was much", "{s_1} {s_2}"],
        unusual=["volume {s_1} against a usual {s_1.usual} (z {s_1.z})"],
        contradicts=["{s_2} and {s_9} are at odds"],
    )
    assert [fact.note for fact in facts] == ["changed", "unusual", "contradicts", "", ""]


@pytest.mark.parametrize("notes", ["none", 5, [1], [["{s_0}"]], {"{s_0}": 1}])
def test_what_is_no_note_is_passed_over(notes: object) -> None:
    """Anything but a list of sentences."""
    assert {fact.note for fact in noted(unusual=notes)} == {""}


def test_a_text_tells_what_is_noted_and_no_more() -> None:
    """Each list in a sentence of its own, bounded, in the order that is asked for; the headline begins with what is unusual."""
    facts = noted(contradicts=["{s_1}"], unusual=["{s_3}"], changed=["{s_4}"])
    told = text(facts, Dice(b"")).split(". ")[1:-1]
    assert told == [
        "Other than at the last look: volume {s_4}",
        "Unusual against its own past: volume {s_3}",
        "At odds with what else is known: volume {s_1}",
    ]
    assert "{s_3}" in headline(facts, Dice(b""))
    many = [Fact(f"s_{at}", "volume", "unusual") for at in range(NOTED_MAX + 5)]
    assert len(_USED.findall(text(many, Dice(b"")).partition("Unusual")[2])) == NOTED_MAX


def test_what_was_usual_is_told_of_what_is_unusual() -> None:
    """Where the prompt has it; of what only changed it is not."""
    facts = [{"slot": slot, "label": "volume", "usual": "11 BTC"} for slot in ("a", "b")]
    body = asking(json.dumps({"facts": facts, "unusual": ["{a}"], "changed": ["{b}"]}))
    written = text(facts_of(body), Dice(b""))
    assert "volume {a}, usually {a.usual}." in written
    assert "{b.usual}" not in written


def test_the_instrument_is_named_where_there_are_several() -> None:
    """Two volumes without it could not be told apart; one needs no name."""
    two = [{"slot": f"s_{at}", "label": f"volume ({of})"} for at, of in enumerate(("A/B", "A/C"))]
    assert [fact.label for fact in told(two)] == ["volume of A B", "volume of A C"]
    assert [fact.label for fact in told(two[:1])] == ["volume"]


def lacking(*missing: object) -> list[str]:
    """Return what is read of a prompt that says so of its data."""
    facts = [{"slot": "a", "label": "volume"}]
    return missing_of(asking(json.dumps({"facts": facts, "data": {"missing": missing}})))


def test_what_is_missing_is_told_in_words_alone() -> None:
    """In a sentence of its own, numbers as "a few"; nothing where the prompt says that nothing is missing."""
    missing = lacking(
        "no word from gate.io, kraken", "only 3 earlier windows", "1 fact left out", "{}"
    )
    assert missing == [
        "no word from gate io, kraken",
        "only a few earlier windows",
        "one fact left out",
    ]
    written = text([Fact("a", "volume")], Dice(b""), missing)
    assert f" Of the data: {'; '.join(missing)}. " in written
    assert "{a}" in written
    assert "Of the data" not in text(
        [Fact("a", "volume")], Dice(b""), lacking("nothing known to be missing")
    )
    assert "; ".join(missing) in text([], Dice(b""), missing)


@pytest.mark.parametrize("data", ["none", 5, {"missing": "none"}, {"missing": [1]}, {}])
def test_what_is_no_list_of_what_is_missing_is_passed_over(data: object) -> None:
    """Anything but a list of sentences."""
    facts = [{"slot": "a", "label": "volume"}]
    assert missing_of(asking(json.dumps({"facts": facts, "data": data}))) == []
    assert missing_of(asking(json.dumps({"data": {"missing": ["all"]}}))) == []


@given(st.lists(st.text(max_size=300), max_size=12))
def test_what_is_missing_never_brings_a_number_in(sentences: list[str]) -> None:
    """Whatever the sentences hold, and how many there are: bounded, no digit and no brace."""
    missing = lacking(*sentences)
    assert len(missing) <= MISSING_MAX
    for words in missing:
        assert len(words) <= MISSING_CHARS_MAX
        assert not any(char.isnumeric() or char in "{}" for char in words)


def test_a_text_is_bounded_by_telling_less_of_what_is_not_unusual() -> None:
    """Of each other list fewer, until it fits; what is unusual has to be named."""
    facts = [
        Fact(f"{note}_{'s' * 50}_{at}", "word " * 9, note)
        for note in ("unusual", "contradicts", "changed")
        for at in range(4 if note == "unusual" else NOTED_MAX)
    ]
    written = text(facts, Dice(b""))
    assert len(written) <= TEXT_CHARS_MAX
    assert len(re.findall(r"\{unusual", written)) == 4
    assert len(re.findall(r"\{changed", written)) == NOTED_MAX // 4


def test_facts_are_found_inside_prose_and_behind_other_objects() -> None:
    """A prompt may say things around its JSON, braces too."""
    body = asking(
        'Set { of {"a": 1} things: {"state": {"facts": [{"slot": "no", "label": "no"}]}} '
        'then {"facts": [{"slot": "yes", "label": "volume"}]} and {"facts": []}.'
    )
    assert facts_of(body) == [Fact("yes", "volume")]


def test_facts_come_from_the_last_user_message_only() -> None:
    """An earlier turn is over."""

    def turn(role: str, slot: str) -> dict[str, Any]:
        return {"role": role, "content": json.dumps({"facts": [{"slot": slot, "label": "x"}]})}

    body = asking(messages=[turn("user", "a"), turn("assistant", "b"), turn("user", "c")])
    assert [fact.slot for fact in facts_of(body)] == ["c"]


@pytest.mark.parametrize(
    "facts",
    [
        "none", 5, [1], [{"slot": "a"}], [{"label": "a"}], [{"slot": "a b", "label": "x"}],
        [{"slot": "1a", "label": "x"}], [{"slot": "a}", "label": "x"}], [{"slot": 1, "label": "x"}],
    ],
)  # fmt: skip
def test_what_is_no_fact_is_passed_over(facts: object) -> None:
    """The text then says that there is none."""
    body = asking(json.dumps({"facts": facts}))
    assert facts_of(body) == []
    assert "no facts" in text([], Dice(b""))


def test_the_facts_read_are_bounded() -> None:
    """One more is not looked at."""
    facts = [{"slot": f"s{at}", "label": "x"} for at in range(FACTS_MAX + 1)]
    assert len(told(facts)) == FACTS_MAX


@pytest.mark.parametrize("hostile", ["{" * 100_000, '{"a":' * 100_000, '{"facts":[' * 50_000])
def test_a_hostile_prompt_costs_little_and_breaks_nothing(hostile: str) -> None:
    """Neither deep nesting nor many braces."""
    assert told([{"slot": "a", "label": "x"}], hostile) == []


def test_a_field_is_written_by_its_name() -> None:
    """``headline`` and ``text`` tell facts at any depth; another field holds a phrase."""
    facts = [Fact("a", "volume")]
    assert "{a}" in write("/items/0/headline", facts, Dice(b""))
    assert "{a}" in write("/text", facts, Dice(b""))
    assert "{" not in write("/note", facts, Dice(b""))
