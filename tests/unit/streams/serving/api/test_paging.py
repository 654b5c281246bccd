"""Lists a page at a time, while data come in."""

from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.api.escaping import escaped_bytes
from streams.serving.api.paging import BadCursorError, Key, page_of
from streams.serving.api.replying import has, tag_of


class Asked(NamedTuple):
    limit: int
    cursor: str | None = None
    question: tuple[object, ...] = ("list",)


def _key(item: tuple[int, str]) -> Key:
    return item


items = st.sets(st.tuples(st.integers(0, 20), st.sampled_from("abcde/é")), max_size=30)


@given(there=items, come=items, gone=items, limit=st.integers(1, 7), newest_first=st.booleans())
def test_pages_have_every_item_that_was_there_all_the_time_once_and_in_order(
    there: set[tuple[int, str]],
    come: set[tuple[int, str]],
    gone: set[tuple[int, str]],
    limit: int,
    newest_first: bool,
) -> None:
    """What comes or goes between two pages moves nothing."""
    held, cursor, seen = set(there), None, []
    for _ in range(len(there | come) + 1):
        page = page_of(held, key=_key, asked=Asked(limit, cursor), newest_first=newest_first)
        assert len(page.items) <= limit
        seen += page.items
        if (cursor := page.next) is None:
            break
        held = (held | come) - gone
    assert cursor is None
    assert seen == sorted(set(seen), reverse=newest_first)
    assert set(seen) >= there - gone
    assert set(seen) <= there | come


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        page_of([(1, "a")], key=_key, asked=Asked(1, text))


@given(st.sampled_from(["x", "y"]), st.integers(0, 60), st.characters(codec="ascii"))
def test_a_cursor_of_another_question_or_with_another_letter_is_refused_or_means_the_same(
    question: str, place: int, other: str
) -> None:
    given = page_of([(1, "a"), (2, "b")], key=_key, asked=Asked(1)).next
    assert given is not None
    with pytest.raises(BadCursorError):
        page_of([(1, "a")], key=_key, asked=Asked(1, given, (question,)))
    place %= len(given)
    changed = given[:place] + other + given[place + 1 :]
    with suppress(BadCursorError):
        page_of([(1, "a")], key=_key, asked=Asked(1, changed))


@given(st.binary(max_size=300))
def test_escaped_bytes_command_nothing_and_can_be_read_back(data: bytes) -> None:
    told = escaped_bytes(data)
    assert told.isascii()
    assert told.isprintable()
    assert told.encode().decode("unicode_escape").encode("latin-1") == data


@given(st.binary(), st.text(max_size=50))
def test_a_tag_is_known_again_among_others(body: bytes, other: str) -> None:
    tag = tag_of(body)
    assert has(tag, tag)
    assert has(f'"x",{tag.removeprefix("W/")} , "y"', tag)
    assert has("*", tag)
    assert not has(other.replace("*", "").replace(tag, ""), tag)
    assert not has(tag + " " * 5_000, tag)
