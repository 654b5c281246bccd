"""Any event that a contract allows, read from the contract itself: a new field needs nothing here."""

from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from hypothesis import strategies as st
from msgspec import Raw, Struct
from msgspec import inspect as seen

from topics import TOPICS, RawEvent, encode
from topics.units import NUMBER_MAX

E = TypeVar("E", bound=Struct)

CONTRACTS: tuple[type[Struct], ...] = tuple(dict.fromkeys(e for t in TOPICS for e in t.events))
"""Every contract, in the order of the path."""
RAW_CONTRACTS: tuple[type[RawEvent], ...] = RawEvent.__args__
INT_MAX = 2**63 - 1
PLACES = 12
"""Digits behind the point of a generated decimal."""

_PYTHON_END = r"$(?!\n)"


@cache
def events(contract: type[E]) -> st.SearchStrategy[E]:
    """Return any event of one contract, to the edges of every range (decimals to `PLACES`)."""
    found = _of(msgspec.inspect.type_info(contract))
    return cast("st.SearchStrategy[E]", found)


def any_event() -> st.SearchStrategy[Struct]:
    """Return any event of any contract."""
    return st.sampled_from(CONTRACTS).flatmap(events)


def raw_events() -> st.SearchStrategy[RawEvent]:
    """Return any trade, volume, post or act in a repository; no heartbeats and no gap marks."""
    return st.one_of([events(contract) for contract in RAW_CONTRACTS])


def _of(info: seen.Type) -> st.SearchStrategy[Any]:
    return _WHOLE[type(info)](info) if type(info) in _WHOLE else _number_or_text(info)


def _number_or_text(info: seen.Type) -> st.SearchStrategy[Any]:
    match info:
        case seen.Metadata(type=seen.DecimalType(), extra_json_schema=extra):
            return _decimals((extra or {}).get("minimum", 0))
        case seen.Metadata(type=inner):
            return _of(inner)
        case seen.IntType(ge=ge, gt=gt, le=le):
            return st.integers(
                0 if ge is None and gt is None else (ge if gt is None else gt + 1), le or INT_MAX
            )
        case seen.FloatType(ge=ge, le=le):
            return st.floats(ge, le, allow_nan=False, allow_infinity=False)
        case seen.StrType():
            return _texts(info)
    msg = f"no strategy for {info}: add one here"
    raise TypeError(msg)


def _decimals(at_least: float) -> st.SearchStrategy[Decimal]:
    lowest = Decimal(1).scaleb(-PLACES) if at_least else Decimal(0)
    return st.decimals(lowest, NUMBER_MAX, allow_nan=False, places=PLACES)


def _texts(info: seen.StrType) -> st.SearchStrategy[str]:
    if info.pattern is not None:
        return st.from_regex(info.pattern.replace(_PYTHON_END, "$"), fullmatch=True)
    return st.text(min_size=info.min_length or 0, max_size=info.max_length)


def _structs(info: seen.StructType) -> st.SearchStrategy[Struct]:
    fields = {field.name: _of(field.type) for field in info.fields}
    return st.builds(info.cls, **fields)


def _raws(_info: seen.RawType) -> st.SearchStrategy[Raw]:
    return raw_events().map(lambda event: Raw(encode(event)))


_WHOLE: dict[type[seen.Type], Any] = {
    seen.StructType: _structs,
    seen.RawType: _raws,
    seen.BoolType: lambda _: st.booleans(),
    seen.NoneType: lambda _: st.none(),
    seen.LiteralType: lambda info: st.sampled_from(info.values),
    seen.UnionType: lambda info: st.one_of([_of(part) for part in info.types]),
    seen.ListType: lambda info: st.lists(_of(info.item_type), max_size=3),
    seen.DictType: lambda info: st.dictionaries(
        _of(info.key_type), _of(info.value_type), max_size=3
    ),
}
