"""Each contract as a JSON Schema, with the words that stand beside its fields in the source.

The dialect is draft-07, because AsyncAPI's own schema object is a superset of it: one text serves both.
msgspec writes nearly that. What differs is put right here: decimals travel as numbers; `discriminator`
is no keyword of JSON Schema, and each branch of a union tells itself apart by a constant tag anyway;
a `$ref` may have no siblings; Python's own end of a pattern is the plain ``$`` of ECMA-262.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator
from itertools import pairwise
from textwrap import dedent
from typing import Any

import msgspec
from msgspec import Struct

Schema = dict[str, Any]

_PYTHON_END = r"$(?!\n)"


def components(contracts: Iterable[type], ref_prefix: str) -> dict[str, Schema]:
    """Return the schemas of these structs and of all they hold, by class name.

    ``ref_prefix`` is what a reference to a class name begins with, such as ``#/definitions/``.
    """
    roots = tuple(contracts)
    _, found = msgspec.json.schema_components(roots, ref_template=ref_prefix + "{name}")
    known = {contract.__name__: contract for contract in structs_of(roots)}
    return {
        name: _described(_plain(schema), known[name]) if name in known else _plain(schema)
        for name, schema in found.items()
    }


def structs_of(contracts: Iterable[type]) -> list[type[Struct]]:
    """Return these structs and all they hold, each once."""
    found: dict[type[Struct], None] = {}
    waiting = list(msgspec.inspect.multi_type_info(contracts))
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls not in found:
                found[info.cls] = None
                waiting += [field.type for field in info.fields]
        else:
            waiting += _inner(info)
    return list(found)


def _inner(info: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    match info:
        case msgspec.inspect.UnionType(types=types):
            yield from types
        case (
            msgspec.inspect.ListType(item_type=item) | msgspec.inspect.VarTupleType(item_type=item)
        ):
            yield item
        case msgspec.inspect.TupleType(item_types=items):
            yield from items
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            yield from (key, value)
        case msgspec.inspect.Metadata(type=annotated):
            yield annotated


def _plain(schema: Schema) -> Schema:
    """Return a schema in plain draft-07, its parts included."""
    plain = {key: value for key, value in schema.items() if key != "discriminator"}
    if plain.get("format") == "decimal":
        del plain["format"]
        plain["type"] = "number"
    if "enum" in plain:
        plain = _closed(plain)
    if "pattern" in plain:
        plain["pattern"] = plain["pattern"].replace(_PYTHON_END, "$")
    if "properties" in plain:
        plain["properties"] = {name: _plain(part) for name, part in plain["properties"].items()}
    if "anyOf" in plain:
        plain["anyOf"] = [_plain(branch) for branch in plain["anyOf"]]
    for key in ("items", "additionalProperties"):
        if isinstance(plain.get(key), dict):
            plain[key] = _plain(plain[key])
    return _wrapped(plain)


def _closed(schema: Schema) -> Schema:
    """Return an enum of texts with its type; one of a single value is a constant."""
    values = schema["enum"]
    if not all(isinstance(value, str) for value in values):
        return schema
    rest = {key: value for key, value in schema.items() if key != "enum"}
    closed = {"const": values[0]} if len(values) == 1 else {"enum": values}
    return {"type": "string", **closed, **rest}


def _wrapped(schema: Schema) -> Schema:
    """Return a schema whose `$ref`, if it has one, has no siblings: draft-07 would not read them."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {"allOf": [{"$ref": schema["$ref"]}], **rest}


def _described(schema: Schema, contract: type[Struct]) -> Schema:
    """Return a struct's schema with its own words, and its fields' words from the source."""
    words = attribute_docs(contract)
    described = {
        name: _with_words(part, words.get(name)) for name, part in schema["properties"].items()
    }
    tag_field = contract.__struct_config__.tag_field
    if tag_field in described:
        tag = described[tag_field]["const"]
        described[tag_field]["description"] = f"Always `{tag}`: it tells contracts apart."
    return schema | {
        "description": inspect.cleandoc(contract.__doc__ or ""),
        "properties": described,
    }


def _with_words(schema: Schema, words: str | None) -> Schema:
    """Return a field's schema with one description: what stands beside the field, then its type's."""
    schema, of_type = _description_lifted(schema)
    told = " ".join(part for part in (words, of_type) if part)
    return _wrapped(schema | {"description": told} if told else schema)


def _description_lifted(schema: Schema) -> tuple[Schema, str | None]:
    """Take the description out of a schema, or out of the one branch beside `null` that has it."""
    if "description" in schema:
        return {k: v for k, v in schema.items() if k != "description"}, schema["description"]
    branches = schema.get("anyOf", [])
    of_type = [branch["description"] for branch in branches if "description" in branch]
    if len(of_type) != 1:
        return schema, None
    bare = [{k: v for k, v in branch.items() if k != "description"} for branch in branches]
    return schema | {"anyOf": bare}, of_type[0]


def attribute_docs(contract: type) -> dict[str, str]:
    """Return the text literals that stand under a struct's fields, by field.

    Raises:
        OSError: The class's source is not there.
    """
    tree = ast.parse(dedent(inspect.getsource(contract)))
    found: dict[str, str] = {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for field, text in pairwise(body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as words)),
            ):
                found[name] = " ".join(words.split())
    return found
