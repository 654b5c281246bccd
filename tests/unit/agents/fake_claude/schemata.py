"""JSON Schemas to answer, at random, and a judge of the answers that shares no code with what makes them."""

from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]

_NAMES = st.sampled_from(["headline", "text", "confidence", "drivers", "horizon", "note"])
_PYTHON: dict[str, set[type]] = {
    "string": {str},
    "boolean": {bool},
    "integer": {int},
    "number": {int, float},
    "null": {type(None)},
    "object": set(),
    "array": set(),
}
_LEAVES = st.one_of(
    st.sampled_from(["string", "boolean", "integer", "number"]).map(lambda kind: {"type": kind}),
    st.lists(st.text(max_size=5), min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.sampled_from([1, "x", None, True]).map(lambda value: {"const": value}),
)


def _nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        inner.map(lambda schema: {"type": "array", "items": schema, "minItems": 1}),
        inner.map(lambda schema: {"anyOf": [schema, {"type": "null"}]}),
        objects(inner),
    )


def objects(field: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Objects of such fields, some of them required."""
    fields = st.dictionaries(_NAMES, field, max_size=4)
    return fields.flatmap(
        lambda properties: st.sets(st.sampled_from(sorted(properties) or [""])).map(
            lambda required: {
                "type": "object",
                "properties": properties,
                "required": sorted(required & properties.keys()),
                "additionalProperties": False,
            }
        )
    )


SCHEMAS = objects(st.recursive(_LEAVES, _nested, max_leaves=6))


def conforms(value: object, schema: Schema) -> bool:
    """Whether a value is what its schema says."""
    if "anyOf" in schema:
        return any(conforms(value, option) for option in schema["anyOf"])
    if "type" not in schema:
        return any(_same(value, allowed) for allowed in schema.get("enum", [schema.get("const")]))
    return _is_typed(value, schema)


def _is_typed(value: object, schema: Schema) -> bool:
    match schema["type"], value:
        case "object", dict():
            fields = schema["properties"]
            return set(schema["required"]) <= value.keys() <= fields.keys() and all(
                conforms(part, fields[name]) for name, part in value.items()
            )
        case "array", list():
            return len(value) >= schema.get("minItems", 0) and all(
                conforms(item, schema["items"]) for item in value
            )
        case kind, _:
            return type(value) in _PYTHON[kind]


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other
