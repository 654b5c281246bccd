from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given, settings
from pydantic import BaseModel, Field

from agents.fake_claude.errors import ApiError
from agents.fake_claude.schemas import DEPTH_MAX, check

from .schemata import SCHEMAS, Schema


def of(**fields: Schema) -> Schema:
    """Return the schema of an object with these fields, all required."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def nested(levels: int) -> Schema:
    """Return a schema of that many levels below its root."""
    schema: Schema = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@settings(deadline=None)
@given(SCHEMAS)
def test_any_flat_schema_is_taken(schema: Schema) -> None:
    """Objects of strings, enums, numbers, lists, nested objects and nullables."""
    check(schema, "schema")


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (
            {"type": "object", "properties": {}},
            "For 'object' type, 'additionalProperties' must be explicitly set to false",
        ),
        (
            of(a={"type": "integer", "minimum": 1}),
            "For 'integer' type, property 'minimum' is not supported",
        ),
        (
            of(a={"type": "number", "minimum": 0, "maximum": 1}),
            "For 'number' type, properties minimum, maximum are not supported",
        ),
        (
            of(a={"type": "string", "maxLength": 9}),
            "For 'string' type, property 'maxLength' is not supported",
        ),
        (of(a={"type": "string", "format": "poem"}), "format 'poem' is not supported"),
        (
            of(a={"type": "array", "items": {}, "minItems": 2}),
            "'minItems' values other than 0 or 1",
        ),
        (of(a={"type": "array", "items": {"type": "object"}}), "For 'object' type"),
        (of(a={"type": ["object", "null"]}), "For 'object' type"),
        (of(a={"oneOf": [{"type": "string"}]}), "'oneOf' is not supported"),
        (of(a={"anyOf": [{"type": "date"}]}), "Schema type 'date' is not supported"),
        (of(a={"$ref": "#/$defs/gone"}), "'$ref': '#/$defs/gone' does not name a definition"),
        (of(a={"$ref": "https://example.com/a"}), "does not name a definition"),
        (of(a="string"), "'string' is not a schema"),  # type: ignore[arg-type]  # on purpose
    ],
)
def test_what_the_api_does_not_support_is_a_400(schema: Schema, says: str) -> None:
    """A schema that passes here must not fail there."""
    with pytest.raises(ApiError, match=r"^output") as caught:
        check(schema, "output_config.format.schema")
    assert says in caught.value.message


def test_nesting_is_bounded() -> None:
    """One level more than the bound is refused."""
    check(nested(DEPTH_MAX), "schema")
    with pytest.raises(ApiError, match="recursive or too complex"):
        check(nested(DEPTH_MAX + 1), "schema")


def test_a_schema_that_refers_to_itself_is_refused() -> None:
    """Its values have no end."""
    tree = of(children={"type": "array", "items": {"$ref": "#/$defs/tree"}})
    with pytest.raises(ApiError, match="recursive"):
        check({**tree, "$defs": {"tree": tree}}, "schema")


def test_what_the_sdk_makes_of_a_model_is_taken() -> None:
    """``transform_schema`` moves the bounds away, sets additionalProperties and keeps references."""

    class Driver(BaseModel):
        name: str = Field(max_length=40)
        weight: float | None = Field(ge=0, le=1)

    class Reading(BaseModel):
        headline: str = Field(min_length=1, max_length=100)
        drivers: list[Driver] = Field(max_length=3)

    made: Any = transform_schema(Reading)
    check(made, "schema")
    with pytest.raises(ApiError):
        check(Reading.model_json_schema(), "schema")
