"""What a machine can hold of the style: sizes, names, dependencies that import."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.no_cover  # it reads our modules and runs none
ROOT = Path(__file__).parent.parent.parent
MODULE_LINES_MAX, FUNCTION_LINES_MAX = 300, 70
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "types"}
IMPORT_NAMES = {
    "confluent-kafka": "confluent_kafka",
    "faust-streaming": "faust",
    "genai-prices": "genai_prices",
    "import-linter": "importlinter",
    "prometheus-client": "prometheus_client",
    "pydantic-settings": "pydantic_settings",
    "pytest-asyncio": "pytest_asyncio",
    "pytest-cov": "pytest_cov",
    "pytest-xdist": "xdist",
}


def modules() -> list[Path]:
    """Every module of the four packages and the tests."""
    folders = ("topics", "streams", "agents", "deploy", "tests", "examples")
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def definitions() -> list[tuple[Path, Definition]]:
    """Every function and class of every module."""
    return [
        (path, node)
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Definition)
    ]


def test_no_module_is_too_long() -> None:
    """Beyond the limit it is two concepts; tests may be longer."""
    long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if "tests" not in path.parts
        and (lines := len(path.read_text().splitlines())) > MODULE_LINES_MAX
    }
    assert long == {}


def test_no_function_is_too_long_and_names_say_something() -> None:
    """It fits on a screen; no module is named for nothing, and no class manages."""
    all_of_them = definitions()  # once for both: to read all modules takes seconds
    long = [
        f"{path.relative_to(ROOT)}: {node.name} has {lines} lines"
        for path, node in all_of_them
        if not isinstance(node, ast.ClassDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    empty = [str(p.relative_to(ROOT)) for p in modules() if p.stem in EMPTY_NAMES]
    managers = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, node in all_of_them
        if isinstance(node, ast.ClassDef)
        and re.search(r"(Manager|Helper|Handler|Service)$", node.name)
    ]
    assert (long, empty, managers) == ([], [], [])


def dependencies() -> list[str]:
    """Every direct dependency, at run time and of the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    named = project["project"]["dependencies"] + groups["dev"] + groups["bootstrap"]
    return [re.split(r"[=<>~\[; ]", line)[0] for line in named]


@pytest.mark.parametrize("name", dependencies())
def test_every_direct_dependency_imports(name: str) -> None:
    """A set that resolves may still not load."""
    if name == "ccxt":  # seconds and 100 MB: in a process of its own
        subprocess.run([sys.executable, "-c", "import ccxt.pro"], check=True)
        return
    importlib.import_module(IMPORT_NAMES.get(name, name))


def test_every_direct_dependency_has_its_reason() -> None:
    """docs/dependencies.md names each, and no other."""
    page = (ROOT / "docs" / "dependencies.md").read_text()
    told = set(re.findall(r"^\| `([A-Za-z0-9-]+)` \|", page, re.MULTILINE))
    assert told == set(dependencies())


def test_the_locks_name_no_registry() -> None:
    """Hashes say what a file is; where it comes from is the user's choice."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert text.count("--hash=sha256:") > text.count("==")


def test_every_test_folder_is_a_package() -> None:
    """Else test files of one name in two folders collide, and `tests/unit/streams` becomes `streams`."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    missing = [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()]
    assert missing == []


DOCS = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "node_modules" not in path.parts
)
_LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
_FILE = re.compile(r"`((?:[\w.-]+/)*[\w-]+(?:\.(?:py|toml|md|yml|json)|/))`")
NOT_OURS = {"tapereader.toml"}
"""Named as what a user writes."""


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_docs_name_files_that_exist(doc: Path) -> None:
    """Links are from the document; files in code marks from the top, or the end of a path of ours."""
    text = doc.read_text()
    assert [link for link in _LINK.findall(text) if not (doc.parent / link).exists()] == []
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    ours = [f"/{path}" for path in listed]
    unknown = [
        name
        for name in _FILE.findall(text)
        if name not in NOT_OURS
        and not any(
            f"/{name}" in path if name.endswith("/") else path.endswith(f"/{name}") for path in ours
        )
    ]
    assert unknown == []
