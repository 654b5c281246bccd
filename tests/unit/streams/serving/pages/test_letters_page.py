"""Dead letters are explained in words, their bytes are escapes, and a dry run says what would become of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.rows.letters import (
    LETTER_COLUMNS,
    PLANNED_SHOWN_MAX,
    ROWS_MAX,
    Filter,
    around,
    chosen_of,
    filter_of,
    letter_of,
    letters_of,
    outcome_of,
    plan_of,
)
from streams.serving.pages.rows.originals import BYTES_SHOWN_MAX, escaped, hex_rows, original_of
from streams.serving.redrive import Chosen, planned
from streams.serving.view import View
from tests.browser.day import day
from tests.browser.log import Log
from tests.hostile.corpus import TEXTS
from topics.deadletter import DeadLetter

from .pieces_in import hrefs, said

NOW_MS = 1_764_195_000_000


@pytest.fixture(scope="module")
def log() -> Log:
    return day(View(), NOW_MS)


def test_the_list_has_a_link_a_reason_and_a_size_for_each(log: Log) -> None:
    told = letters_of(log.view, Filter())
    assert "18 fit" in said(told.lead)
    assert {len(row.cells) for row in told.rows.rows} == {len(LETTER_COLUMNS)}
    assert all(any(h.startswith("/deadletters/") for h in hrefs(row)) for row in told.rows.rows)


def test_a_filter_keeps_what_fits_and_is_in_the_address(log: Log) -> None:
    wanted = filter_of({"reason": "malformed", "stage": "fold", "other": "x"})
    told = letters_of(log.view, wanted)
    assert len(told.rows.rows) == 3
    assert [one.words for one in told.offered.reasons if one.chosen] == ["malformed (3)"]
    assert chosen_of(wanted) == Chosen(reason="malformed", stage="fold")
    assert filter_of({"reason": "malformed", "stage": "fold"}).href == wanted.href
    assert "No letter fits" in letters_of(log.view, Filter(topic="nowhere")).rows.empty


def test_without_letters_the_list_says_that_all_is_well() -> None:
    assert "every record could be used" in said(letters_of(View(), Filter()).lead)


def test_no_more_letters_are_drawn_than_the_bound() -> None:
    log = Log(View())
    for i in range(ROWS_MAX + 3):
        log.put_letter(
            DeadLetter(reason="malformed", message="", stage="fold", role="streams", key=None, value=b"x", time_ms=i, topic="raw.market", partition=0, offset=i),
            NOW_MS + i,
        )  # fmt: skip
    told = letters_of(log.view, Filter())
    assert (len(told.rows.rows), told.rows.more) == (ROWS_MAX, 3)


def test_a_letter_says_why_what_to_do_and_where_it_came_from(log: Log) -> None:
    letter = log.view.letter("raw.market/0/90000")
    assert letter is not None
    words = said(letter_of(letter))
    for part in (
        "malformed",
        "not JSON",
        "Find the writer",
        "partition 0, offset 90,000",
        "streams",
    ):
        assert part in words
    assert hrefs(letter_of(letter)) == ["/assets/SOL"]
    collected = log.view.letter("binance/conn-2/frame-3")
    assert collected is not None
    assert "before it stood in a topic" in said(letter_of(collected))


def test_a_letter_whose_bytes_still_name_its_subject_leads_to_the_raw_events(log: Log) -> None:
    letter = log.view.letter("raw.market/0/90001")
    assert letter is not None
    assert hrefs(around(letter, b'{"subject":"SOL/USDT"}'))[0].startswith("/raw/market/SOL/USDT?")
    for value in (b"\xff", b"{}", b'{"subject":"<b>"}', b'{"subject":7}', b"[" * 9_000):
        assert around(letter, value) == ()


@given(st.binary(max_size=400))
def test_whatever_the_bytes_are_what_is_shown_is_printable_ascii(value: bytes) -> None:
    for line in (*escaped(value), *hex_rows(value)):
        assert all(" " <= c <= "~" for c in line)


@given(st.binary(max_size=400))
def test_the_digits_are_the_bytes(value: bytes) -> None:
    digits = "".join(row[8:56] for row in hex_rows(value))
    assert bytes.fromhex(digits) == value


@pytest.mark.parametrize("hostile", TEXTS, ids=lambda t: t.name)
def test_hostile_bytes_are_escapes(hostile: object) -> None:
    told = original_of(hostile.text.encode("utf-8", "surrogatepass"))  # type: ignore[attr-defined]
    assert "".join((*told.text, *told.hex)).isprintable()
    assert "".join((*told.text, *told.hex)).isascii()


def test_of_many_bytes_the_first_are_shown_and_it_is_said_so() -> None:
    assert original_of(b"x" * BYTES_SHOWN_MAX).note == ""
    assert "of 4,097 bytes" in original_of(b"x" * (BYTES_SHOWN_MAX + 1)).note
    assert len(original_of(b"x" * 100_000).hex) == BYTES_SHOWN_MAX // 16


def test_a_dry_run_says_what_would_go_and_why_the_others_stay(log: Log) -> None:
    plan = planned(log.letters(), partitions=8)
    told = plan_of(plan, 3)
    assert "Nothing has been written" in said(told.lead)
    assert told.goes == len(plan.going)
    assert len(told.rows.rows) == min(PLANNED_SHOWN_MAX, len(plan.going) + len(plan.staying))
    assert "stays:" in said(told.rows)
    assert told.goes > 0
    assert "would be written to raw.market" in said(told.rows)
    assert "of at most 3" in said(told.rows)


def test_what_a_redrive_did_is_said_in_a_sentence() -> None:
    assert outcome_of(1, 0).startswith("1 record was written again.")
    assert "2 had gone before" in outcome_of(3, 2)
