"""Who makes a value, and what becomes of those who wait: the table of `agents/cache/lease.py`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.cache.lease import (
    DECLINED,
    LAPSES_MAX,
    LEASE_BYTES_MAX,
    Declined,
    Following,
    GiveUp,
    Held,
    Ready,
    TakeOver,
    Wait,
    follow,
    held,
    read_lease,
)

LEASES = st.one_of(
    st.none(), st.just(Declined()), st.builds(Held, st.sampled_from(["a", "b", "c"]))
)
LOOKS = st.tuples(LEASES, st.booleans(), st.integers(0, 5))
UNTIL_S = 4


@given(st.lists(LOOKS, max_size=12))
def test_a_follower_does_as_the_table_says(
    looks: list[tuple[Held | Declined | None, bool, int]],
) -> None:
    """In any order of looks: it takes over once at most, and after the second lapse nobody asks."""
    seen, took, known, lapses = Following(), 0, "", 0
    for lease, there, now_s in looks:
        before = seen
        seen, step = follow(
            seen, lease, value_is_there=there, now_s=float(now_s), until_s=float(UNTIL_S)
        )
        if there:
            assert step == Ready()
        elif isinstance(lease, Declined):
            assert step == GiveUp("declined")
        elif now_s >= UNTIL_S:
            assert step == GiveUp("deadline")
        else:
            token = "" if lease is None else lease.token
            lapses += token == "" or known not in {"", token}
            known = token
            if lapses > LAPSES_MAX:
                assert step == GiveUp("leader_lost")
            else:
                assert step == (TakeOver() if lease is None else Wait())
        if step in (Ready(), GiveUp("declined"), GiveUp("deadline")):
            assert seen == before
        took += step == TakeOver()
        if not isinstance(step, Wait | TakeOver):
            break
    assert took <= 1


@pytest.mark.parametrize(
    ("leases", "steps"),
    [
        ("aaa", "www"),
        ("a-", "wt"),
        ("a-b-", "wtwg"),
        ("a--", "wtg"),
        ("--", "tg"),
        ("ab", "ww"),
        ("abb-", "wwwg"),
        ("abc", "wwg"),
        ("aba", "wwg"),
    ],
)
def test_one_lapse_is_bridged_and_no_second(leases: str, steps: str) -> None:
    """Whoever took over: this follower (`t`), or another's token in the place of the first; `g` gives up."""
    seen = Following()
    for lease, expected in zip(leases, steps, strict=True):
        stands = None if lease == "-" else Held(lease)
        seen, step = follow(seen, stands, value_is_there=False, now_s=0.0, until_s=1.0)
        assert step == {"w": Wait(), "t": TakeOver(), "g": GiveUp("leader_lost")}[expected]


@given(st.binary(max_size=100))
def test_anything_under_a_lease_is_read(planted: bytes) -> None:
    """Nothing raises, and what none of us wrote is nothing."""
    found = read_lease(planted)
    assert isinstance(found, Held) == (
        planted.startswith(b"held ") and planted.isascii() and len(planted) <= LEASE_BYTES_MAX
    )
    assert isinstance(found, Declined) == (planted == DECLINED)


@given(st.text("0123456789abcdef", min_size=16, max_size=16))
def test_a_token_is_read_as_it_was_written(token: str) -> None:
    """And fits."""
    assert read_lease(held(token)) == Held(token)
