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
    NOTED_MAX,
    SLOTS_MAX,
    Fact,
    facts_of,
    headline,
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


def test_a_text_tells_what_is_noted_after_what_is_not() -> None:
    """Each list in a sentence of its own, bounded, and the headline begins with what is unusual."""
    facts = noted(unusual=["{s_3}"], changed=["{s_4}"])
    written = text(facts, Dice(b""))
    plain, _, rest = written.partition("Unusual against its own past: volume {s_3}.")
    assert _USED.findall(plain) == ["s_0", "s_1", "s_2"]
    assert rest.startswith(" Other than before: volume {s_4}.")
    assert "{s_3}" in headline(facts, Dice(b""))
    many = [Fact(f"s_{at}", "volume", "unusual") for at in range(NOTED_MAX + 5)]
    assert len(_USED.findall(text(many, Dice(b"")).partition("Unusual")[2])) == NOTED_MAX


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
