"""Bytes to a record, or the reason why they are none: step 1 of section 3 of docs/windows.md."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

NESTING_MAX = 64
_NUMBER_MIN, _NUMBER_MAX = 1e-18, 1e15
_TIME_MAX = 253_402_300_799_999
_SEQUENCE_MAX = 2**63 - 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]{0,63}")
_ASSET = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,23}")
_HASH = re.compile(r"^[0-9a-f]{16}$")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_ACTS = ("commit", "pull_request", "release", "issue", "review", "comment", "fork", "star")

Record = dict[str, Any]
Check = Callable[[Any], bool]


class RefusedError(Exception):
    """A record that becomes a dead letter; ``reason`` is the letter's."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Doubled(dict[str, Any]):
    """An object that names a key twice; the last one counts, but each must be valid."""

    pairs: list[tuple[str, Any]]


class _Field(NamedTuple):
    valid: Check
    default: Any = ...
    """Where the field may be missing."""


def _text(longest: int) -> Check:
    return lambda value: type(value) is str and 1 <= len(value) <= longest


def _whole(least: int, most: float) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _real(least: float, most: float) -> Check:
    return lambda value: type(value) in (int, float) and least <= value <= most


def _one_of(*words: str) -> Check:
    return lambda value: type(value) is str and value in words


def _matches(pattern: "re.Pattern[str]", *, whole: bool) -> Check:
    match = pattern.fullmatch if whole else pattern.match
    return lambda value: type(value) is str and match(value) is not None


def _or_null(valid: Check) -> Check:
    return lambda value: value is None or valid(value)


def _is_flag(value: object) -> bool:
    return type(value) is bool


_time = _whole(0, _TIME_MAX)
_sequence = _whole(0, _SEQUENCE_MAX)
_name = _Field(_matches(_NAME, whole=True))
_event_name = _Field(_text(64))
"""Its letters are looked at where it counts, and not where the key comes again behind it."""
_event = {
    "subject": _Field(lambda value: type(value) is str),
    "source": _event_name,
    "event_ms": _Field(_time),
    "received_ms": _Field(_time),
}
_volume = _event | {
    "venue": _event_name,
    "instrument": _Field(_text(128)),
    "span_ms": _Field(_whole(1, float("inf"))),
    "volume": _Field(_real(0, _NUMBER_MAX)),
}
_gap = {
    "gap_id": _Field(_text(200)),
    "subject": _Field(_text(74)),
    "source": _name,
    "venue": _name,
    "from_ms": _Field(_time),
    "to_ms": _Field(_time),
}
FIELDS: dict[str, dict[str, _Field]] = {
    "trade": _event
    | {
        "venue": _event_name,
        "trade_id": _Field(_text(128)),
        "price": _Field(_real(_NUMBER_MIN, _NUMBER_MAX)),
        "size": _Field(_real(_NUMBER_MIN, _NUMBER_MAX)),
        "side": _Field(_one_of("buy", "sell")),
        "sequence": _Field(_or_null(_sequence), None),
    },
    "volume.flow": _volume,
    "volume.level": _volume,
    "post": _event
    | {
        "platform": _event_name,
        "post_id": _Field(_text(128)),
        "tone": _Field(_real(-1, 1)),
        "engagement": _Field(_whole(0, _NUMBER_MAX)),
        "author": _Field(_matches(_HASH, whole=False)),
        "simhash": _Field(_matches(_HASH, whole=False)),
        "bot": _Field(_is_flag, default=False),
    },
    "repository.event": _event
    | {
        "event_id": _Field(_text(128)),
        "act": _Field(_one_of(*_ACTS)),
        "author": _Field(_matches(_HASH, whole=False)),
        "bot": _Field(_is_flag, default=False),
    },
    "heartbeat": {
        "source": _name,
        "epoch": _Field(_whole(0, float("inf"))),
        "through_ms": _Field(_time),
        "state": _Field(_one_of("open", "closed"), "open"),
    },
    "gap.detected": _gap
    | {
        "ids_missing": _Field(_or_null(_whole(0, float("inf"))), None),
        "first_missing": _Field(_or_null(_sequence), None),
    },
    "gap.filled": _gap,
    "post.deleted": {
        "subject": _Field(_matches(_ASSET, whole=True)),
        "source": _name,
        "platform": _name,
        "post_id": _Field(_text(128)),
        "event_ms": _Field(_time),
        "received_ms": _Field(_time),
    },
    "gap.permanent": _gap | {"reason": _Field(lambda v: type(v) is str and len(v) <= 200)},  # noqa: PLR2004 - the contract's
}
MARKS = ("gap.detected", "gap.filled", "gap.permanent")
_EVENTS = {
    "market": ("trade",),
    "volume": ("volume.flow", "volume.level"),
    "social": ("post", "post.deleted"),
    "development": ("repository.event",),
}
TAGS = {kind: frozenset((*events, *MARKS, "heartbeat")) for kind, events in _EVENTS.items()}


