"""The report and the tables: one file that asks nobody for anything, and in which text from topics does nothing."""

import re
from base64 import b64decode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from io import StringIO
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from agents.evaluation.evidence import Evidence
from agents.evaluation.marks import Marks
from deploy.evaluate.command import evaluated, report_of
from deploy.evaluate.evaluation import Evaluation, as_json
from deploy.evaluate.page import POLICY
from deploy.evaluate.reading import Range, Read
from deploy.evaluate.tables import narrative_tables_of, tables_of
from tests.unit.agents.evaluation.planted import PROMPT, Planted, said
from tests.unit.agents.evaluation.test_drift import decision, intent, rejected, result

HOSTILE = "$\\frac{</style><script>alert(1)</script>\x1b[31m[bold]\u202e"
_FONTS = "http://www.w3.org/"
"""The names of the languages SVG is written in are addresses; nobody goes there."""


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """An evaluation of two weeks, with what strangers may write in topics."""
    planted = Planted(3, days=14, assets=1, right=0.6, sure=0.6)
    evidence = Evidence()
    evidence.drift.take_entry(intent(1))
    evidence.drift.take_entry(result(1, "refused"))
    for analysis in planted.analyses:
        evidence.take_analysis(analysis)
    evidence.take_analysis(said(1, asset="EVIL", model=HOSTILE, prompt_version=HOSTILE))
    evidence.take_analysis(rejected(7, "advice"))
    evidence.take_decision(decision(1, "breaker_open"))
    marks = Marks(evidence.wanted())
    for aggregate in planted.minutes:
        marks.take(aggregate)
    return evaluated(Read(evidence, marks, Counter(journal=2)), Range(None, 5), {"m": 7}, seed=1)


@pytest.fixture(scope="module")
def page(evaluation: Evaluation) -> str:
    return report_of(evaluation)


class _Seen(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags = Counter[str]()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_asks_nobody_for_anything(page: str) -> None:
    """No script, no form, no frame, no address but images within it."""
    seen = _Seen(page)
    assert not seen.tags.keys() & {
        "script",
        "form",
        "iframe",
        "object",
        "embed",
        "link",
        "base",
        "a",
        "svg",
    }
    sources = [
        value for _, name, value in seen.attributes if name in {"src", "href", "srcset", "action"}
    ]
    assert len(sources) == seen.tags["img"] == 3
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not [name for _, name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert "url(" not in page
    assert "@import" not in page


def test_the_policy_lets_nothing_run_and_names_the_style_by_its_digest(page: str) -> None:
    """Else the page would be plain: the browser holds to it."""
    seen = _Seen(page)
    assert ("meta", "content", POLICY) in seen.attributes
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(style) == 1
    digest = sha256(style[0].encode()).digest()
    (named,) = re.findall(r"'sha256-(.*?)'", POLICY)
    assert b64decode(named) == digest


def test_text_from_topics_is_text(page: str, evaluation: Evaluation) -> None:
    """As letters in the page, the plots and the terminal: no tag, no control, no formula, no markup."""
    assert "<script>alert(1)</script>" in _Seen(page).text
    assert "\x1b" not in page
    assert "\u202e" not in page
    shown = _told(evaluation)
    assert "[bold]" in shown
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown


def test_the_plots_are_images_that_are_whole(page: str) -> None:
    """Well-formed, with nothing to fetch or run; the same figures give the same bytes."""
    found = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    for data in found:
        root = ET.fromstring(b64decode(data))  # noqa: S314 - our own
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "foreignObject", "image"}
        for element in root.iter():
            for name, value in element.attrib.items():
                if name.endswith("href"):
                    assert value.startswith("#")


def test_the_same_evaluation_makes_the_same_page(evaluation: Evaluation, page: str) -> None:
    """To the byte: two can be compared."""
    assert report_of(evaluation) == page


def test_what_was_found_is_told_in_all_three(evaluation: Evaluation, page: str) -> None:
    """Scores with how many prompts were tried, what is not scored and why, refusals and rejections."""
    text, shown, told = _Seen(page).text, _told(evaluation), as_json(evaluation)
    for words in (text, shown):
        assert f"{PROMPT}" in words
        assert "simulated" in words
        assert "no_mark 1" in words
        assert "advice 1" in words
    scores = {one["voice"]["version"]: one for one in told["scores"]}
    score = scores[PROMPT]
    assert score["windows"] == 14 * 24
    assert scores[HOSTILE]["lost"] == {"no_mark": 1}
    assert score["prompts_tried"] == 2
    assert score["against"]["flat"]["brier"]["interval"]["high"] < 0
    prompts = {one["version"]: one for one in told["prompts"]}
    assert prompts[PROMPT]["refusal_share"] == 1.0
    assert told["unreadable"] == {"journal": 2}
    assert told["cutoffs"] == {"m": 7}


def test_nothing_read_is_told_as_that() -> None:
    """No plot, no table, no error."""
    evidence = Evidence()
    empty = evaluated(Read(evidence, Marks([]), Counter()), Range(None, None), {}, seed=1)
    assert "Nothing to draw." in report_of(empty)
    assert list(tables_of(empty)) == []
    assert list(narrative_tables_of(evidence.narratives))


def test_narratives_are_shown_beside_the_rules() -> None:
    """Figures and examples; a stranger's text is text."""
    evidence = Evidence()
    evidence.take_analysis(said(0, product="state", text=f"BTC rose. {HOSTILE}", origin="cache"))
    evidence.take_analysis(
        said(1, product="state", origin="rules", origin_reason="render_rejected")
    )
    console = Console(width=150, file=StringIO(), record=True, force_terminal=True)
    for table in narrative_tables_of(evidence.narratives):
        console.print(table)
    shown = console.export_text(styles=False)
    assert "100.0%" in shown
    assert "cache 1, rules 1" in shown
    assert "render_rejected 1" in shown
    assert "1 narratives could not be rendered" in shown
    assert "[bold]" in shown
    assert "\x1b[31m" not in shown


def _told(evaluation: Evaluation) -> str:
    console = Console(width=150, file=StringIO(), record=True, force_terminal=True)
    for table in tables_of(evaluation):
        console.print(table)
    return console.export_text(styles=False)
