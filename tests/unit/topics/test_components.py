"""Each contract as a JSON Schema: what msgspec leaves out or says otherwise."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field

from tests.strategies.contracts import CONTRACTS
from topics.components import Schema, attribute_docs, components, structs_of

PREFIX = "#/definitions/"
SCHEMAS = components(CONTRACTS, PREFIX)
STRUCTS = structs_of(CONTRACTS)
KEYWORDS = {
    *(
        "title",
        "description",
        "type",
        "properties",
        "required",
        "default",
        "const",
        "enum",
        "anyOf",
    ),
    *("allOf", "$ref", "items", "additionalProperties", "pattern"),
    *("minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "maxItems"),
}
"""Of draft-07, all of them."""


class Inner(Struct, tag_field="kind", tag="inner"):
    """What is inside.

    And more of it.
    """

    price: Annotated[Decimal, Meta(description="A price.", extra_json_schema={"minimum": 0})]


class Other(Struct, tag_field="kind", tag="other"):
    count: int = 0


class Outer(Struct, tag_field="type", tag="outer"):
    """What is outside."""

    plain: Inner
    told: Inner
    """Beside a
    reference."""
    either: Inner | Other
    maybe: Inner | None = None
    """Beside a branch."""
    span: Annotated[int, Meta(gt=0, description="In ms.")] | None = None
    """Beside null."""
    word: Annotated[str, Meta(pattern=r"^[a-z]$(?!\n)")] = "a"
    list_of: list[Inner] = field(default_factory=list)
    dict_of: dict[str, Decimal] = field(default_factory=dict)
    closed: Literal["b", "a"] = "a"
    counted: Literal[2, 1] = 1


OUTER = components([Outer], PREFIX)


def part(name: str) -> Schema:
    found: Schema = OUTER["Outer"]["properties"][name]
    return found


def nodes(value: object, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object below, with the key it is under."""
    if isinstance(value, dict):
        yield key, value
        for name, inner in value.items():
            yield from nodes(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner, key)


def schemas() -> Iterator[Schema]:
    """Yield every schema of ours: objects that are neither maps of fields nor defaults."""
    for key, node in nodes(list(SCHEMAS.values())):
        if key not in {"properties", "default"}:
            yield node


def test_a_decimal_is_a_number_with_its_bounds() -> None:
    """msgspec would say text; the encoder writes numbers."""
    assert OUTER["Inner"]["properties"]["price"] == {
        "type": "number",
        "minimum": 0,
        "description": "A price.",
    }
    assert part("dict_of")["additionalProperties"] == {"type": "number"}
    assert {
        key: value
        for key, value in SCHEMAS["Trade"]["properties"]["price"].items()
        if key not in {"type", "description"}
    } == {"minimum": 1e-18, "maximum": 10**15}


def test_a_class_docstring_is_the_description() -> None:
    """Without the source's indent."""
    assert OUTER["Inner"]["description"] == "What is inside.\n\nAnd more of it."


def test_words_under_a_field_are_its_description() -> None:
    """They stand before those of its type, and a line break in the source is none in the document."""
    assert part("told") == {
        "allOf": [{"$ref": "#/definitions/Inner"}],
        "description": "Beside a reference.",
    }
    assert part("span") == {
        "anyOf": [{"type": "integer", "exclusiveMinimum": 0}, {"type": "null"}],
        "default": None,
        "description": "Beside null. In ms.",
    }
    assert part("maybe")["description"] == "Beside a branch."


def test_a_reference_without_words_stays_bare() -> None:
    """Wrapping is for siblings only."""
    assert part("plain") == {"$ref": "#/definitions/Inner"}


def test_a_union_is_told_apart_by_constants() -> None:
    """`discriminator` is no keyword of JSON Schema, and AsyncAPI's means something else."""
    assert part("either") == {
        "anyOf": [{"$ref": "#/definitions/Inner"}, {"$ref": "#/definitions/Other"}]
    }
    assert OUTER["Inner"]["properties"]["kind"] == {
        "type": "string",
        "const": "inner",
        "description": "Always `inner`: it tells contracts apart.",
    }


def test_a_pattern_ends_as_in_ecma() -> None:
    """Python's guard against a last line break is not known to every engine, and not needed there."""
    assert part("word")["pattern"] == "^[a-z]$"


def test_a_closed_list_is_sorted_text() -> None:
    """The order of a Literal is of no meaning, and moves with the source."""
    assert part("closed") == {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert part("counted") == {"enum": [1, 2], "default": 1}


def test_every_struct_a_contract_holds_is_found() -> None:
    """Through lists, mappings, unions and options."""
    assert set(structs_of([Outer])) == {Outer, Inner, Other}
    assert set(SCHEMAS) == {struct.__name__ for struct in STRUCTS}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_everything_said_in_the_source_is_in_the_schema(struct: type[Struct]) -> None:
    """No word under a field is lost, and every class says what it is."""
    schema = SCHEMAS[struct.__name__]
    assert schema["description"]
    for name, words in attribute_docs(struct).items():
        assert schema["properties"][name]["description"].startswith(words)


def test_only_plain_keywords_are_used() -> None:
    """Nothing that draft-07 does not know, so that any validator can be used."""
    assert {key for schema in schemas() for key in schema} <= KEYWORDS


def test_a_reference_stands_alone_and_leads_somewhere() -> None:
    """Draft-07 ignores its siblings."""
    references = [schema for schema in schemas() if "$ref" in schema]
    assert references
    for schema in references:
        assert list(schema) == ["$ref"]
        assert schema["$ref"].removeprefix(PREFIX) in SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_an_optional_field_says_its_default(name: str) -> None:
    """A reader in another language must know what a missing field stands for."""
    schema = SCHEMAS[name]
    optional = schema["properties"].keys() - set(schema["required"])
    assert [f for f in sorted(optional) if "default" not in schema["properties"][f]] == []


def test_every_pattern_compiles_and_is_anchored() -> None:
    """JSON Schema searches: a pattern without ends would let anything around pass."""
    for schema in schemas():
        if "pattern" in schema:
            assert re.fullmatch(r"\^.*\$", schema["pattern"])
            re.compile(schema["pattern"])
