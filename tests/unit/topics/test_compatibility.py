"""A change that would break a reader or writer is found before it is released."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct
from msgspec.structs import replace

from topics import BY_NAME, TOPICS, Topic, compatibility, evolution
from topics.compatibility import compare, main
from topics.document import asyncapi
from topics.units import EpochMs, Name

from .planted import (
    BREAKING,
    DOCUMENT,
    HARMLESS,
    RAW,
    TRADE,
    Change,
    both,
    changed,
    field,
    put,
    take,
)

FOLDER = Path(__file__).parents[3] / "docs" / "contracts"
RELEASED = FOLDER / "released" / "asyncapi.json"
RELEASED_SHA256 = "a2ff213c1c7b2edca231abc5fabcb97f334b8caa6276a01c0a1ed7a9a5f7a283"
"""Of the contracts that are out. A change of this line is a change of what others rely on: never to make a
breaking change pass; only to release what `compare` finds compatible with the document it replaces."""


def test_the_contracts_of_today_break_nobody_who_relies_on_the_released_ones() -> None:
    """The gate: what this prints must be undone, or become a new field, event or topic."""
    findings = compare(
        json.loads(RELEASED.read_text(encoding="utf-8")),
        json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8")),
    )
    assert [found for found in findings if found.breaking] == []


def test_the_released_document_is_the_one_that_was_released() -> None:
    """An edit of it could hide any change, so it takes an edit here too."""
    assert sha256(RELEASED.read_bytes()).hexdigest() == RELEASED_SHA256


@pytest.mark.parametrize(
    ("change", "path", "what"), [row[1:] for row in BREAKING], ids=[row[0] for row in BREAKING]
)
def test_a_planted_breaking_change_is_found_and_named(change: Change, path: str, what: str) -> None:
    """Where it is, what it is and why it breaks."""
    found = [each for each in compare(DOCUMENT, changed(change)) if each.breaking]
    assert [each for each in found if each.path == path and each.what.startswith(what)]
    assert all(each.why for each in found)


@pytest.mark.parametrize(
    ("change", "what"), [row[1:] for row in HARMLESS], ids=[row[0] for row in HARMLESS]
)
def test_a_planted_harmless_change_passes(change: Change, what: list[str]) -> None:
    """It is told where a reader could notice it, and breaks nothing."""
    found = compare(DOCUMENT, changed(change))
    assert [each.what for each in found] == what
    assert not any(each.breaking for each in found)


def test_a_new_message_says_who_goes_first() -> None:
    """It is compatible only in that order, and the finding is the place to say so."""
    new = changed(put(*RAW, "messages", "post", {"$ref": "#/components/messages/post"}))
    assert [each.why for each in compare(DOCUMENT, new)] == [
        "upgrade readers first, then writers: a reader that does not know it sends it to the dead letters"
    ]


def test_every_rule_has_its_row_in_the_table() -> None:
    """The docstring is what people read; yes and no stand in its last column."""
    table = dict[str, bool]()
    rows = (compatibility.__doc__ or "").partition("\n====")[2].splitlines()
    for row in rows:
        if row.endswith((" yes", " no")):
            table[row[:28].partition("(")[0].strip()] = row.endswith(" yes")
    breaking = compatibility.BREAKING | evolution.BREAKING
    compatible = compatibility.COMPATIBLE | evolution.COMPATIBLE
    assert table == dict.fromkeys(breaking, True) | dict.fromkeys(compatible, False)


class Beat(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="heartbeat"
):
    """A heartbeat in which `epoch` is gone, `state` knows more, and `reason` is new."""

    source: Name
    through_ms: EpochMs
    state: Literal["open", "closed", "paused"] = "open"
    reason: Annotated[str, Meta(max_length=9)] = ""


def test_a_changed_struct_is_found_through_the_document() -> None:
    """The whole way: class, schema, document, finding."""
    beat = next(event for event in BY_NAME["raw.market"].events if event.__name__ == "Heartbeat")

    def with_beat(topic: Topic) -> Topic:
        return replace(topic, events=tuple(Beat if e is beat else e for e in topic.events))

    new = asyncapi(version="1.0.0", topics=[with_beat(topic) for topic in TOPICS])
    assert [(f.path, f.what, f.breaking) for f in compare(DOCUMENT, new)] == [
        ("messages/heartbeat/payload/epoch", "field removed: epoch", True),
        ("messages/heartbeat/payload/reason", "optional field added: reason", False),
        ("messages/heartbeat/payload/state", "value added: 'paused'", True),
    ]


def test_the_command_fails_on_a_breaking_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its output is for people; its exit status is for CI."""
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    new.write_text(
        json.dumps(
            changed(
                both(
                    take(*TRADE, "properties", "side"),
                    field("mood", {"type": "string", "default": ""}, required=False),
                )
            )
        ),
        encoding="utf-8",
    )
    removed = evolution.BREAKING["field removed"]
    added = evolution.COMPATIBLE["optional field added"]
    assert main([str(old), str(new)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"BREAKING messages/trade/payload/side: field removed: side ({removed})",
        f"ok messages/trade/payload/mood: optional field added: mood ({added})",
    ]
    assert main([str(old), str(old)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), ("{", "cannot be read"), ("{}", "has no channels")],
)
def test_the_command_names_a_file_that_is_no_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    """Exit 2, which is neither compatible nor breaking."""
    path = tmp_path / "new.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        main([str(RELEASED), str(path)])
    error = capsys.readouterr().err
    assert str(path) in error
    assert words in error
