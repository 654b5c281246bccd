"""The picture of the screen is a page: text from topics is text in it, and nothing is fetched or run."""

import re
from pathlib import Path
from xml.dom import minidom

import pytest

from deploy.screen import Screen
from streams.serving.view import View
from tests.injection import ALL_ATTACKS
from tests.strategies import aggregates
from tests.unit.streams.serving.test_terminal import NOW_MS, part, reading

PAGE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]></text></svg><script>1</script>",
    "&lt;b&gt; &#60;script&#62; \"' style='x'",
    "[link=javascript:alert(1)]claim[/link]",
)
ELEMENTS = {"svg", "style", "defs", "clipPath", "rect", "text", "g", "circle"}


def picture(tmp_path: Path, text: str) -> minidom.Document:
    """Return the picture of a view with a text wherever one is shown, read as XML."""
    view = View()
    view.take(aggregates.market(text[:74], 9))
    view.take(reading(1, severity="critical", headline=text[:120] or "x"))
    view.take(part("agent", "role", "running", text[:300]))
    view.take(part("agent", "breaker/x", "open", text[:300]))
    file = tmp_path / "picture.svg"
    Screen(view, title=text, hint=text, event_now_ms=lambda _: NOW_MS).picture(file)
    return minidom.parseString(file.read_bytes())  # noqa: S318 - our own file


@pytest.mark.parametrize("text", PAGE)
def test_markup_is_letters_in_the_picture(tmp_path: Path, text: str) -> None:
    """No element, attribute or address comes of it."""
    page = picture(tmp_path, text)
    nodes = page.getElementsByTagName("*")
    assert {node.tagName for node in nodes} <= ELEMENTS
    names = {name for node in nodes for name in node.attributes.keys()}  # noqa: SIM118 - no dict
    assert not [name for name in names if name.startswith("on") or "href" in name]
    words = "".join(
        t.nodeValue or "" for n in page.getElementsByTagName("text") for t in n.childNodes
    )
    assert re.sub(r"\s", "", text)[:20] in re.sub(r"\s", "", words)


def test_every_attack_of_the_corpora_gives_a_picture(tmp_path: Path) -> None:
    """One that is well formed."""
    for case in ALL_ATTACKS[::50]:
        nodes = picture(tmp_path, case.text).getElementsByTagName("*")
        assert {node.tagName for node in nodes} <= ELEMENTS
