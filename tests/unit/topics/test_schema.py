"""The documents in the repository are what the catalog says today."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.strategies.contracts import CONTRACTS
from topics.codec import tag_of
from topics.schema import VERSION, asyncapi, differences, json_schemas, main, render, write

ROOT = Path(__file__).parents[3]
CONTRACTS_FOLDER = ROOT / "docs" / "contracts"


def test_the_checked_in_documents_are_up_to_date() -> None:
    """After a change of a contract: python -m topics.schema write docs/contracts."""
    assert differences(CONTRACTS_FOLDER) == []


def test_there_is_a_file_for_every_event_and_one_for_all() -> None:
    """By tag, so that a reader finds the schema of what it has in hand."""
    assert list(render()) == ["asyncapi.json", *(f"schemas/{tag_of(c)}.json" for c in CONTRACTS)]


@pytest.mark.parametrize("tag", json_schemas())
def test_a_schema_stands_alone(tag: str) -> None:
    """It names its dialect, begins with the event, and every reference is into itself."""
    schema = json_schemas()[tag]
    text = json.dumps(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["properties"]["type"]["const"] == tag
    assert set(schema.get("definitions", {})) == {
        reference.partition('"')[0] for reference in text.split("#/definitions/")[1:]
    }


def test_the_files_are_the_documents() -> None:
    """Nothing is lost between them, and keys are sorted so that a difference is one line."""
    text = render()["asyncapi.json"]
    assert json.loads(text) == json.loads(json.dumps(asyncapi(version=VERSION)))
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_files_do_not_depend_on_the_order_of_hashes(seed: str) -> None:
    """Another process writes the same bytes, or CI would fail by chance."""
    made = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "topics.schema", "check", str(CONTRACTS_FOLDER)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_write_makes_what_check_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Into an empty folder; and a second time there is nothing to do."""
    assert main(["write", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("written") == len(render())
    assert main(["check", str(tmp_path)]) == 0
    assert write(tmp_path) == []


def test_check_names_every_file_that_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, out of date, or of an event that is no more: each by name, and exit 1."""
    write(tmp_path)
    (tmp_path / "asyncapi.json").unlink()
    (tmp_path / "schemas" / "trade.json").write_text("{}", encoding="utf-8")
    (tmp_path / "schemas" / "gone.json").write_text("{}", encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "asyncapi.json is missing",
        "schemas/trade.json is out of date",
        "schemas/gone.json is of no event: delete it",
    ]


def test_write_repairs_only_what_differs(tmp_path: Path) -> None:
    """And touches nothing else, least of all the released document."""
    write(tmp_path)
    released = tmp_path / "released" / "asyncapi.json"
    released.parent.mkdir()
    released.write_text("frozen", encoding="utf-8")
    (tmp_path / "schemas" / "trade.json").write_text("{}", encoding="utf-8")
    assert write(tmp_path) == ["schemas/trade.json"]
    assert differences(tmp_path) == []
    assert released.read_text(encoding="utf-8") == "frozen"
