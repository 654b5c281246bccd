"""A stranger's text as plain text, whatever it was."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.normalising import (
    MARKS_MAX,
    RAW_CHARS_MAX,
    TEXT_CHARS_MAX,
    cut,
    normalised,
    of_html,
)

ANY = st.text(st.characters(exclude_categories=()), max_size=300)
"""Surrogates, private, unassigned: everything that a string can hold."""


PIECES = (
    *("<", "<!--", "<script", "<a ", "&#", "&", "</", "<b", "\u200d", "\U0001f468\u200d", "\u0301"),
    *("\ufdfa", "\U000e0061", " ", "a", "\ud83d", "\u202e", "\U0001f1e6", "<style>"),
)


@given(ANY)
def test_it_is_plain_bounded_and_the_same_when_done_again(text: str) -> None:
    plain = normalised(text)
    assert len(plain) <= TEXT_CHARS_MAX
    assert plain == normalised(plain)
    assert plain == " ".join(plain.split())
    assert unicodedata.is_normalized("NFKC", plain)
    assert not any(unicodedata.category(char)[0] == "C" for char in plain)
    plain.encode()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a\u200bb\u2060c\ufeff", "abc"),
        ("\u202edlrow\u202c", "dlrow"),
        ("a\tb\r\n c\u00a0d\u3000e", "a b c d e"),
        ("\x1b[31mred\x07", "[31mred"),
        ("\U000e0041tag\ufe0f\u3164", "tag"),
        ("\ufb01ne \uff22\uff34\uff23", "fine BTC"),
        ("e\u200d\u0301", "\u00e9"),
        ("x\ud800y", "xy"),
        ("z" + "\u0336" * 20, "z" + "\u0336" * MARKS_MAX),
    ],
)
def test_what_hides_is_taken_out(text: str, plain: str) -> None:
    assert normalised(text) == plain


@pytest.mark.parametrize(
    "grapheme",
    ["e\u0331\u0308", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u0915\u093f"],
)
def test_the_cut_is_not_within_a_character(grapheme: str) -> None:
    for ahead in range(len(grapheme) + 1):
        text = "x" * (TEXT_CHARS_MAX - ahead) + grapheme + "yyyy"
        begun = cut(text)
        whole = ahead >= len(grapheme)
        expected = "x" * (TEXT_CHARS_MAX - ahead)
        assert begun == (expected + grapheme + "y" * (ahead - len(grapheme)) if whole else expected)


def test_a_tower_of_marks_is_cut_all_the_same() -> None:
    assert len(cut("\u0301" * 3_000)) == TEXT_CHARS_MAX
    assert len(cut("\U0001f1e6" * 3_000)) in (TEXT_CHARS_MAX, TEXT_CHARS_MAX - 1)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a<p>b", "a b"),
        ("<b>bit</b>coin", "bitcoin"),
        ('see <a href="https:&#x2F;&#x2F;x.example" rel="nofollow">here</a>', "see here"),
        ("AT&amp;T &lt;b&gt; &#x27;", "AT&T <b> '"),
        ("<script>alert(1)</script>ok<style>p{}</style>", "ok"),
        ("<!-- <b>no --> yes", "yes"),
        ("<script>no end", ""),
        ("I <3 BTC & ETH", "I <3 BTC & ETH"),
        ("&#" + "9" * 5_000 + ";", "&#" + "9" * 998),
        ("&#0;&#xd800;&bogus;", "\ufffd\ufffd&bogus;"),
        ("<SCRIPT>\u0130no</SCRIPT >x", "x"),
    ],
)
def test_html_shows_what_people_see(text: str, shown: str) -> None:
    assert normalised(of_html(text)) == shown


@given(st.text(st.sampled_from("<>/!-&#;xab scripty \u0130\ud800"), max_size=200))
def test_html_never_raises_and_no_script_is_left(text: str) -> None:
    normalised(of_html(text))


@pytest.mark.parametrize(
    "piece",
    PIECES,
)
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    begun_s = time.process_time()
    assert len(normalised(of_html(text))) <= TEXT_CHARS_MAX
    assert time.process_time() - begun_s < 1.0


def test_what_is_looked_at_is_bounded() -> None:
    assert normalised(" " * RAW_CHARS_MAX + "x") == ""
    assert normalised(" " * (RAW_CHARS_MAX - 1) + "x") == "x"
