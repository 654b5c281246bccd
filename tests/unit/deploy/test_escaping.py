"""What operators see of text from elsewhere: all of it, and none of it heeded by their terminal."""

import runpy
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.commands import fail, show_uncaught, tell
from deploy.escaping import escaped
from tests.hostile.corpus import MARK, TEXTS
from tests.injection import ALL_ATTACKS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 5 %", "plain words, 5 %"),
        ("caf\u00e9 \u4e2d \U0001f600", "caf\u00e9 \u4e2d \U0001f600"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("a\u202eb\u200bc\U000e0041", r"a\u202eb\u200bc\U000e0041"),
        ("a\r\nb\u2028c", r"a\r\nb\u2028c"),
        ("a\ud800b", r"a\ud800b"),
    ],
)
def test_what_steers_or_hides_is_shown_as_its_escape(text: str, shown: str) -> None:
    """And letters of any script stay."""
    assert escaped(text) == shown


def is_harmless(text: str) -> bool:
    """Return whether a terminal shows a text as it is, on its line."""
    return not [c for c in text if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"]


@given(st.text())
def test_no_text_steers_a_terminal(text: str) -> None:
    """Whatever it holds; escaped again it is the same, and lines are kept where they are wanted."""
    assert is_harmless(escaped(text))
    assert escaped(escaped(text)) == escaped(text)
    assert len(escaped(text, keep="\n").split("\n")) == len(text.split("\n"))


def test_a_command_prints_lines_from_topics_each_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    """What an audit found, a breaker's words, a bill's key: as many lines as told, none heeded."""
    texts = [case.text for case in ALL_ATTACKS]
    tell(texts)
    lines = capsys.readouterr().out.split("\n")
    assert lines == [*map(escaped, texts), ""]
    assert all(map(is_harmless, lines))


def test_hostile_lines_are_printed_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Each text of the corpus is one line, and is seen whole."""
    tell(text for _, text in TEXTS)
    lines = capsys.readouterr().out.split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(TEXTS)
    assert all(MARK in line for line in lines)
    assert all(map(is_harmless, lines))


def test_a_refusal_is_told_in_its_lines_and_commands_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An error may cite what could not be read."""
    with pytest.raises(SystemExit) as ended:
        fail("refused:\n  Invalid value '\x1b[2J\u202e'")
    assert ended.value.code == 2
    assert capsys.readouterr().err == ("tapereader: refused:\n  Invalid value '\\x1b[2J\\u202e'\n")


def test_a_defect_that_nobody_caught_is_told_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    """With its traceback, line by line."""
    error = ValueError("\x1b[2J\u202e\ud800")
    show_uncaught(type(error), error, None)
    assert capsys.readouterr().err == "ValueError: \\x1b[2J\\u202e\\ud800\n"


def test_the_example_consumer_shows_plain_text_too() -> None:
    """Whoever copies it has a door that is shut."""
    program = Path(__file__).parents[3] / "examples" / "consume_analyses.py"
    plain = runpy.run_path(str(program))["plain"]
    assert all(is_harmless(plain(case.text)) for case in ALL_ATTACKS)
