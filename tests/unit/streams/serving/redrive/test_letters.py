"""Letters out of the log: which are meant, and how many are held."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.redrive import Chosen, Gathered, Letter, letter_of
from topics.deadletter import to_record

from .test_plan import letter


@dataclass
class Lying:
    """A record of the dead letter topic."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def dead(offset: int = 7, size: int = 3, **changes: object) -> Letter:
    return letter(offset=offset, value=b"v" * size, key=None, **changes)


def test_a_record_becomes_the_letter_it_holds() -> None:
    """With its place and when it was written."""
    sent = letter().letter
    key, value, headers = to_record(sent)
    found = letter_of(Lying(2, 9, sent.time_ms, key, value, headers))
    assert found == Letter(letter=sent, partition=2, offset=9, logged_ms=sent.time_ms)


@pytest.mark.parametrize(
    "headers", [[], [("tapereader.reason", b"x"), ("tapereader.attempt", b"many")]]
)
def test_a_record_that_is_no_letter_is_none(headers: list[tuple[str, bytes]]) -> None:
    """Somebody else wrote it; it stops nobody."""
    assert letter_of(Lying(0, 0, 0, None, None, headers)) is None


@pytest.mark.parametrize(
    "chosen",
    [
        Chosen(ids=frozenset(["raw.market/1/8"])),
        Chosen(reason="invalid"),
        Chosen(stage="analyse"),
        Chosen(topic="raw.social"),
        Chosen(since_ms=1_700_000_000_001),
        Chosen(until_ms=1_700_000_000_000),
    ],
)
def test_each_word_of_a_choice_leaves_others_out(chosen: Chosen) -> None:
    """All of them together are what is meant."""
    assert not chosen.fits(letter())
    assert Chosen().fits(letter())
    assert Chosen(
        ids=frozenset(["raw.market/1/7"]),
        reason="misrouted",
        stage="fold",
        topic="raw.market",
        since_ms=1_700_000_000_000,
        until_ms=1_700_000_000_001,
    ).fits(letter())


LETTERS = st.lists(st.builds(dead, st.integers(0, 5), st.integers(0, 9)), max_size=20)


@given(LETTERS, st.integers(1, 4), st.integers(9, 30), st.booleans())
def test_what_is_held_is_bounded_and_the_last_of_each(
    letters: list[Letter], most: int, bytes_max: int, newest: bool
) -> None:
    """By number and by bytes; of one id only the last counts."""
    gathered = Gathered(most, newest=newest, bytes_max=bytes_max)
    for one in letters:
        gathered.take(one)
    kept = gathered.letters()
    assert len(kept) <= most
    assert sum(len(one.letter.value) for one in kept) <= bytes_max
    assert len({one.letter_id for one in kept}) == len(kept)
    last = {one.letter_id: one for one in letters}
    assert not [one for one in kept if last[one.letter_id] != one]
    if newest and letters:
        assert kept[-1] == letters[-1]


def test_the_newest_are_held_or_the_first() -> None:
    """And the others counted."""
    newest, first = Gathered(2, newest=True), Gathered(2, newest=False)
    for number in range(4):
        newest.take(dead(number))
        first.take(dead(number))
    assert [one.letter.offset for one in newest.letters()] == [2, 3]
    assert [one.letter.offset for one in first.letters()] == [0, 1]
    assert (newest.left_out, first.left_out) == (2, 2)
