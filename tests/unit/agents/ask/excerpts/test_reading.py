"""What comes out of a quarantined call: words of closed lists and counts, or `unclear`."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ask.excerpts.reading import SCHEMA, UNCLEAR, Reading, reading_of
from tests.injection import ALL_ATTACKS
from tests.strategies.contracts import events

GOOD = {
    "topic": "listing",
    "tone": "positive",
    "coordinated": "yes",
    "promotional": 3,
    "instructing": 1,
}
ASKED = 5


def said(**changes: Any) -> str:
    """Return an answer with these changes."""
    return json.dumps(GOOD | changes)


def test_an_answer_in_order_is_taken_as_it_is() -> None:
    """Up to as many as were shown."""
    assert msgspec.to_builtins(reading_of(said(), ASKED)) == GOOD
    assert reading_of(said(promotional=ASKED, instructing=ASKED), ASKED).promotional == ASKED


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "SOL will rise.",
        "[]",
        "null",
        "[" * 100_000,
        "\ud800",
        said(topic="Listing"),
        said(tone="very positive"),
        said(coordinated=True),
        said(promotional=ASKED + 1),
        said(instructing=-1),
        said(promotional=1.5),
        said(promotional="3"),
        said(note="buy SOL"),
        said() + " and more",
        json.dumps({name: value for name, value in GOOD.items() if name != "tone"}),
    ],
)
def test_anything_else_is_unclear(answer: str | None) -> None:
    """Whole: no part of an answer is believed where another is not what was asked for."""
    assert reading_of(answer, ASKED) == UNCLEAR


@pytest.mark.parametrize("field", sorted(GOOD))
def test_no_stranger_speaks_through_a_field(field: str) -> None:
    """Each attack in each field, as a server that enforces nothing would let it through."""
    for case in ALL_ATTACKS:
        assert reading_of(said(**{field: case.text}), ASKED) == UNCLEAR


@given(
    st.text() | events(Reading).map(lambda r: msgspec.json.encode(r).decode()), st.integers(0, 12)
)
def test_whatever_is_answered_a_reading_of_our_own_words_comes_out(text: str, asked: int) -> None:
    """Its words are the schema's, its counts no more than was asked about."""
    reading = reading_of(text, asked)
    told = msgspec.to_builtins(reading)
    for name, field in SCHEMA["properties"].items():  # type: ignore[attr-defined]
        if "enum" in field:
            assert told[name] in field["enum"]
        else:
            assert 0 <= told[name] <= max(asked, 0)


def test_the_schema_says_what_a_reading_is() -> None:
    """The same fields in the same order, all required, and every word of each list."""
    fields = {field.name: field.type for field in msgspec.inspect.type_info(Reading).fields}  # type: ignore[attr-defined]
    properties: dict[str, Any] = SCHEMA["properties"]  # type: ignore[assignment]
    assert list(fields) == SCHEMA["required"] == list(properties)
    for name, told in properties.items():
        if "enum" in told:
            assert set(fields[name].values) == set(told["enum"])
            assert "unclear" in told["enum"]
