"""One set of instruments: dialled, followed, dialled again; never more often than it may be."""

from itertools import pairwise
from typing import Any

import pytest

from streams.collectors.market.budget import DialBudget
from streams.collectors.market.shard import (
    OVERLAP_S,
    SURE_S,
    WAIT_FIRST_S,
    WAIT_MOST_S,
    Shard,
    link_of,
)
from streams.collectors.port import SourceError


class FakeSession:
    """A connection that does what the test says."""

    def __init__(self, number: int) -> None:
        self.place = f"live/{number}"
        self.ended: Exception | None = None
        self.farewell: str | None = None
        self.subscribed_s: float | None = None
        self.stale = False
        self.started = False

    def start(self) -> None:
        self.started = True


class Dialled:
    """A shard, and what it dialled."""

    def __init__(self, *, life_s: float | None = None, budget: int = 100) -> None:
        self.sessions: list[FakeSession] = []
        self.shard = Shard(0, ("BTC/USD",), self._make, DialBudget(budget), life_s=life_s)

    def _make(self) -> Any:
        self.sessions.append(FakeSession(len(self.sessions)))
        return self.sessions[-1]

    def heard(self) -> list[Any]:
        return list(self.shard.sessions())

    def left(self) -> list[Any]:
        return list(self.shard.left)

    def up(self, now_s: float) -> FakeSession:
        self.shard.tick(now_s)
        self.sessions[-1].subscribed_s = now_s
        return self.sessions[-1]


def test_waits_between_dials_that_fail_grow_to_their_bound() -> None:
    dials: list[float] = []
    one, now_s = Dialled(), 0.0
    while len(dials) < 12:
        one.shard.tick(now_s)
        if one.shard.current is not None:
            dials.append(now_s)
            one.sessions[-1].ended = SourceError("no")
        now_s += 0.05
    waits = [later - first for first, later in pairwise(dials)]
    for number, wait_s in enumerate(waits):
        most_s = min(WAIT_MOST_S, WAIT_FIRST_S * 2**number)
        assert most_s / 2 <= wait_s <= most_s + 0.2


def test_what_the_venue_asks_us_to_wait_is_kept_to() -> None:
    one = Dialled()
    one.up(0.0).ended = SourceError("429", wait_s=100.0)
    for now_s in (0.1, 50.0, 100.0):
        one.shard.tick(now_s)
        assert one.shard.current is None
    one.shard.tick(100.2)
    assert len(one.sessions) == 2


def test_the_budget_s_place_is_waited_for_once() -> None:
    one = Dialled(budget=1)
    one.up(0.0).ended = SourceError("gone")
    for now_s in (1.0, 100.0, 299.0):
        one.shard.tick(now_s)
    assert len(one.sessions) == 1
    one.shard.tick(301.0)
    assert len(one.sessions) == 2


@pytest.mark.parametrize("why", ["life", "farewell"])
def test_the_next_connection_is_there_before_the_old_one_is_left(why: str) -> None:
    one = Dialled(life_s=1_000.0 if why == "life" else None)
    old = one.up(0.0)
    one.shard.tick(700.0)
    assert len(one.sessions) == 1
    at_s = 701.0 if why == "farewell" else 950.0
    old.farewell = "maintenance" if why == "farewell" else None
    new = one.up(at_s)
    assert new is not old
    one.shard.tick(at_s + OVERLAP_S - 0.1)
    assert one.heard() == [old, new]
    one.shard.tick(at_s + OVERLAP_S)
    assert (one.heard(), one.left(), one.shard.broke) == ([new], [old], False)


@pytest.mark.parametrize(("after_s", "broke"), [(SURE_S - 0.1, True), (SURE_S, False)])
def test_an_old_connection_that_ends_early_leaves_a_hole_unless_the_next_was_surely_heard(
    after_s: float, *, broke: bool
) -> None:
    """At the bound."""
    one = Dialled()
    old = one.up(0.0)
    old.farewell = "soon"
    new = one.up(10.0)
    old.ended = SourceError("closed")
    one.shard.tick(10.0 + after_s)
    assert (one.heard(), one.shard.broke) == ([new], broke)


def test_a_next_connection_that_fails_does_not_cost_the_old_one() -> None:
    one = Dialled()
    old = one.up(0.0)
    old.farewell = "soon"
    one.up(10.0).ended = SourceError("no")
    one.shard.tick(10.1)
    assert (one.heard(), one.shard.broke, one.shard.failure) == ([old], False, None)
    one.shard.tick(12.0)
    assert len(one.sessions) == 3


def test_the_link_tells_what_is_down() -> None:
    one, two = Dialled(), Dialled()
    assert link_of([one.shard, two.shard]).state == "connecting"
    one.up(0.0)
    two.up(0.0)
    assert link_of([one.shard, two.shard]).state == "connected"
    one.sessions[0].stale = True
    assert link_of([one.shard, two.shard]).reason == "no data for long"
    two.sessions[0].ended = SourceError("closing code 1006")
    two.shard.tick(0.1)
    link = link_of([one.shard, two.shard])
    assert (link.state, link.reason) == (
        "stale",
        "1 of 2 connections are down; closing code 1006",
    )
