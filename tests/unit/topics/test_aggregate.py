"""Ids and times of what the windows publish are functions of its content."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.strategies.contracts import events
from topics import KINDS, Aggregate, Kind
from topics.aggregate import KIND_OF, Values, aggregate_id
from topics.analysis import analysis_id
from topics.codec import tag_of


@given(events(Aggregate))
@settings(max_examples=25, deadline=None)
def test_an_aggregate_knows_its_kind_and_its_end(aggregate: Aggregate) -> None:
    """The kind is the tag of its values; the end is the first instant outside."""
    assert aggregate.kind == tag_of(type(aggregate.values))
    assert aggregate.window_end_ms - aggregate.window_start_ms == aggregate.window_ms


def test_every_kind_has_its_values() -> None:
    """And every contract of values its kind."""
    assert tuple(KIND_OF.values()) == KINDS
    assert tuple(KIND_OF) == get_args(Values)


@pytest.mark.parametrize(("kind", "subject"), [("market", "BTC/USDT"), ("volume", "BTC")])
def test_an_aggregate_id_is_the_window_and_its_revision(kind: Kind, subject: str) -> None:
    """In the order its contract says."""
    made = aggregate_id(
        kind, subject, window_ms=300_000, step_ms=60_000, start_ms=120_000, revision=2
    )
    assert made == f"{kind}/{subject}/300000/60000/120000/2"
    anew = aggregate_id(
        kind, subject, window_ms=300_000, step_ms=60_000, start_ms=120_000, revision=2, epoch=3
    )
    assert anew == f"{made}/e3"


def test_an_analysis_id_is_what_it_is_about() -> None:
    """A superseding analysis of the same instant has another id; who answered is not in it."""
    assert analysis_id("state", "BTC", 60_000) == "state/BTC/60000/0"
    assert analysis_id("deep_dive", "BTC", 60_000, 2) == "deep_dive/BTC/60000/2"


@given(events(Aggregate), st.tuples(st.integers(0, 3), st.integers(0, 3)))
@settings(max_examples=25, deadline=None)
def test_a_later_epoch_comes_after_every_revision_of_an_earlier_one(
    aggregate: Aggregate, other: tuple[int, int]
) -> None:
    """What a reader keeps of one window."""
    epoch, revision = other
    second = replace(aggregate, epoch=aggregate.epoch + 1 + epoch, revision=revision)
    assert second.edition > aggregate.edition
    assert replace(aggregate, revision=aggregate.revision + 1).edition > aggregate.edition
