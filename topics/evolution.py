"""What differs between two schemas of one thing, and whom it hurts.

A topic keeps its records for days, and processes are upgraded one by one. So two readers count: the new
one on old records, and the old one on new records. A change that either cannot bear is breaking.
The docstring of `topics.compatibility` has the rules as a table.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from .components import Schema

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
_PARTS = {"properties", "required", "anyOf", "allOf", "items", "additionalProperties"}
_PROSE = {"title", "description", "examples", "$ref"}
_COMPARED = {"default", "enum", "const", "pattern", *_LOWER, *_UPPER, *_PARTS}
_ABSENT = object()

_NEW_REFUSE_OLD = "new readers refuse records that are still in the topic"
_OLD_REFUSE_NEW = "readers that are not upgraded yet refuse new records"

BREAKING: dict[str, str] = {
    "field removed": "old readers refuse new records, or take the default for what was said",
    "required field added": _NEW_REFUSE_OLD,
    "field now required": f"{_NEW_REFUSE_OLD} without it",
    "field no longer required": f"{_OLD_REFUSE_NEW} without it",
    "default changed": "a record without the field says one thing to old readers, another to new ones",
    "constant changed": "a tag tells records apart, and neither reader knows the other's",
    "type changed": f"{_NEW_REFUSE_OLD}, and {_OLD_REFUSE_NEW}",
    "type narrowed": _NEW_REFUSE_OLD,
    "type widened": _OLD_REFUSE_NEW,
    "value removed": _NEW_REFUSE_OLD,
    "value added": f"the list is closed: {_OLD_REFUSE_NEW}",
    "pattern changed": "one reader refuses what the other's writers may send",
    "range narrowed": _NEW_REFUSE_OLD,
    "range widened": _OLD_REFUSE_NEW,
    "schema changed": "no rule knows this change, so it may break a reader",
}
COMPATIBLE: dict[str, str] = {
    "optional field added": "old readers skip it, new readers take its default for old records",
}


class Finding(Struct, frozen=True, kw_only=True):
    """One difference: where, what, and why it breaks or does not."""

    path: str
    what: str
    why: str
    breaking: bool


def finding(path: str, rule: str, detail: str) -> Finding:
    """Return the finding of a rule about schemas: its name, and what exactly is different."""
    why = BREAKING.get(rule) or COMPATIBLE[rule]
    return Finding(path=path, what=f"{rule}: {detail}", why=why, breaking=rule in BREAKING)


class SchemaComparison:
    """Compares schemas of an old and a new document, each with references into its own."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Take the documents that references point into."""
        self._old = old
        self._new = new

    def compare(
        self, path: str, old: Schema, new: Schema, above: frozenset[tuple[str, str]] = frozenset()
    ) -> Iterator[Finding]:
        """Yield every difference that a reader could notice.

        ``above`` are the references that are being compared already, so that a schema may hold itself.
        """
        before, after = _branches(old, self._old), _branches(new, self._new)
        yield from _branches_differ(path, list(before), list(after))
        for name in before:
            if name in after:
                yield from self._branch(path, before[name], after[name], above)

    def _branch(
        self, path: str, old: Schema, new: Schema, above: frozenset[tuple[str, str]]
    ) -> Iterator[Finding]:
        here = (_reference(old), _reference(new))
        if here in above:
            return
        if all(here):
            above |= {here}
        old, new = resolve(old, self._old), resolve(new, self._new)
        yield from _keywords(path, old, new)
        yield from self._fields(path, old, new, above)
        for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
            before, after = old.get(key, True), new.get(key, True)
            if isinstance(before, dict) and isinstance(after, dict):
                yield from self.compare(path + mark, before, after, above)
            elif before != after:
                yield _changed(path, key, before, after)

    def _fields(
        self, path: str, old: Schema, new: Schema, above: frozenset[tuple[str, str]]
    ) -> Iterator[Finding]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = old.get("required", ()), new.get("required", ())
        for name in sorted(before.keys() - after.keys()):
            yield finding(f"{path}/{name}", "field removed", name)
        for name in sorted(after.keys() - before.keys()):
            rule = "required field added" if name in needed_after else "optional field added"
            yield finding(f"{path}/{name}", rule, name)
        for name in sorted(before.keys() & after.keys()):
            here = f"{path}/{name}"
            if name in needed_before and name not in needed_after:
                yield finding(here, "field no longer required", "writers may leave it out")
            if name in needed_after and name not in needed_before:
                yield finding(here, "field now required", "writers could leave it out")
            yield from _default(here, before[name], after[name])
            yield from self.compare(here, before[name], after[name], above)


