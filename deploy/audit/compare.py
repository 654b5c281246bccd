"""One record that must be there against the one that is: key, headers and every field of the value."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from topics.catalog import KINDS, raw_topic

from .outputs import FREE_HEADER, Expected
from .scores import Close

What = Literal[
    "hole", "sum", "counter", "missing", "extra", "doubled", "stray", "key", "header", "field"
]
WHAT: tuple[What, ...] = get_args(What)
"""Sorts of difference, those first that explain the others."""
_PLACE = ("topic", "partition", "offset")
_RAW = frozenset(map(raw_topic, KINDS))
STATE_FIELDS = frozenset({"reason", "completeness", "scores", "history_n"})
"""Fields of an aggregate that rest on more of the log than the window's own span."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it must be, in a sentence."""

    what: What
    where: str
    """topic/partition/offset, as far as there is such a place."""
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One committed record of a topic of outputs, under the topic's name in the table."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()
    after_pause: bool = False
    """Nothing was written for a while before it: a restart shows as that."""
    body: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def where(self) -> str:
        """Its place in words."""
        return f"{self.topic}/{self.partition} at {self.offset}"


def identity_of(found: Found) -> tuple[str, str] | None:
    """Return the raw topic a record came of and its name (`Expected.name`); None if it does not say."""
    body = found.body or {}
    if found.topic == "deadletters":
        told = {name: value.decode(errors="replace") for name, value in found.headers}
        topic, partition, offset = (told.get(f"__connect.errors.{part}") for part in _PLACE)
        name = f"{topic}/{partition}/{offset}"
    elif found.topic == "late":
        topic = f"raw.{body.get('kind')}"
        name = f"{topic}/{body.get('partition')}/{body.get('offset')}"
    else:
        name = str(body.get("aggregate_id"))
        topic = f"raw.{name.partition('/')[0]}"
    return (topic, name) if topic in _RAW else None


def with_body(found: Found) -> Found:
    """Return a record with its JSON read, if it is an object."""
    if found.topic == "deadletters":
        return found
    try:
        body = json.loads(found.value)
    except ValueError:
        return found
    return Found(
        topic=found.topic,
        partition=found.partition,
        offset=found.offset,
        key=found.key,
        value=found.value,
        headers=found.headers,
        after_pause=found.after_pause,
        body=body if isinstance(body, dict) else None,
    )


def differences_of(
    expected: Expected, found: Found, *, leaving_out: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Yield everything in which a record differs; ``leaving_out`` names fields not to be compared."""
    name = expected.name
    if found.key != expected.key:
        text = f"{name}: its key is {found.key!r}, not {expected.key!r}"
        yield Difference("key", found.where, text)
    for text in _header_differences(expected.headers, found.headers):
        yield Difference("header", found.where, f"{name}: {text}")
    for text in _value_differences(expected, found, leaving_out):
        yield Difference("field", found.where, f"{name}: {text}")


def _value_differences(
    expected: Expected, found: Found, leaving_out: frozenset[str]
) -> Iterator[str]:
    if expected.body is None:
        if found.value != expected.original:
            yield "its value is not the original bytes"
        return
    body = {name: value for name, value in (found.body or {}).items() if name not in leaving_out}
    wanted = {name: value for name, value in expected.body.items() if name not in leaving_out}
    if expected.original:
        body.pop("event", None)
        if b'"event":' + expected.original not in found.value:
            yield "event is not the record's bytes as they stand in the raw topic"
    yield from body_differences(wanted, body)


def body_differences(wanted: object, found: object, path: str = "") -> Iterator[str]:
    """Yield in words where a JSON value is not the wanted one; a `Close` wants a number near its own."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in wanted.keys() | found.keys():
            inner = f"{path}.{name}" if path else str(name)
            if name not in found:
                yield f"{inner} is missing; it must be {_told(wanted[name])}"
            elif name not in wanted:
                yield f"{inner} is {_told(found[name])}, and must not be there"
            else:
                yield from body_differences(wanted[name], found[name], inner)
    elif not _agrees(wanted, found):
        yield f"{path} is {_told(found)}, not {_told(wanted)}"


def _agrees(wanted: object, found: object) -> bool:
    if isinstance(wanted, Close):
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        return is_number and abs(found - wanted.number) <= wanted.within  # type: ignore[operator]
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return wanted == found


def _told(value: object) -> str:
    if isinstance(value, Close):
        return f"{value.number!r} (within {value.within:.3g})"
    if isinstance(value, dict):
        return json.dumps({name: _plain(part) for name, part in value.items()})
    return json.dumps(value) if not isinstance(value, str) else value


def _plain(value: object) -> object:
    if isinstance(value, Close):
        return value.number
    return {n: _plain(v) for n, v in value.items()} if isinstance(value, dict) else value


def _header_differences(
    wanted: dict[str, bytes], found: Sequence[tuple[str, bytes]]
) -> Iterator[str]:
    told = dict(found)
    names = [name for name, _ in found]
    for name in sorted(wanted.keys() - told.keys()):
        yield f"header {name} is missing; it must be {wanted[name].decode(errors='replace')}"
    for name in sorted(told.keys() - wanted.keys()):
        yield f"header {name} must not be there"
    for name in sorted(wanted.keys() & told.keys()):
        if names.count(name) > 1:
            yield f"header {name} is there {names.count(name)} times"
        elif name != FREE_HEADER and told[name] != wanted[name]:
            is_now, must_be = (v.decode(errors="replace") for v in (told[name], wanted[name]))
            yield f"header {name} is {is_now}, not {must_be}"
