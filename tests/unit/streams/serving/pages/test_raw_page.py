"""A raw range shows events and marks in the order of the log, each field as plain text with its unit."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.found import Missing, RawRange, RawRecord
from streams.serving.pages.rows.raw import (
    RAW_COLUMNS,
    ROWS_MAX,
    SPAN_MAX_MS,
    Range,
    fields,
    missing_of,
    range_of,
    raw_of,
)
from streams.serving.records import Place
from streams.serving.view import View
from tests.browser.day import day
from tests.browser.day_said import HOLE
from tests.browser.scene import scene
from tests.hostile.corpus import MARK, TEXTS
from topics import Post, encode

from .pieces_in import hrefs, said

NOW_MS = 1_764_195_000_000
MINUTE_MS = 60_000
HOLE_MS = NOW_MS // MINUTE_MS * MINUTE_MS - (1_440 - HOLE.start) * MINUTE_MS
ASKED = Range(kind="market", subject="SOL/USDT", from_ms=HOLE_MS - 30_000, to_ms=HOLE_MS + 120_000)


async def test_trades_gaps_and_heartbeats_stand_in_the_order_of_the_log() -> None:
    log = day(View(), NOW_MS)
    found = await log.raw("market", "SOL/USDT", ASKED.from_ms, ASKED.to_ms, beats=True)
    assert isinstance(found, RawRange)
    told = raw_of(ASKED, found)
    words = said(told.rows)
    for part in ("USDT", "SOL", "events are missing for 37.0 s", "41 events missing", "has been sent",
                 "will not come", "the venue keeps no more", "promises that nothing more comes"):  # fmt: skip
        assert part in words
    assert {len(row.cells) for row in told.rows.rows} == {len(RAW_COLUMNS)}
    offsets = [int(row.key.split("/")[1]) for row in told.rows.rows]
    assert offsets == sorted(offsets)
    assert "4 gap marks" in said(told.counts)


def test_a_look_that_was_cut_short_does_not_say_that_nothing_happened() -> None:
    """It says to go on, with the link that does."""
    cut = RawRange(
        kind="market", subject="SOL/USDT", from_ms=ASKED.from_ms, to_ms=ASKED.to_ms, records=(),
        read=56, cut="time", next_offset=56, words="there was no time to look further",
    )  # fmt: skip
    told = raw_of(ASKED, cut)
    assert "looked at so far" in told.rows.empty
    assert "nothing happened" not in told.rows.empty
    assert told.further is not None
    whole = raw_of(ASKED, replace(cut, cut="", next_offset=None, words=""))
    assert "nothing happened" in whole.rows.empty


def record(event: Post | None, offset: int = 0, value: bytes = b"") -> RawRecord:
    return RawRecord(
        place=Place("raw.social", 0, offset),
        at_ms=NOW_MS,
        type="post",
        time_ms=NOW_MS,
        value=value if event is None else encode(event),
    )


def found(*records: RawRecord, cut: bool = False) -> RawRange:
    return RawRange(
        kind="social",
        subject="BTC",
        from_ms=0,
        to_ms=1,
        records=records,
        read=len(records),
        next_offset=77 if cut else None,
        words="only the first 1,000 are shown" if cut else "",
    )


def post(text: str) -> Post:
    (made,) = [event for event in scene(NOW_MS) if isinstance(event, Post)]
    return Post(**{name: getattr(made, name) for name in made.__struct_fields__} | {"text": text})


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda t: t.name)
def test_what_strangers_posted_is_plain_text(hostile: object) -> None:
    made = post(hostile.text[:1_000])  # type: ignore[attr-defined]
    told = raw_of(Range(kind="social", subject="BTC", from_ms=0, to_ms=1), found(record(made)))
    assert MARK in said(told.rows)
    assert hrefs(told.rows) == []
    assert not {"\u202e", "\x1b", "\u200b", "\n"} & set(said(told.rows))
    assert dict(fields(made))["text"].startswith(MARK[0]) or MARK in dict(fields(made))["text"]


def test_bytes_that_are_no_event_lead_to_the_dead_letters() -> None:
    told = raw_of(
        Range(kind="social", subject="BTC", from_ms=0, to_ms=1),
        found(record(None, value=b'{"type":"post"}')),
    )
    assert "no event of ours" in said(told.rows)
    assert hrefs(told.rows) == ["/deadletters"]


def test_no_more_rows_are_drawn_than_the_bound_and_the_rest_has_an_address() -> None:
    made = record(post("a"))
    told = raw_of(
        Range(kind="social", subject="BTC", from_ms=0, to_ms=1), found(*[made] * (ROWS_MAX + 5), cut=True)
    )  # fmt: skip
    assert len(told.rows.rows) == ROWS_MAX
    assert told.rows.more == 5
    assert told.further is not None
    assert dict(parse_qsl(urlsplit(told.further).query))["after"] == "77"
    assert "Not all of it" in said(told.counts)


@given(st.dictionaries(st.sampled_from(("from", "to", "after")), st.text(max_size=20)))
def test_whatever_an_address_asks_for_is_a_range_or_none(query: dict[str, str]) -> None:
    asked = range_of("market", "SOL/USDT", query)
    assert asked is None or asked.from_ms >= 0


def test_a_range_that_is_empty_or_too_long_says_so() -> None:
    def why(begin: int, end: int) -> str:
        asked = range_of("market", "SOL/USDT", {"from": str(begin), "to": str(end)})
        assert asked is not None
        return asked.why_not

    assert "empty" in why(5, 5)
    assert "in parts" in why(0, SPAN_MAX_MS + 1)
    assert why(0, SPAN_MAX_MS) == ""


def test_what_is_not_there_says_why_and_what_to_do() -> None:
    gone = missing_of(Missing(why="unreachable", words="Kafka did not give it"))
    assert "Kafka did not give it" in said(gone)
    assert "Load the page again" in said(gone)
    assert "no way to the log" in said(missing_of(None))