def resolve(schema: Schema, document: dict[str, Any]) -> Schema:
    """Return a schema with its reference, bare or in an `allOf` of one, replaced by what it names."""
    while reference := _reference(schema):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        schema = target | {key: schema[key] for key in schema if key not in ("$ref", "allOf")}
    return schema


def _reference(schema: Schema) -> str:
    match schema:
        case {"$ref": str() as reference} | {"allOf": [{"$ref": str() as reference}]}:
            return reference
        case _:
            return ""


def _branches(schema: Schema, document: dict[str, Any]) -> dict[str, Schema]:
    """Return what a value may be, by what tells one branch from another: a tag, else a type."""
    branches = schema.get("anyOf", [schema])
    named: dict[str, Schema] = {}
    for branch in branches:
        whole = resolve(branch, document)
        # The tag of a struct that stands alone is compared as a field of it.
        name = (len(branches) > 1 and _tag(whole)) or str(whole.get("type", "anything"))
        while name in named:
            name += "'"
        named[name] = branch
    return named


def _tag(schema: Schema) -> str | None:
    fields = schema.get("properties", {}).values()
    return next((field["const"] for field in fields if "const" in field), None)


def _branches_differ(path: str, old: list[str], new: list[str]) -> Iterator[Finding]:
    gone = [name for name in old if name not in new]
    more = [name for name in new if name not in old]
    if gone and more:
        yield finding(path, "type changed", f"{' | '.join(old)} became {' | '.join(new)}")
    elif gone:
        yield finding(path, "type narrowed", f"no longer {' or '.join(gone)}")
    elif more:
        yield finding(path, "type widened", f"now also {' or '.join(more)}")


def _default(path: str, old: Schema, new: Schema) -> Iterator[Finding]:
    before, after = old.get("default", _ABSENT), new.get("default", _ABSENT)
    if _differ(before, after):
        words = ["none" if value is _ABSENT else repr(value) for value in (before, after)]
        yield finding(path, "default changed", " became ".join(words))


def _keywords(path: str, old: Schema, new: Schema) -> Iterator[Finding]:
    """Yield what differs of one branch itself, its parts left out."""
    for keyword, rule in (("const", "constant changed"), ("pattern", "pattern changed")):
        if old.get(keyword) != new.get(keyword):
            detail = f"{old.get(keyword)!r} became {new.get(keyword)!r}"
            yield finding(path, rule, detail)
    yield from _values(path, old.get("enum"), new.get("enum"))
    for keyword in (*_LOWER, *_UPPER):
        if old.get(keyword) != new.get(keyword):
            yield _bound(path, keyword, old.get(keyword), new.get(keyword))
    for keyword in sorted((old.keys() | new.keys()) - _COMPARED - _PROSE):
        if _differ(old.get(keyword), new.get(keyword)):
            yield _changed(path, keyword, old.get(keyword), new.get(keyword))


def _values(path: str, old: list[Any] | None, new: list[Any] | None) -> Iterator[Finding]:
    if old is None and new is not None:
        yield finding(path, "type narrowed", f"now only {new}")
    elif new is None and old is not None:
        yield finding(path, "type widened", f"no longer only {old}")
    before, after = old or [], new or []
    if before and after:
        for value in before:
            if value not in after:
                yield finding(path, "value removed", repr(value))
        for value in after:
            if value not in before:
                yield finding(path, "value added", repr(value))


def _bound(path: str, keyword: str, old: float | None, new: float | None) -> Finding:
    if old is None or new is None:
        narrowed = old is None
    else:
        narrowed = new > old if keyword in _LOWER else new < old
    words = ["none" if bound is None else str(bound) for bound in (old, new)]
    rule = "range narrowed" if narrowed else "range widened"
    return finding(path, rule, f"{keyword} {' became '.join(words)}")


def _changed(path: str, keyword: str, old: object, new: object) -> Finding:
    return finding(path, "schema changed", f"{keyword} was {old!r}, now {new!r}")


def _differ(old: object, new: object) -> bool:
    """Compare as JSON does, where true is not 1."""
    return type(old) is not type(new) or old != new
