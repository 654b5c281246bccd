from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.bill import Bill, Entry
from agents.fake_claude.usage import Usage

_USAGES = st.builds(
    Usage,
    input_tokens=st.integers(0, 999),
    cache_read_tokens=st.integers(0, 999),
    cache_write_5m_tokens=st.integers(0, 999),
    cache_write_1h_tokens=st.integers(0, 999),
    output_tokens=st.integers(0, 999),
)
_ENTRIES = st.builds(
    Entry,
    at_ms=st.just(0),
    model=st.sampled_from(["a", "b"]),
    usage=_USAGES,
    cost_nano_usd=st.integers(0, 999),
    message_id=st.text(max_size=3),
    charged=st.booleans(),
)


@settings(deadline=None)
@given(st.lists(_ENTRIES, max_size=12), st.integers(1, 6))
def test_the_bill_keeps_the_newest_and_its_totals_keep_all(
    entries: list[Entry], entries_max: int
) -> None:
    """At its bound it drops the oldest and counts them; no charged token is lost from the totals."""
    bill = Bill(entries_max)
    for entry in entries:
        bill.charge(entry)
    view = bill.view()
    assert view["entries"] == [entry.view() for entry in entries[-entries_max:]]
    assert view["dropped"] == max(len(entries) - entries_max, 0)
    assert view["entries_max"] == entries_max
    charged = [entry for entry in entries if entry.charged]
    assert sum(total.requests for total in view["totals"].values()) == len(charged)
    cost = sum(total.cost_nano_usd for total in view["totals"].values())
    assert cost == sum(entry.cost_nano_usd for entry in charged)
    for name in ("input_tokens", "output_tokens", "cache_read_tokens"):
        assert sum(getattr(total, name) for total in view["totals"].values()) == sum(
            getattr(entry.usage, name) for entry in charged
        )


def test_a_cleared_bill_is_empty() -> None:
    """The totals and the count of what was dropped too."""
    bill = Bill(1)
    for _ in range(3):
        bill.charge(
            Entry(
                at_ms=0,
                model="a",
                usage=Usage(input_tokens=1, output_tokens=1),
                cost_nano_usd=1,
                message_id="m",
                charged=True,
            )
        )
    bill.clear()
    assert bill.view() == {"entries": [], "entries_max": 1, "dropped": 0, "totals": {}}


def test_an_entry_shows_the_usage_the_client_was_told() -> None:
    """So that both sides can be compared field by field."""
    usage = Usage(input_tokens=1, cache_read_tokens=2, output_tokens=3)
    entry = Entry(at_ms=0, model="a", usage=usage, cost_nano_usd=1, message_id="m", charged=True)
    assert entry.view()["usage"] == usage.of_message()
    assert usage.total_input_tokens == 3
