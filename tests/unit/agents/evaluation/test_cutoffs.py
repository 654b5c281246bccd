"""Cutoffs: the first instant after the month a model may know of."""

from datetime import UTC, datetime

import pytest

from agents.evaluation.cutoffs import (
    CutoffError,
    cutoff_of,
    end_of_month_ms,
    shipped_cutoffs,
    with_told,
)
from agents.settings import ModelSettings


@pytest.mark.parametrize(
    ("month", "first"),
    [("2026-06", (2026, 7, 1)), ("2025-12", (2026, 1, 1)), ("2024-02", (2024, 3, 1))],
)
def test_a_month_ends_when_the_next_begins(month: str, first: tuple[int, int, int]) -> None:
    """Also at the end of a year."""
    assert end_of_month_ms(month) == datetime(*first, tzinfo=UTC).timestamp() * 1000


def test_the_shipped_table_knows_the_model_of_the_settings() -> None:
    """By its id, and by that with a date behind it; of a stranger nobody knows."""
    cutoffs = shipped_cutoffs()
    name = ModelSettings().name
    assert cutoff_of(cutoffs, name) == cutoff_of(cutoffs, f"{name}-20261001")
    assert cutoff_of(cutoffs, name) is not None
    assert cutoff_of(cutoffs, "somebody-elses") is None


def test_what_is_told_comes_before_the_table() -> None:
    """A name may hold an = itself."""
    cutoffs = with_told({"a": 1}, ["a=2026-01", "b=c=2026-02"])
    assert cutoffs == {"a": end_of_month_ms("2026-01"), "b=c": end_of_month_ms("2026-02")}


@pytest.mark.parametrize("told", ["a", "=2026-01", "a=2026-13", "a=2026-1", "a=", "a=1999-01"])
def test_what_is_no_cutoff_is_refused_by_name(told: str) -> None:
    """With how to write one."""
    with pytest.raises(CutoffError, match=r"--cutoff .*such as"):
        with_told({}, [told])
