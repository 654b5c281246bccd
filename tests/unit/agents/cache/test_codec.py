"""Values as Redis keeps them: what went in comes out, and nothing else comes out."""

import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cache.codec import (
    CLOCK_MS_MAX,
    PACKED_BYTES_MAX,
    VALUE_BYTES_MAX,
    Entry,
    Unreadable,
    pack,
    unpack,
)

NOW_MS = 1_800_000_000_000
ENTRIES = st.builds(Entry, value=st.binary(max_size=300), made_ms=st.integers(0, NOW_MS))
HEAD = 13


def packed(value: bytes, made_ms: int = NOW_MS, name: str = "n") -> bytes:
    found = pack(name, Entry(value, made_ms))
    assert found is not None
    return found


@given(ENTRIES, st.text(max_size=20))
def test_what_is_packed_is_unpacked(entry: Entry, name: str) -> None:
    """Under its own name."""
    made = pack(name, entry)
    assert made is not None
    assert unpack(name, made, NOW_MS) == entry


@given(st.binary(max_size=400))
def test_anything_is_a_value_or_says_why_not(planted: bytes) -> None:
    """Nothing raises."""
    found = unpack("n", planted, NOW_MS)
    if isinstance(found, Entry):
        again = unpack("n", packed(found.value, found.made_ms), NOW_MS)
        assert again == found


@given(ENTRIES, st.integers(0, 8_000), st.integers(1, 255))
def test_a_byte_that_differs_is_found(entry: Entry, where: int, change: int) -> None:
    """Wherever it is: what is read is the value that was kept, or none."""
    made = pack("n", entry)
    assert made is not None
    bad = bytearray(made)
    bad[where % len(bad)] ^= change
    found = unpack("n", bytes(bad), NOW_MS)
    assert isinstance(found, Unreadable) or found == entry


@given(ENTRIES, st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_no_value(entry: Entry, share: float) -> None:
    """At any place, nor with more behind it."""
    made = pack("n", entry)
    assert made is not None
    assert isinstance(unpack("n", made[: int(share * len(made))], NOW_MS), Unreadable)
    assert isinstance(unpack("n", made + b"x", NOW_MS), Unreadable)


@given(ENTRIES)
def test_a_value_of_another_name_is_none(entry: Entry) -> None:
    """An answer that was meant for another question, a key that was renamed."""
    made = pack("one", entry)
    assert made is not None
    assert unpack("other", made, NOW_MS) == Unreadable("damaged")


def test_the_longest_value_is_kept_and_one_byte_more_is_not() -> None:
    """Even where nothing makes it shorter."""
    longest = os.urandom(VALUE_BYTES_MAX)
    made = packed(longest)
    assert len(made) <= PACKED_BYTES_MAX
    assert unpack("n", made, NOW_MS) == Entry(longest, NOW_MS)
    assert pack("n", Entry(longest + b"x", NOW_MS)) is None


def test_a_bomb_is_not_unpacked() -> None:
    """A gigabyte takes a megabyte to keep: that is too long already. What is short enough ends at the bound."""
    head = packed(b"x")[:HEAD]
    bomb = head + zlib.compress(b"0" * 5_000_000, 9)
    assert len(bomb) < PACKED_BYTES_MAX
    assert unpack("n", bomb, NOW_MS) == Unreadable("too_long")
    assert unpack("n", head + b"0" * PACKED_BYTES_MAX, NOW_MS) == Unreadable("too_long")


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (b"", "cut_off"),
        (b"\x01", "cut_off"),
        (b"\x02" + packed(b"x")[1:], "version"),
        (packed(b"x")[:HEAD], "damaged"),
        (packed(b"x")[:HEAD] + b"text", "damaged"),
    ],
)
def test_what_is_no_value_says_why(planted: bytes, why: str) -> None:
    """In one word, which is counted."""
    found = unpack("n", planted, NOW_MS)
    assert isinstance(found, Unreadable)
    assert found.why == why


def test_what_was_made_in_the_future_is_no_value() -> None:
    """It would be fresh for as long as whoever wrote it likes; clocks may differ a little."""
    assert unpack("n", packed(b"x", NOW_MS + CLOCK_MS_MAX), NOW_MS) == Entry(
        b"x", NOW_MS + CLOCK_MS_MAX
    )
    assert unpack("n", packed(b"x", NOW_MS + CLOCK_MS_MAX + 1), NOW_MS) == Unreadable("future")
    assert Entry(b"x", NOW_MS + 1).age_ms(NOW_MS) == 0
