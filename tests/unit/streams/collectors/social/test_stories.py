"""Numbers of items: read, given up, or still to come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.social.stories import (
    AHEAD_MAX,
    DELAY_MS_MAX,
    DELAYED_EVERY_MS,
    DELAYED_MAX,
    PATIENCE_MS,
    Delayed,
    Range,
    changed_of,
    item_of,
    newest_of,
)

T0 = 1_700_000_000_000


def test_it_goes_on_only_as_far_as_everything_has_been_read() -> None:
    numbers = Range(10, 10)
    assert numbers.wanted(13) == [11, 12, 13]
    numbers.read(12, T0 + 2)
    assert numbers.advance() is None
    assert numbers.wanted(14) == [11, 13, 14]
    numbers.read(11, T0 + 1)
    assert (numbers.advance(), numbers.through, numbers.is_whole) == (T0 + 2, 12, False)
    numbers.read(13, T0 + 3)
    numbers.read(14, T0)
    assert (numbers.advance(), numbers.is_whole) == (T0 + 3, True)
    assert numbers.wanted(13) == []


def test_what_is_not_shown_is_given_up_after_a_while_and_once_the_next_is_known() -> None:
    numbers = Range(10, 10)
    numbers.wanted(12)
    numbers.not_shown(11, T0)
    numbers.not_shown(11, T0 + PATIENCE_MS)
    assert numbers.lost(T0 + PATIENCE_MS) is None, "what is behind it is not known"
    numbers.read(12, T0 + 7)
    assert numbers.lost(T0 + PATIENCE_MS - 1) is None
    lost = numbers.lost(T0 + PATIENCE_MS)
    assert lost is not None
    assert (lost.count, lost.to_ms, numbers.through) == (1, T0 + 7, 11)
    assert (numbers.advance(), numbers.is_whole) == (T0 + 7, True)


def test_what_is_too_far_behind_is_given_up() -> None:
    numbers = Range(10, 10)
    wanted = numbers.wanted(10 + AHEAD_MAX + 5)
    assert (len(wanted), wanted[0]) == (AHEAD_MAX, 16)
    assert numbers.lost(T0) is None
    numbers.read(16, T0)
    lost = numbers.lost(T0)
    assert lost is not None
    assert lost.count == 5


@given(st.lists(st.sampled_from(["new", "read", "hide", "late"]), max_size=60))
def test_every_number_is_read_or_counted_as_lost(steps: list[str]) -> None:
    numbers, newest, now_ms = Range(0, 0), 0, T0
    read, lost = set[int](), 0
    for step in steps:
        now_ms += PATIENCE_MS // 3
        newest += step == "new"
        wanted = numbers.wanted(newest)
        assert not read & set(wanted)
        for number in wanted:
            if step == "hide" or (step == "late" and number % 2):
                numbers.not_shown(number, now_ms)
            elif step in ("read", "late"):
                numbers.read(number, now_ms)
                read.add(number)
        numbers.advance()
        while (told := numbers.lost(now_ms)) is not None:
            lost += told.count
            numbers.advance()
        assert (
            len([n for n in read if n <= numbers.through]) + lost + numbers.given_up
            == numbers.through
        )


@pytest.mark.parametrize("body", [b"", b"null", b"-1", b"1.5", b'"7"', b"9" * 30, b"[]"])
def test_a_newest_number_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's is one, too
        newest_of(body)


def test_items() -> None:
    assert newest_of(b"42\n") == 42
    assert item_of(b"null", 1) is None
    assert changed_of(b'{"items":[1,2],"profiles":[]}') == [1, 2]
    item = item_of(b'{"id":1,"title":"A &amp; B","text":"<p>c","new":[1]}', 1)
    assert item is not None
    assert item.plain.split() == ["A", "&", "B", "c"]
    for body in (b'{"id":2}', b'{"id":"1"}', b"<html>", b'{"id":1,"time":"now"}', b"\xff"):
        with pytest.raises(ValueError):  # noqa: PT011
            item_of(body, 1)


def test_what_is_delayed_is_asked_for_again_for_a_while_and_not_without_end() -> None:
    delayed = Delayed()
    assert all(delayed.waits(number, T0, T0) for number in range(DELAYED_MAX))
    assert not delayed.waits(DELAYED_MAX, T0, T0)
    assert delayed.due(T0 + DELAYED_EVERY_MS - 1) == []
    assert len(delayed.due(T0 + DELAYED_EVERY_MS)) == DELAYED_MAX
    assert delayed.waits(0, T0, T0 + DELAY_MS_MAX)
    assert not delayed.waits(0, T0, T0 + DELAY_MS_MAX + 1)
