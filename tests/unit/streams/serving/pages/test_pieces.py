"""Pieces hold plain text and links of this host, whatever they are made of."""

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    PROSE_LINES_MAX,
    TEXT_MAX,
    Amount,
    Bar,
    Button,
    Prose,
    Row,
    Words,
    amount,
    capped,
    counted,
    dollars,
    severity,
    wire,
)
from tests.hostile.corpus import TEXTS


def unseen(text: str) -> list[str]:
    """Characters that steer or hide."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co")]


@given(st.text(max_size=TEXT_MAX * 2))
def test_no_text_in_a_piece_steers_or_hides(text: str) -> None:
    """In whatever piece it stands."""
    for piece in (
        Words(text, hint=text),
        Amount(text, text),
        Button(text, "act", "key"),
        Prose(text),
    ):
        told = wire(piece)
        shown = [told["text"], told.get("hint", ""), told.get("unit", ""), *told.get("lines", ())]
        assert [unseen(words) for words in shown] == [[]] * len(shown)
        assert all(len(words) <= 20 * TEXT_MAX for words in shown)


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: t.name)
def test_hostile_text_stays_text(text: object) -> None:
    """As a string in a JSON of strings: never an address, never markup of ours."""
    told = wire(Words(text.text, href=text.text))  # type: ignore[attr-defined]
    assert told["is"] == "words"
    assert "href" not in told


@pytest.mark.parametrize(
    "address",
    ["//evil.invalid/", "/\\evil.invalid", "http://evil.invalid", "javascript:x", "", "data:,x"],
)
def test_a_link_to_anywhere_else_is_none(address: str) -> None:
    """The words stay."""
    assert Words("here", href=address).href is None


def test_a_link_of_this_host_stays() -> None:
    """As it is."""
    assert Words("here", href=links.ALERTS).href == "/alerts"


def test_prose_keeps_its_lines_and_says_how_many_are_left_out() -> None:
    """Each line is plain."""
    text = "\n".join(["one\ttwo", "", "three", *("x" for _ in range(PROSE_LINES_MAX))])
    lines = Prose(text).lines
    assert lines[:2] == ("one two", "three")
    assert lines[-1] == "and 3 more lines"


def test_at_the_cap_a_table_shows_all_and_beyond_it_says_how_many_more() -> None:
    """The bound itself is inside."""
    rows = [Row(str(i), ()) for i in range(4)]
    assert (capped(rows, 4, "").more, capped(rows, 3, "").more) == (0, 1)
    assert len(capped(rows, 3, "").rows) == 3
    assert capped(rows[:3], 3, "", total=40).more == 37


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0.00"), (1_234_560_000_000, "1,234.56"), (91_660_000, "0.0917"), (1, "1.000e-09")],
)
def test_money_is_read_to_the_cent_or_to_what_can_be_seen_of_it(nano: int, text: str) -> None:
    """With its currency."""
    assert dollars(nano) == Amount(text, "USD")


def test_what_is_not_known_is_a_dash_and_none_is_quiet() -> None:
    """Not a zero."""
    assert amount(None).text == "-"
    assert counted(0, "bad").tone == "quiet"
    assert counted(2, "bad").tone == "bad"


def test_every_severity_has_a_word_of_its_own() -> None:
    """Colour alone would tell nobody."""
    words = {severity(level).word for level in ("critical", "warning", "notice", "info")}
    assert len(words) == 4


def test_what_goes_to_the_browser_is_json_with_its_kind() -> None:
    """And nothing that is at its default."""
    assert msgspec.json.encode(wire((Words("a"), Bar(0.5)))) == (
        b'[{"is":"words","text":"a"},{"is":"bar","share":0.5}]'
    )
