"""The documents as others read them: AsyncAPI's own parser, and a JSON Schema validator of another language.

Needs node and npm, which install the locked packages into a folder of the run; without them it is skipped, or
fails where TAPEREADER_REQUIRE names `asyncapi`.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.requirement import UnavailableError, obtain

HERE = Path(__file__).parent
CONTRACTS = HERE.parents[1] / "docs" / "contracts"
GOLDEN = HERE.parent / "data" / "contracts"
INSTALL_S = 300
RUN_S = 60

Made = subprocess.CompletedProcess[str]
Run = Callable[..., Made]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a script of this folder beside its packages, which never land in the checkout."""
    folder = tmp_path_factory.mktemp("asyncapi")
    program = obtain("asyncapi", lambda: installed(folder), os.environ)

    def run(script: str, *paths: Path) -> Made:
        return execute([program, script, *map(str, paths)], folder, RUN_S)

    return run


def installed(folder: Path) -> str:
    """Install the locked packages into a folder and return the path of node.

    Raises:
        UnavailableError: node or npm is not there, or npm could not install.
    """
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        message = "node and npm are not on the path"
        raise UnavailableError(message)
    for name in ("package.json", "package-lock.json", "validate.mjs", "records.mjs"):
        shutil.copy(HERE / name, folder)
    arguments = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        made = execute(arguments, folder, INSTALL_S)
    except subprocess.TimeoutExpired:
        message = f"npm ci took longer than {INSTALL_S} s"
        raise UnavailableError(message) from None
    if made.returncode != 0:
        message = f"npm ci failed: {made.stderr.strip()[:300]}"
        raise UnavailableError(message)
    return found


def execute(arguments: list[str], folder: Path, timeout_s: float) -> Made:
    return subprocess.run(  # noqa: S603 - programs this module found or wrote
        arguments, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )


@pytest.mark.parametrize("path", ["asyncapi.json", "released/asyncapi.json"])
def test_the_official_parser_takes_the_document(node: Run, path: str) -> None:
    """Without one diagnostic of any severity, and with every channel."""
    channels = len(json.loads((CONTRACTS / path).read_text(encoding="utf-8"))["channels"])
    made = node("validate.mjs", CONTRACTS / path)
    assert made.stdout == f"{CONTRACTS / path}: {channels} channels\n"
    assert (made.returncode, made.stderr) == (0, "")


def discriminator(document: dict[str, Any]) -> None:
    values = document["components"]["schemas"]["Aggregate"]["properties"]["values"]
    values["discriminator"] = {"propertyName": "kind"}


def reference(document: dict[str, Any]) -> None:
    document["components"]["messages"]["trade"]["payload"]["$ref"] = "#/components/schemas/Gone"


def policy(document: dict[str, Any]) -> None:
    kafka = document["channels"]["raw.market"]["bindings"]["kafka"]
    kafka["topicConfiguration"]["cleanup.policy"] = "delete"


def action(document: dict[str, Any]) -> None:
    document["operations"]["collect.send.raw.market"]["action"] = "publish"


def title(document: dict[str, Any]) -> None:
    del document["info"]["title"]


PLANTS = (discriminator, reference, policy, action, title)


@pytest.fixture(scope="module")
def planted(node: Run, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One run over a document with each error, named by it: the parser takes seconds to load."""
    folder = tmp_path_factory.mktemp("planted")
    for plant in PLANTS:
        document = json.loads((CONTRACTS / "asyncapi.json").read_text(encoding="utf-8"))
        plant(document)
        (folder / f"{plant.__name__}.json").write_text(json.dumps(document), encoding="utf-8")
    return node("validate.mjs", *sorted(folder.iterdir()))


@pytest.mark.parametrize("plant", PLANTS)
def test_the_official_parser_refuses_a_planted_error(
    planted: Made, plant: Callable[[dict[str, Any]], None]
) -> None:
    """Or the test above would prove nothing: what msgspec writes, a lost reference, a wrong binding."""
    assert planted.returncode == len(PLANTS)
    assert f"/{plant.__name__}.json: error at " in planted.stdout


def schema_of(record: Path) -> Path:
    return CONTRACTS / "schemas" / f"{record.stem.partition('-')[0]}.json"


def test_every_record_is_what_its_schema_says(node: Run) -> None:
    """The schema of today allows the records of every version, by a validator that is strict with schemas."""
    records = sorted(GOLDEN.glob("v*/*.json"))
    pairs = [path for record in records for path in (schema_of(record), record)]
    made = node("records.mjs", *pairs)
    assert made.stdout == f"{len(records)} records, 0 refused\n"
    assert (made.returncode, made.stderr) == (0, "")


WRONG = (
    ('"price":118250.10', '"price":"118250.10"', "/price must be number"),
    ('"price":118250.10', '"price":0', "/price must be >= "),
    ('"BTC/USDT"', '"btc/usdt"', "/subject must match pattern"),
    ('"side":"buy"', '"side":"hold"', "/side must be equal to one of the allowed values"),
    ('"type":"trade"', '"type":"post"', "/type must be equal to constant"),
    ('"side":"buy",', "", " must have required property 'side'"),
)


@pytest.fixture(scope="module")
def refused(node: Run, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One run over all wrong records, each named by its place in ``WRONG``."""
    folder = tmp_path_factory.mktemp("wrong")
    text = (GOLDEN / "v1" / "trade.json").read_text(encoding="utf-8")
    paths = []
    for at, (old, new, _) in enumerate(WRONG):
        wrong = folder / f"trade-{at}.json"
        wrong.write_text(text.replace(old, new), encoding="utf-8")
        paths += [schema_of(wrong), wrong]
    return node("records.mjs", *paths)


@pytest.mark.parametrize("at", range(len(WRONG)))
def test_a_wrong_record_is_refused(refused: Made, at: int) -> None:
    """A schema that allows anything would take every record."""
    assert refused.returncode == 1
    told = [line for line in refused.stdout.splitlines() if f"/trade-{at}.json: " in line]
    assert any(WRONG[at][2] in line for line in told)
    assert refused.stdout.endswith(f"{len(WRONG)} records, {len(WRONG)} refused\n")


def test_the_lock_names_no_host() -> None:
    """Packages come from wherever npm is set up to get them, held by their hashes."""
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "://" not in json.dumps(lock)
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_the_packages_asked_for_are_pinned() -> None:
    """One version each, and the one that is locked."""
    asked = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert asked == {name: lock[f"node_modules/{name}"]["version"] for name in asked}
