"""What an asset's page shows is in its address, and an address that asks for nonsense shows what is usual."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages.charts.choosing import (
    SIZES,
    SPANS_MS,
    SUBJECTS_MAX,
    WINDOWS_MS,
    Choice,
    chosen,
    ranked,
)
from streams.serving.pages.rows.quantities import window_words


@given(st.sampled_from(WINDOWS_MS), st.sampled_from(SPANS_MS), st.sampled_from(("", "SOL/USDT")))
def test_an_address_gives_back_what_was_chosen(window_ms: int, span_ms: int, subject: str) -> None:
    choice = Choice(asset="SOL", subject=subject, window_ms=window_ms, span_ms=span_ms)
    query = dict(parse_qsl(urlsplit(choice.href).query))
    assert chosen("SOL", query, []) == choice


@given(st.dictionaries(st.sampled_from(("subject", "window", "span")), st.text(max_size=30)))
def test_whatever_an_address_asks_for_something_that_is_offered_is_shown(
    query: dict[str, str],
) -> None:
    choice = chosen("SOL", query, ["SOL/USDT"])
    assert choice.window_ms in WINDOWS_MS
    assert choice.span_ms in SPANS_MS
    assert choice.subject.startswith("SOL/")


def test_each_kind_follows_with_its_least_windows_that_are_as_long() -> None:
    for window_ms in WINDOWS_MS:
        sizes = chosen("SOL", {"window": str(window_ms)}, []).sizes()
        assert set(sizes) == set(SIZES)
        for kind, size in sizes.items():
            assert size in SIZES[kind]
            assert size >= window_ms or size == SIZES[kind][-1]


def test_what_is_traded_most_is_offered_first_and_not_everything_is() -> None:
    offered = ranked({f"SOL/Q{i:02}": float(i) for i in range(40)})
    assert offered[:2] == ["SOL/Q39", "SOL/Q38"]
    assert len(offered) == SUBJECTS_MAX


def test_lengths_of_windows_are_said_in_their_unit() -> None:
    assert [window_words(ms) for ms in (60_000, 300_000, 3_600_000, 10_000, 1_500)] == [
        "1 min",
        "5 min",
        "1 h",
        "10 s",
        "1.5 s",
    ]
