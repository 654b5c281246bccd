"""Logs hold what others wrote: one line each, plain text in both forms, and no traceback with a frame's variables."""

import io
import json
import logging
import sys
import unicodedata
from collections.abc import Callable, Iterator

import pytest
import structlog

from deploy import logs
from deploy.settings import LogSettings
from tests.injection import ALL_ATTACKS, OWN

HOSTILE = "\x1b[2J\x1b]8;;http://a\x07x\u202e\r\nlevel=info event=forged\u200b"
TEXTS = (HOSTILE, *(case.text for case in (*OWN, *ALL_ATTACKS[::20])))

Log = Callable[..., io.StringIO]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Send logs to where they can be read, and put back what was before."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    structlog.reset_defaults()

    def begin(*, as_json: bool = False) -> io.StringIO:
        out = io.StringIO()
        monkeypatch.setattr(sys, "stderr", out)
        logs.configure(LogSettings(json_lines=as_json), role="agent", instance="a")
        return out

    yield begin
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def uncoloured(text: str) -> str:
    """Return lines for people without the colours that the renderer gave them."""
    kept, rest = "", text
    while (at := rest.find("\x1b[")) >= 0:
        end = rest.index("m", at)
        assert rest[at + 2 : end].replace(";", "").isdigit(), rest[at:end]
        kept, rest = kept + rest[:at], rest[end + 1 :]
    return kept + rest


def assert_plain(line: str) -> None:
    """Hold that nothing in a line steers a terminal or is unseen."""
    assert not [c for c in line if unicodedata.category(c)[0] == "C" or c in "\u2028\u2029"], line


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "machines"])
def test_hostile_text_is_plain_in_a_line_of_its_own(log: Log, as_json: bool) -> None:
    """As a value, within one, and in a library's own words."""
    out = log(as_json=as_json)
    ours = structlog.get_logger()
    for text in TEXTS:
        ours.warning("an alert cannot be used", why=text, parts=[text], also={"a": text.encode()})
        logging.getLogger("library").warning("it said %s", text)
    lines = (out.getvalue() if as_json else uncoloured(out.getvalue())).splitlines()
    assert len(lines) == 2 * len(TEXTS)
    for line in lines:
        assert_plain(line)
        if as_json:
            assert json.loads(line)["role"] == "agent"


def test_what_was_said_can_still_be_read(log: Log) -> None:
    """As escapes, where it could not be shown."""
    out = log()
    structlog.get_logger().warning("refused", why=HOSTILE)
    assert r"\x1b[2J" in out.getvalue()
    assert r"\u202e" in out.getvalue()


def failing(secret: str) -> None:
    """Fail with a stranger's words, with a secret in a variable."""
    held = secret
    raise ValueError(OWN[0].text + HOSTILE + held[:0])


@pytest.mark.parametrize("as_json", [False, True], ids=["people", "machines"])
def test_a_traceback_shows_where_and_why_and_no_variable(log: Log, as_json: bool) -> None:
    """Its message is plain text as well, and of our own and a library's log alike."""
    out = log(as_json=as_json)
    for logger in (structlog.get_logger(), logging.getLogger("library")):
        try:
            failing("sk-very-secret")
        except ValueError:
            logger.exception("it failed")
    text = uncoloured(out.getvalue())
    assert text.count("in failing") == text.count("ValueError: ") == 2
    assert "very-secret" not in text.replace('failing("sk-very-secret")', "").replace(
        'failing(\\"sk-very-secret\\")', ""
    )
    for line in text.split("\n"):
        assert_plain(line)
