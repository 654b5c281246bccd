"""Text from topics is text on every page: what could make anything else of it is not used at all."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_house import ROOT

SERVING = ROOT / "streams" / "serving"
PAGES = SERVING / "pages"
MODULES = sorted(SERVING.rglob("*.py"))
SCRIPTS = sorted(SERVING.rglob("*.js"))

UI_ALLOWED = {"page", "element", "timer", "context", "run_with", "add_head_html"}
"""Of NiceGUI's `ui`. `html`, `markdown`, `chat_message`, `table`, `echart`, `link`, `notify` and all others read markup,
templates, formatters or addresses somewhere; our own components in `elements.py` do not."""
IMPORTS_ALLOWED = {
    "nicegui",
    "nicegui.element",
    "nicegui.elements.mixins.text_element",
    "nicegui.events",
}
METHODS_BANNED = {
    "add_slot",
    "add_body_html",
    "add_css",
    "add_scss",
    "add_sass",
    "run_javascript",
    "run_method",
    "run_chart_method",
    "default_props",
    "tooltip",
}
"""Templates, markup and programs for the browser, by whatever object they are called."""
CONSTANTS_ONLY = {"add_head_html"}
"""These take markup: ours, written out where it is called."""
ARGUMENTS_BANNED = {"js_handler", "template", "sanitize", "html"}
WORDS_BANNED = re.compile(
    r"v-html|innerHTML|innerhtml|srcdoc|:formatter|javascript:|insertAdjacentHTML"
)
SCRIPT_BANNED = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|createContextualFragment"
    r"|DOMParser|srcdoc|v-html|\btemplate\s*:|\beval\s*\(|new\s+Function|setAttribute\(\s*[\"']on"
    r"|javascript:|\bhttps?://|\bimport\s*\(|XMLHttpRequest|\bfetch\s*\(|WebSocket"
)


def faults(tree: ast.AST) -> Iterator[str]:
    """What a module may not do, each with its line."""
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="ui"), attr=name) if name not in UI_ALLOWED:
                yield f"{node.lineno}: ui.{name}"
            case ast.ImportFrom(module=str(module)) if (
                module.partition(".")[0] == "nicegui" and module not in IMPORTS_ALLOWED
            ):
                yield f"{node.lineno}: from {module}"
            case ast.ImportFrom(module="nicegui", names=names) if others := {
                n.name for n in names
            } - {"ui", "app"}:
                yield f"{node.lineno}: nicegui's {', '.join(sorted(others))}"
            case ast.Import(names=names) if any(n.name.startswith("nicegui") for n in names):
                yield f"{node.lineno}: import of nicegui as a whole"
            case ast.Call(func=ast.Attribute(attr=name)):
                yield from _called(node, name)
            case ast.Constant(value=str(words)) if node not in docs and WORDS_BANNED.search(words):
                yield f"{node.lineno}: {words[:60]!r}"


def _called(call: ast.Call, name: str) -> Iterator[str]:
    if name in METHODS_BANNED:
        yield f"{call.lineno}: .{name}()"
    if name in CONSTANTS_ONLY and not all(isinstance(arg, ast.Constant) for arg in call.args):
        yield f"{call.lineno}: .{name}() of what is no constant"
    if name == "props" and call.args:
        yield f"{call.lineno}: .props(...) parses its argument; set keys of `.props` instead"
    banned = {keyword.arg for keyword in call.keywords} & ARGUMENTS_BANNED
    if banned:
        yield f"{call.lineno}: .{name}({', '.join(sorted(map(str, banned)))}=)"


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(SERVING)))
def test_no_module_makes_markup_of_text(module: Path) -> None:
    """Neither by an element that reads it, nor by a template, a formatter or a program for the browser."""
    assert list(faults(ast.parse(module.read_text()))) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_no_script_makes_markup_of_text(script: Path) -> None:
    """Nor does it evaluate any, or ask another host for anything."""
    code = re.sub(r"^\s*//.*$", "", script.read_text(), flags=re.MULTILINE)
    assert [found[0] for found in SCRIPT_BANNED.finditer(code)] == []


@pytest.mark.parametrize(
    "code",
    [
        "ui.html(text)",
        "ui.markdown(text)",
        "ui.chat_message(text, text_html=True)",
        "ui.label(text)",
        "ui.run_javascript(f'say({text})')",
        "client.run_javascript(text)",
        "table.add_slot('body', text)",
        "element.on('click', js_handler=text)",
        "element.props(f'label={text}')",
        "element.props[':formatter'] = text",
        "element.props['innerHTML'] = text",
        "ui.add_head_html(f'<b>{text}</b>')",
        "from nicegui.elements.html import Html",
        "import nicegui.elements",
        "from nicegui import html",
    ],
)
def test_the_lint_finds_what_it_is_for(code: str) -> None:
    """Each by itself."""
    assert list(faults(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "el.innerHTML = text",
        "eval(text)",
        "new Function(text)",
        "x = { template: text }",
        "fetch(u)",
    ],
)
def test_the_lint_of_scripts_finds_what_it_is_for(code: str) -> None:
    """Each by itself."""
    assert SCRIPT_BANNED.search(code)


def test_the_stylesheet_asks_nobody_for_anything() -> None:
    """No import, no address."""
    for sheet in PAGES.rglob("*.css"):
        assert re.findall(r"@import|url\(|https?:", sheet.read_text()) == []


def test_only_links_of_this_host_are_drawn() -> None:
    """The browser's own script asks once more what `pieces` has asked already."""
    drawing = (PAGES / "static" / "tape_pieces.js").read_text()
    assert drawing.count("href: p.href") == 1
    assert 'local(p.href)\n      ? h("a", { href: p.href' in drawing
