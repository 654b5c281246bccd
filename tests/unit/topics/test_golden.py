"""Records as every version wrote them are still read, and the newest are still written to the byte.

`tests/data/contracts/v1/TYPE.json` is one full record of a type (`TYPE-variant.json`: one more). A contract
that gains a field keeps these files as they are and adds a folder, v2, with records that have it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.strategies.contracts import CONTRACTS
from topics import decoder_of, encode
from topics.codec import tag_of
from topics.schema import json_schemas

FOLDER = Path(__file__).parents[2] / "data" / "contracts"
VERSIONS = sorted(FOLDER.glob("v*"), key=lambda folder: int(folder.name[1:]))
RECORDS = [path for folder in VERSIONS for path in sorted(folder.glob("*.json"))]
NEWEST = {tag_of_file.stem: tag_of_file for tag_of_file in RECORDS}
"""The newest record of each type and variant."""

ANY = decoder_of(*CONTRACTS)


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def holds(new: Any, old: Any) -> bool:
    """Whether a JSON value holds all of another one, with more fields at most."""
    if isinstance(new, dict) and isinstance(old, dict):
        return all(key in new and holds(new[key], value) for key, value in old.items())
    if isinstance(new, list) and isinstance(old, list):
        return len(new) == len(old) and all(map(holds, new, old))
    return bool(new == old)


@pytest.mark.parametrize("path", RECORDS, ids=name)
def test_a_record_of_any_version_is_read_and_nothing_in_it_is_lost(path: Path) -> None:
    """What was said then is said again now, with defaults for what nobody knew of."""
    read = ANY.decode(path.read_bytes())
    assert tag_of(type(read)) == path.stem.partition("-")[0]
    assert holds(json.loads(encode(read)), json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", NEWEST.values(), ids=name)
def test_a_record_of_today_is_written_to_the_byte(path: Path) -> None:
    """Order of fields, spelling of numbers and what is left out: replays compare bytes."""
    assert encode(ANY.decode(path.read_bytes())) == path.read_bytes()


@pytest.mark.parametrize("tag", json_schemas())
def test_every_type_has_a_full_record(tag: str) -> None:
    """With every field that the contract has, or a change of one would go unseen."""
    assert tag in NEWEST, f"add tests/data/contracts/{VERSIONS[-1].name}/{tag}.json"
    record = json.loads(NEWEST[tag].read_bytes())
    assert list(record) == list(json_schemas()[tag]["properties"])


def test_every_kind_of_aggregate_has_a_record() -> None:
    """Their values are four contracts."""
    kinds = {
        json.loads(path.read_bytes())["values"]["kind"]
        for stem, path in NEWEST.items()
        if stem.partition("-")[0] == "aggregate"
    }
    assert kinds == {"market", "volume", "social", "development"}
