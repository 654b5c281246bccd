"""What all decoders share: times, numbers, reasons, and lists with a bad entry."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from streams.collectors.market.venues.decoding import (
    Entries,
    epoch_ms,
    known_ms,
    reason,
    request,
    sequence,
    unreadable,
)
from topics.units import EPOCH_MS_MAX


class Entry(Struct):
    n: int


ENTRIES = Entries(msgspec.json.Decoder(list[Entry]).decode, msgspec.json.Decoder(Entry).decode)


@given(st.datetimes(min_value=datetime(1970, 1, 1)), st.integers(0, 999_999))  # noqa: DTZ001 - a zone is added
def test_a_time_is_cut_to_its_millisecond(at: datetime, microsecond: int) -> None:
    at = at.replace(tzinfo=UTC, microsecond=microsecond)
    whole_s = int((at.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    assert epoch_ms(at) == whole_s * 1000 + microsecond // 1000
    assert known_ms(f"{at.isoformat()}") == epoch_ms(at)


@pytest.mark.parametrize(
    ("value", "ms"),
    [
        (0, 0),
        (EPOCH_MS_MAX, EPOCH_MS_MAX),
        ("1764100800000", 1_764_100_800_000),
        ("2025-11-25T20:00:00.123456789Z", 1_764_100_800_123),
        (EPOCH_MS_MAX + 1, None),
        (str(EPOCH_MS_MAX + 1), None),
        ("9" * 5_000, None),
        (-1, None),
        (True, None),
        (1.5, None),
        ("", None),
        ("soon", None),
        ("1969-12-31T23:59:59.999Z", None),
        ("2025-11-25T20:00:00", None),
        ("\u0661", None),
        (None, None),
        ([], None),
    ],
    ids=lambda value: repr(value)[:32],
)
def test_a_time_is_known_or_it_is_none(value: object, ms: int | None) -> None:
    assert known_ms(value) == ms


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        ("12", 12),
        ("x", None),
        ("", None),
        (True, None),
        (None, None),
        ("9" * 40, None),
        ({}, None),
    ],
)
def test_a_request_has_a_number_or_none(value: object, number: int | None) -> None:
    assert request(value) == number


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", " 1", "\u0661", str(2**63), "9" * 5_000])
def test_an_id_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number of a trade"):
        sequence(text)


def test_the_largest_id_is_a_number() -> None:
    assert sequence(str(2**63 - 1)) == 2**63 - 1


def test_no_json_is_malformed_and_other_json_is_invalid() -> None:
    for text, why in (("{", "malformed"), ('{"n":"x"}', "invalid")):
        with pytest.raises(msgspec.DecodeError) as error:
            msgspec.json.decode(text, type=Entry)
        assert reason(error.value) == why
    assert reason(ValueError()) == "invalid"
    assert len(unreadable(ValueError("x" * 5_000)).message) == 300


@given(st.lists(st.one_of(st.integers(0, 9), st.none())))
def test_every_entry_is_made_or_refused(numbers: list[int | None]) -> None:
    """In the order they stand; a zero is refused by what makes them."""
    body = msgspec.json.encode([{"n": n} for n in numbers])
    made, bad = ENTRIES.read(body, lambda entry: 10 // entry.n)
    good = [n for n in numbers if n]
    assert made == [10 // n for n in good]
    assert len(made) + len(bad) == len(numbers)
    assert {b.entry for b in bad} <= {b'{"n":0}', b'{"n":null}'}


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        ENTRIES.read(b"{}", lambda entry: entry)