def read(kind: str, value: bytes) -> Record:
    """Return a raw topic's record, with the defaults of what is missing.

    Raises:
        RefusedError: It is `malformed`, of an `unknown_type`, or `invalid`.
    """
    record = _parse(value)
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        raise RefusedError(reason="invalid")
    if record["type"] not in TAGS[kind]:
        raise RefusedError(reason="unknown_type")
    fields = FIELDS[record["type"]]
    for name, field in fields.items():
        if name not in record and field.default is not ...:
            record[name] = field.default
        elif name not in record or not field.valid(record[name]):
            raise RefusedError(reason="invalid")
    if isinstance(record, _Doubled):
        _check_doubled(record, fields)
    names = [record[name] for name, field in fields.items() if field is _event_name]
    if not all(map(_NAME.fullmatch, names)):
        raise RefusedError(reason="invalid")
    return record


def _check_doubled(record: _Doubled, fields: Mapping[str, _Field]) -> None:
    for name, value in record.pairs:
        if name == "type" and value != record["type"]:
            raise RefusedError(reason="invalid")
        if name in fields and not fields[name].valid(value):
            raise RefusedError(reason="invalid")


def _parse(value: bytes) -> Any:  # noqa: ANN401 - any JSON
    if _is_too_deep(value):
        raise RefusedError(reason="malformed")
    try:
        text = value.decode()
        if "\\u" in text:
            _check_surrogates(text)
        return _READER.decode(text)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise RefusedError(reason="malformed") from None
    except ValueError:
        return _READER_OF_LONG_INTEGERS.decode(value.decode())


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= len(str(_SEQUENCE_MAX)) else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    doubled.pairs = pairs
    return doubled


def _refuse(constant: str) -> NoReturn:
    del constant
    raise RefusedError(reason="malformed")


_READER = json.JSONDecoder(parse_constant=_refuse, object_pairs_hook=_object)
_READER_OF_LONG_INTEGERS = json.JSONDecoder(
    parse_constant=_refuse, object_pairs_hook=_object, parse_int=_integer
)
"""Python reads no integer of more than some thousand digits; as a double it is beyond every bound."""


def _is_too_deep(value: bytes) -> bool:
    """Return whether brackets are nested too deep; those within texts count too."""
    if value.count(b"{") + value.count(b"[") <= NESTING_MAX:
        return False
    depth = 0
    for byte in value:
        depth += (byte in b"{[") - (byte in b"}]")
        if depth > NESTING_MAX:
            return True
    return False


def _check_surrogates(text: str) -> None:
    """Refuse half of a surrogate pair, which `json` lets pass."""
    expected_at = None
    for escape in _ESCAPE.finditer(text):
        unit = int(escape[1] or "0", 16)
        is_second = expected_at == escape.start()
        if is_second != (0xDC00 <= unit <= 0xDFFF) or (expected_at is not None and not is_second):  # noqa: PLR2004 - Unicode's
            raise RefusedError(reason="malformed")
        expected_at = escape.end() if 0xD800 <= unit <= 0xDBFF else None  # noqa: PLR2004 - Unicode's
    if expected_at is not None:
        raise RefusedError(reason="malformed")
