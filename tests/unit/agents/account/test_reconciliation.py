"""The bill against the journal: to the nano-dollar, and by either id."""

import pytest
from msgspec.structs import replace

from agents.account.reconciliation import BillError, BillLine, Difference, read_bill, reconciled
from topics import Intent, Result

from .test_ledger import intent, result

ENTRIES: list[Intent | Result] = [
    *(intent(1, 100), result(1, cost=40)),
    *(intent(2, 100), result(2, "charged_unknown", cost=100)),
    *(intent(3, 100), result(3, "released", cost=0)),
    intent(4, 100),
]


def test_what_agrees_is_no_difference() -> None:
    """Lines of one call are summed; what is not on the bill is nobody's question."""
    found = reconciled([BillLine("a1", 30), BillLine("a1", 10)], ENTRIES)
    assert (found.lines, found.billed_nano_usd, found.booked_nano_usd) == (2, 40, 40)
    assert found.covered
    assert found.differences == []


@pytest.mark.parametrize(
    ("key", "billed", "booked", "state", "covered"),
    [
        ("a1", 41, 40, "settled", False),
        ("a1", 39, 40, "settled", True),
        ("a2", 70, 100, "charged_unknown", True),
        ("a2", 101, 100, "charged_unknown", False),
        ("a3", 1, 0, "released", False),
        ("a4", 99, 100, "in_flight", True),
        ("nobody's", 1, 0, "unknown", False),
    ],
)
def test_the_books_must_cover_each_call(
    key: str, billed: int, booked: int, state: str, covered: bool
) -> None:
    """More in one place does not make up for less in another."""
    found = reconciled([BillLine(key, billed), BillLine("a9", 0)], ENTRIES)
    [told] = [d for d in found.differences if d.key == key]
    assert told == Difference(key=key, billed_nano_usd=billed, booked_nano_usd=booked, state=state)
    assert found.covered is covered


def test_a_bill_is_csv_or_json() -> None:
    """Dollars to the billionth or nano-dollars; other columns do not matter."""
    lines = [BillLine("a1", 40), BillLine("req_2", 1_500_000_001)]
    text = "attempt_id,request_id,cost_nano_usd,cost_usd,model\na1,,40,,m\n,req_2,,1.500000001,m\n"
    assert read_bill(text, is_json=False) == lines
    told = '[{"attempt_id": "a1", "cost_nano_usd": 40}, {"request_id": "req_2", "cost_usd": 1.500000001}]'
    assert read_bill(told, is_json=True) == lines


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("attempt_id,cost_usd\na1,much\n", "line 1 of the bill: cost_usd = 'much'"),
        ("attempt_id,cost_usd\na1,-1\n", "line 1 of the bill: cost_usd = '-1'"),
        ("attempt_id,cost_usd\na1,NaN\n", "line 1 of the bill: cost_usd = 'NaN'"),
        ("attempt_id,cost_usd\na1,1e999999\n", "line 1 of the bill: cost_usd = '1e999999'"),
        ("attempt_id,cost_nano_usd\na1,1e5000\n", "line 1 of the bill: cost_nano_usd = '1e5000'"),
        ("attempt_id,cost_nano_usd\na1,-0.1\n", "line 1 of the bill: cost_nano_usd = '-0.1'"),
        ("attempt_id,cost_usd\n\x1b[2J,1\n", r"line 1 of the bill: '\\x1b\[2J' is no id"),
        (f"attempt_id,cost_usd\n{'a' * 201},1\n", "line 1 of the bill: 'a+' is no id"),
        ("attempt_id,cost_usd\na1,1\n,1\n", "line 2 of the bill lacks"),
        ("a1,40\n", "no line"),
        ("", "no line"),
        ("who,cost\na,1\n", "line 1 of the bill lacks"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, words: str) -> None:
    """Never skipped: a bill with a hole covers nothing."""
    with pytest.raises(BillError, match=words):
        read_bill(text, is_json=False)
    with pytest.raises(BillError, match="cannot be read"):
        read_bill("{", is_json=True)


def test_a_call_that_is_billed_under_both_its_ids_is_one_call() -> None:
    """Each line alone is covered by what is booked; their sum is not."""
    bill = [BillLine("a1", 30), BillLine("req_1", 30)]
    booked: list[Intent | Result] = [
        intent(1, 100),
        replace(result(1, cost=40), request_id="req_1"),
    ]
    found = reconciled(bill, booked)
    assert (found.billed_nano_usd, found.booked_nano_usd, found.covered) == (60, 40, False)
    assert [(d.key, d.missing_nano_usd) for d in found.differences] == [("a1", 20)]
