"""When a record is done with."""

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.notify.account import Account
from streams.serving.notify.notice import Place


def place(offset: int) -> Place:
    """Return a record's place."""
    return Place("alerts", 0, offset)


def test_a_record_is_done_with_once_every_receiver_is() -> None:
    """And only then is what comes before it committed too."""
    account = Account({("alerts", 0): 5})
    for offset in (5, 6):
        account.open(place(offset))
        account.expect(place(offset))
        account.settle(place(offset))
    account.settle(place(6))
    assert account.moved() == {("alerts", 0): 5}
    account.settle(place(5))
    assert account.moved() == {("alerts", 0): 7}
    account.commit(account.moved())
    assert (account.moved(), len(account)) == ({}, 0)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_nothing_is_committed_beyond_what_is_open(receivers: list[int], shuffle: object) -> None:
    """In whatever order outcomes come."""
    account = Account({("alerts", 0): 0})
    outcomes = []
    for offset, count in enumerate(receivers):
        account.open(place(offset))
        for _ in range(count):
            account.expect(place(offset))
        outcomes += [offset] * (count + 1)
    shuffle.shuffle(outcomes)  # type: ignore[attr-defined]
    left = [count + 1 for count in receivers]
    for offset in outcomes:
        account.settle(place(offset))
        left[offset] -= 1
        whole = next((n for n, count in enumerate(left) if count), len(left))
        assert account.moved().get(("alerts", 0), 0) == whole
