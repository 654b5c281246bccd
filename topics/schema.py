"""The documents out of the catalog: one JSON Schema for each event type, and one AsyncAPI document.

`docs/contracts/` holds them. ``python -m topics.schema write DIR`` writes them, and
``python -m topics.schema check DIR`` exits with 1 and names each file that is not what the catalog says.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from .catalog import TOPICS
from .codec import tag_of
from .components import Schema, components
from .document import asyncapi

__all__ = ["VERSION", "asyncapi", "differences", "json_schemas", "main", "render", "write"]

VERSION = "1.1.0"
"""Of the contracts. The second number rises with what is added; nothing is ever taken away."""
DRAFT = "http://json-schema.org/draft-07/schema#"

_DEFINITIONS = "#/definitions/"


def json_schemas() -> dict[str, Schema]:
    """Return one JSON Schema, draft-07, for each event type, by tag in the order of the path."""
    contracts = dict.fromkeys(event for topic in TOPICS for event in topic.events)
    return {tag_of(contract): _json_schema(contract) for contract in contracts}


def _json_schema(contract: type) -> Schema:
    definitions = components([contract], _DEFINITIONS)
    schema = {"$schema": DRAFT, **definitions.pop(contract.__name__)}
    return schema | ({"definitions": definitions} if definitions else {})


def render() -> dict[str, str]:
    """Return every file of the documents, by path below their folder."""
    documents: dict[str, Any] = {"asyncapi.json": asyncapi(version=VERSION)}
    documents |= {f"schemas/{tag}.json": schema for tag, schema in json_schemas().items()}
    return {
        path: json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for path, document in documents.items()
    }


def write(folder: Path) -> list[str]:
    """Write what differs and return its paths. Nothing is deleted: `differences` names what is left over."""
    rendered = render()
    changed = [path for path, text in rendered.items() if _text(folder / path) != text]
    for path in changed:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(rendered[path], encoding="utf-8")
    return changed


def differences(folder: Path) -> list[str]:
    """Return, in words, each file that is not what the catalog says; none is well."""
    rendered = render()
    found = {path: _text(folder / path) for path in rendered}
    wrong = [
        f"{path} is {'missing' if found[path] is None else 'out of date'}"
        for path, text in rendered.items()
        if found[path] != text
    ]
    there = sorted(path.relative_to(folder).as_posix() for path in folder.glob("schemas/*"))
    return wrong + [f"{path} is of no event: delete it" for path in there if path not in rendered]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main(arguments: list[str] | None = None) -> int:
    """Write or check the documents; return the exit status."""
    parser = ArgumentParser(prog="python -m topics.schema", description="The contracts' documents.")
    parser.add_argument("act", choices=["write", "check"])
    parser.add_argument("folder", type=Path, help="where they are, such as docs/contracts")
    chosen = parser.parse_args(arguments)
    if chosen.act == "write":
        sys.stdout.writelines(f"{path}: written\n" for path in write(chosen.folder))
        return 0
    wrong = differences(chosen.folder)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
