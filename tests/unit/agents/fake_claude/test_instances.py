import datetime as dt
from ipaddress import IPv4Address, IPv6Address

import pytest
from anthropic import transform_schema
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import UUID4, AnyUrl, AwareDatetime, BaseModel, TypeAdapter

from agents.fake_claude.dice import Dice
from agents.fake_claude.instances import instance

from .schemata import SCHEMAS, Schema, conforms


def made(schema: Schema, seed: bytes = b"") -> object:
    """Return a value for a schema, its texts all alike."""
    return instance(schema, Dice(seed), lambda path: f"text of {path}")


@settings(deadline=None)
@given(SCHEMAS, st.binary(max_size=32))
def test_every_value_conforms_to_its_schema(schema: Schema, seed: bytes) -> None:
    """Required fields are there, nothing else is, and all is of its type."""
    value = made(schema, seed)
    assert conforms(value, schema), value


@settings(deadline=None)
@given(SCHEMAS, st.binary(max_size=32))
def test_the_same_seed_makes_the_same_value(schema: Schema, seed: bytes) -> None:
    """Answers are repeatable."""
    assert made(schema, seed) == made(schema, seed)


def test_other_seeds_make_other_values() -> None:
    """A seed that changes nothing would hide a defect of the one who asks."""
    schema: Schema = {"enum": ["up", "down", "flat"]}
    assert {str(made(schema, bytes([seed]))) for seed in range(50)} == {"up", "down", "flat"}


def test_definitions_are_followed_and_joined() -> None:
    """What the SDK makes of nested models, with ``$ref`` and ``allOf``."""

    class Driver(BaseModel):
        name: str
        weight: int | None

    class Reading(BaseModel):
        drivers: list[Driver]
        main: Driver

    Reading.model_validate(made(transform_schema(Reading)))
    joined: Schema = {
        "allOf": [
            {"$ref": "#/$defs/a"},
            {"properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ],
        "$defs": {"a": {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}},
    }
    value = made(joined)
    assert isinstance(value, dict)
    assert value.keys() == {"a", "b"}


@pytest.mark.parametrize(
    ("form", "reader"),
    [
        ("date-time", AwareDatetime),
        ("date", dt.date),
        ("time", dt.time),
        ("duration", dt.timedelta),
        ("uuid", UUID4),
        ("ipv4", IPv4Address),
        ("ipv6", IPv6Address),
        ("uri", AnyUrl),
    ],
)
def test_formatted_strings_are_in_their_format(form: str, reader: type) -> None:
    """A reader may parse them."""
    value = made({"type": "string", "format": form})
    assert TypeAdapter(reader).validate_python(value)


def test_a_schema_that_says_nothing_gets_an_empty_object() -> None:
    """The SDK's own tests send one."""
    assert made({"foo": "bar"}) == {}
