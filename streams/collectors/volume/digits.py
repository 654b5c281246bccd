"""JSON whose numbers keep their digits, and what of it may be an amount: PURE."""

import json
from decimal import Decimal, InvalidOperation

from streams.collectors.outbound import AHEAD_MS_MAX, EVENT_MS_MIN
from topics.units import NUMBER_MAX

GRID = Decimal("1e-8")
"""What a converted amount is rounded to: the grid of every sum of volumes."""
DIGITS_MAX = 64
"""Characters of one number. What is longer is no amount, and takes time to read."""


class Number(str):
    """A number of a JSON text, as it stands there; also NaN, and what is no finite one."""

    __slots__ = ()


def loads(body: bytes) -> object:
    """Return what a JSON text says, its numbers as `Number`.

    Raises:
        ValueError: It is none, or too deep.
    """
    return _loads(body, Number, Number)


def loads_for_ccxt(body: bytes) -> object:
    """Return what a JSON text says, its numbers as ccxt bears them: whole ones as such, others as text.

    Raises:
        ValueError: It is none, or too deep.
    """
    return _loads(body, str, int)


def _loads(body: bytes, broken: type[str], whole: type[Number] | type[int]) -> object:
    try:
        return json.loads(body, parse_float=broken, parse_int=whole, parse_constant=broken)
    except RecursionError:
        msg = "nested too deep"
        raise ValueError(msg) from None


def amount(value: object) -> Decimal:
    """Return a volume or a price that an answer says as a number.

    Raises:
        ValueError: It is none, or not in [0, 1e15].
    """
    if not isinstance(value, Number):
        msg = f"{str(value)[:DIGITS_MAX]!r} is not a number"
        raise ValueError(msg)  # noqa: TRY004 - of what others wrote, whatever its type
    return decimal(value)


def decimal(text: str) -> Decimal:
    """Return the number that a text is, of at least 0.

    Raises:
        ValueError: It is none, or not in [0, 1e15].
    """
    try:
        number = Decimal(text) if len(text) <= DIGITS_MAX else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number <= NUMBER_MAX):
        msg = f"{text[:DIGITS_MAX]!r} is not in [0, {NUMBER_MAX:.0e}]"
        raise ValueError(msg)
    return number


def in_asset(turnover: Decimal, price: Decimal) -> Decimal:
    """Return how much of an asset a turnover in money was, at a price of the same money, rounded to the grid.

    Raises:
        ValueError: It cannot be told, or is above 1e15.
    """
    if price <= 0:
        msg = f"a price of {price}"
        raise ValueError(msg)
    units = turnover / price
    if not units <= NUMBER_MAX:
        msg = f"{turnover} at {price} each is more than {NUMBER_MAX:.0e}"
        raise ValueError(msg)
    return units.quantize(GRID)


def time_of(value: object) -> int:
    """Return a time that an answer says as a whole number, from 0.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, Number) and value.isdecimal() and len(value) <= _TIME_DIGITS_MAX:
        return int(value)
    msg = f"{str(value)[:DIGITS_MAX]!r} is no time"
    raise ValueError(msg)


def in_time(event_ms: int, received_ms: int) -> int:
    """Return the time of a sample, if it can be one.

    Raises:
        ValueError: It is before 2009-01-03, or more than a minute after its receipt.
    """
    if EVENT_MS_MIN <= event_ms <= received_ms + AHEAD_MS_MAX:
        return event_ms
    msg = f"a sample of {event_ms} ms, received at {received_ms} ms"
    raise ValueError(msg)


_TIME_DIGITS_MAX = 16
