"""Bytes to event and back. Nothing leaves with a number that is not finite, nothing enters unchecked."""

from collections.abc import Iterable, Sequence
from functools import cache
from math import isfinite
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from .errors import ContractError

E = TypeVar("E")

NESTING_MAX = 64
"""Of objects and lists; our contracts need six. A fixed bound, because the reader's own depends on the stack it
is called from, and two runs must not judge one record differently."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class _Tag(Struct):
    type: str


_TAG = msgspec.json.Decoder(_Tag)
_WHOLE = msgspec.json.Decoder(msgspec.Raw)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises on bytes: not JSON or not the contract; not UTF-8; nested too deep."""


def encode(event: Struct) -> bytes:
    """Return an event as JSON.

    Raises:
        ContractError: A number in it is not finite (`invalid`), with the path to it. (JSON has no NaN:
            msgspec would write `null`, and the reader could not read it.) Or a text has half of a
            surrogate pair (`invalid`), which UTF-8 cannot write.
    """
    if (path := _not_finite(event)) is not None:
        msg = f"{type(event).__name__}{path} is not a finite number"
        raise ContractError(msg, reason="invalid")
    return encode_checked(event)


def encode_checked(event: Struct) -> bytes:
    """Return an event as JSON whose fields are known to be what the contract says, without a double among them.

    Raises:
        ContractError: As `encode`, of a text.
    """
    try:
        return _ENCODER.encode(event)
    except UnicodeEncodeError as error:
        msg = f"a text of {type(event).__name__} cannot be written as UTF-8: {error}"
        raise ContractError(msg, reason="invalid") from None


def _depth(data: bytes) -> int:
    """Return how deep brackets are nested; those within strings count too, which only errs to the safe side."""
    depth = deepest = 0
    for byte in data:
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


class Decoder(Generic[E]):
    """Reads one contract, or a union of them, out of JSON bytes."""

    def __init__(self, contract: Any, tags: Iterable[str]) -> None:  # noqa: ANN401 - a union is no class
        """Take the type to read and the tags it knows."""
        self._decode = msgspec.json.Decoder(contract).decode
        self._tags = frozenset(tags)

    def decode(self, data: bytes) -> E:
        """Return the event.

        Raises:
            ContractError: The bytes are not JSON in UTF-8 or are nested too deep (`malformed`), carry a tag
                this version does not know (`unknown_type`), or are not what the contract says (`invalid`).
        """
        if data.count(b"{") + data.count(b"[") > NESTING_MAX and _depth(data) > NESTING_MAX:
            msg = f"nested deeper than {NESTING_MAX}"
            raise ContractError(msg, reason="malformed")
        try:
            if not data.isascii():
                data.decode()  # msgspec does not look into the texts of fields it skips
            return self._decode(data)  # type: ignore[no-any-return]
        except _UNREADABLE as error:
            raise ContractError(str(error), reason=self.reason(data, error)) from None

    def decode_all(self, data: Sequence[bytes]) -> list[E] | None:
        """Return the events of many records at once, or None if one of them must be looked at by `decode`."""
        decode = self._decode
        try:
            events = [decode(record) for record in data]
        except _UNREADABLE:
            return None
        # Each of them is an object. With so few brackets in all of them, none is nested deeper than allowed.
        whole = b"".join(data)
        # To find that there is none is far quicker than to count.
        lists = whole.count(b"[") if b"[" in whole else 0
        deep = whole.count(b"{") + lists - len(events) >= NESTING_MAX
        return events if whole.isascii() and not deep else None

    def reason(self, data: bytes, error: Exception) -> str:
        """Return the dead letter's reason for bytes that could not be read."""
        if not isinstance(error, msgspec.ValidationError) or not _is_json(data):
            return "malformed"
        try:
            tag = _TAG.decode(data).type
        except _UNREADABLE:
            return "invalid"
        return "invalid" if tag in self._tags else "unknown_type"


def _is_json(data: bytes) -> bool:
    """Return whether all of it is JSON: a wrong field may stand before the place where it stops to be."""
    try:
        _WHOLE.decode(data)
    except _UNREADABLE:
        return False
    return True


def decoder_of(*contracts: type[E]) -> Decoder[E]:
    """Return a decoder of these structs, told apart by their tags."""
    union: Any = contracts[0]
    for contract in contracts[1:]:
        union = union | contract
    return Decoder(union, [tag_of(contract) for contract in contracts])


def tag_of(contract: type) -> str:
    """Return the tag a contract carries in its `type` field."""
    tag = contract.__struct_config__.tag  # type: ignore[attr-defined]
    if not isinstance(tag, str):
        msg = f"{contract.__name__} has no tag"
        raise TypeError(msg)
    return tag


@cache
def _fields_with_floats(contract: type) -> tuple[str, ...]:
    """Return the fields of a struct that may hold doubles; nothing of any other type."""
    if not issubclass(contract, Struct):
        return ()
    fields = msgspec.structs.fields(contract)
    return tuple(
        field.name for field in fields if _floats_in(msgspec.inspect.type_info(field.type), set())
    )


def _floats_in(info: msgspec.inspect.Type, seen: set[type]) -> bool:
    inner: Iterable[msgspec.inspect.Type] = ()
    match info:
        case msgspec.inspect.FloatType():
            return True
        case msgspec.inspect.StructType(cls=cls, fields=fields) if cls not in seen:
            seen.add(cls)
            inner = [field.type for field in fields]
        case msgspec.inspect.UnionType(types=types):
            inner = types
        case msgspec.inspect.DictType(value_type=part) | msgspec.inspect.ListType(item_type=part):
            inner = (part,)
        case msgspec.inspect.Metadata(type=part):
            inner = (part,)
    return any(_floats_in(part, seen) for part in inner)


def _parts(value: object) -> Iterable[tuple[Any, object]]:
    """Return what of a value may hold doubles, each with its key, place or field."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list):
        return enumerate(value)
    kind: Any = type(value)
    return [(name, getattr(value, name)) for name in _fields_with_floats(kind)]


def _not_finite(value: object) -> str | None:
    """Return the path to the first number that is not finite, or None."""
    if isinstance(value, float):
        return None if isfinite(value) else ""
    for at, part in _parts(value):
        if (path := _not_finite(part)) is not None:
            return f".{at}{path}" if isinstance(value, Struct) else f"[{at!r}]{path}"
    return None
