"""THE table of doors: everything through which text of strangers gets out, and the test that sends the corpus there."""

import re
from pathlib import Path

TOP = Path(__file__).parents[2]
PAGES = "tests/browser/test_hostile.py::test_on_no_page_does_anything_of_it_run"
REQUESTS = "tests/unit/streams/serving/api/test_hostile.py"
COMMANDS = "tests/browser/test_hostile.py::test_what_a_command_prints_steers_no_terminal"
TERMINAL = "tests/unit/streams/serving/test_terminal.py"
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
OTHERS: dict[str, str] = {
    "terminal": TERMINAL,
    "notifications": WORDING,
    "acts list": COMMANDS,
    "deadletters list": COMMANDS,
    "deadletters explain": COMMANDS,
}


def pages() -> set[str]:
    """Return the modules that declare a page."""
    folder = TOP / "streams" / "serving" / "pages"
    return {file.stem for file in folder.glob("*.py") if "@ui.page(" in file.read_text()}


def routes() -> set[str]:
    """Return the modules that declare a route."""
    folder = TOP / "streams" / "serving" / "api"
    declared = re.compile(r"@\w+\.(get|post|put|delete)\(")
    return {file.stem for file in folder.glob("*.py") if declared.search(file.read_text())}
