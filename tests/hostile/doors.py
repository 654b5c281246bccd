"""THE table of doors: everything through which text of strangers gets out, and the test that sends the corpus there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from deploy.cli import app

TOP = Path(__file__).parents[2]
PAGES = "tests/browser/test_hostile.py::test_on_no_page_does_anything_of_it_run"
REQUESTS = "tests/unit/streams/serving/api/test_hostile.py"
COMMANDS = "tests/browser/test_hostile.py::test_what_a_command_prints_steers_no_terminal"
TERMINAL = "tests/unit/streams/serving/test_terminal.py"
SOURCES = (
    "tests/unit/deploy/collecting/test_shown.py::test_hostile_words_of_collectors_are_lines_of_text"
)
TOLD = "tests/unit/deploy/test_escaping.py::test_hostile_lines_are_printed_as_text"
LOGS = "tests/unit/deploy/test_logs.py::test_hostile_text_is_plain_in_a_line_of_its_own"
WORDING = "tests/unit/streams/serving/notify/test_wording.py"

OF_PAGES: dict[str, str] = dict.fromkeys(
    ("aggregate", "alert", "alerts", "analysis", "asset", "cost", "feeds", "letter", "letters"),
    PAGES,
) | {"overview": PAGES, "raw": PAGES}
"""By module of `streams/serving/pages`."""
OF_ROUTES: dict[str, str] = dict.fromkeys(
    ("act_routes", "app", "letter_routes", "said_routes", "state_routes", "stream_routes"), REQUESTS
) | {"window_routes": REQUESTS}
"""By module of `streams/serving/api`."""
OF_COMMANDS: dict[str, str] = (
    dict.fromkeys(("acts list", "deadletters explain", "deadletters list"), COMMANDS)
    | dict.fromkeys(("collect check", "collect list"), SOURCES)
    | dict.fromkeys(("demo", "watch"), TERMINAL)
    | dict.fromkeys(("agent", "collect run", "serve", "streams", "streams rebuild"), LOGS)
    | dict.fromkeys(
        (
            "acts acknowledge",
            "acts feedback",
            "acts mute",
            "acts unmute",
            "alerts check",
            "alerts test",
            "audit",
            "breaker auto",
            "breaker close",
            "breaker open",
            "breaker show",
            "budget reconcile",
            "budget set",
            "budget show",
            "cache show",
            "deadletters redrive",
            "evaluate",
            "evaluate batch",
            "evaluate narratives",
            "notify",
            "notify check",
            "notify test",
            "replay",
        ),
        TOLD,
    )
)
"""By the command's words; what is told goes through `tell`, `fail` or `escaped`."""
OURS_ALONE: dict[str, str] = (
    dict.fromkeys(("topics apply", "topics check", "topics list", "topics schema"), "the catalogue")
    | dict.fromkeys(("cache clear", "cache drop"), "an epoch, and a key the user gave")
    | {"settings": "the operator's own", "embedded": "two addresses", "fake-claude": "an address"}
)
"""Commands that print nothing of strangers, and what they do print; those of `bench` measure what they invent."""
OTHERS: dict[str, str] = {"notifications": WORDING}


def pages() -> set[str]:
    """Return the modules that declare a page."""
    folder = TOP / "streams" / "serving" / "pages"
    return {file.stem for file in folder.glob("*.py") if "@ui.page(" in file.read_text()}


def routes() -> set[str]:
    """Return the modules that declare a route."""
    folder = TOP / "streams" / "serving" / "api"
    declared = re.compile(r"@\w+\.(get|post|put|delete)\(")
    return {file.stem for file in folder.glob("*.py") if declared.search(file.read_text())}


def commands() -> set[str]:
    """Return every command there is but those of `bench`, hidden ones and groups that do something too."""
    return {words for words in _commands(get_command(app), ()) if not words.startswith("bench ")}


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[str]:
    inner = getattr(command, "commands", {})
    if words and (not inner or command.invoke_without_command):
        yield " ".join(words)
    for name, one in inner.items():
        yield from _commands(one, (*words, name))
