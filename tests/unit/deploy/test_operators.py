"""What `tapereader acts` and `tapereader deadletters` refuse before they ask a broker, and how they print letters."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import cli
from deploy.commands import deadletters, tell
from streams.serving.redrive import planned
from tests.unit.streams.serving.redrive.test_plan import letter

NOBODY = "127.0.0.1:9"
Refused = Callable[..., str]


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Refused:
    """Run the command, which ends with status 2, and return what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAPEREADER_BROKER__BOOTSTRAP", NOBODY)

    def main(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["tapereader", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    return main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("acts", "mute", "all", "--reason", "r"), "give --minutes or --until: a mute ends"),
        (("acts", "mute", "all", "--reason", "r", "--until", "soon"), "give ISO 8601 with a zone"),
        (("acts", "mute", "BTC", "--reason", "r", "--minutes", "5"), "none of all, asset/BTC"),
        (("acts", "mute", "all", "--reason", "r", "--minutes", "50000"), "at most 30 days ahead"),
        (("acts", "mute", "all", "--reason", " ", "--minutes", "5"), "reason: it is missing"),
        (("acts", "unmute", "\x1b[2Jall", "--reason", "r"), r"'\x1b[2Jall' is none of all"),
        (("acts", "feedback", "a/b", "great", "--reason", "r"), "neither wrong nor unhelpful"),
        (("acts", "acknowledge", "a" * 300, "--reason", "r"), "no such act can be written"),
        (("deadletters", "redrive", "--yes"), "--why: it is kept with the act"),
        (("deadletters", "list", "--since", "yesterday"), "--since yesterday: give ISO 8601"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    refused: Refused, arguments: tuple[str, ...], words: str
) -> None:
    """No broker is asked: there is none."""
    said = refused(*arguments)
    assert said.startswith("tapereader: ")
    assert words in said
    assert "Traceback" not in said


def test_a_span_is_so_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """As people say it."""
    monkeypatch.setattr(deadletters, "_now_ms", lambda: 1_790_000_000_000)
    read = deadletters._time_ms
    assert read("--since", "2h") == 1_790_000_000_000 - 2 * 3_600_000
    assert read("--since", "3d") == 1_790_000_000_000 - 3 * 86_400_000
    assert read("--since", "1700000000000") == 1_700_000_000_000
    assert read("--since", None) is None


def test_nothing_in_a_letter_commands_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Its bytes, key, names and message come from whoever can write to a topic; each is one line of ours."""
    nasty = "\x1b]0;owned\x07\u202e\nFAKE LINE\r\x9b2J"
    one = letter(
        reason=nasty, message=nasty, role=nasty, key=nasty.encode(), value=nasty.encode() + b"\xff"
    )
    plan = planned([one, letter(offset=8, value=b"{" + nasty.encode())], partitions=4)
    lines = [
        deadletters._line(one),
        *deadletters._explained(plan),
        *deadletters._plan_lines(plan),
    ]
    tell(lines)
    said = capsys.readouterr().out
    assert len(said.splitlines()) == len(lines)
    assert not {c for c in said if not c.isprintable()} - {"\n"}
    assert r"\x1b]0;owned\x07\u202e\nFAKE LINE" in said
