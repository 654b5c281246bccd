"""What stands against values."""

from hypothesis import given
from hypothesis import strategies as st

from agents.cache.orders import EPOCH, TOMBSTONES_MAX, Orders, read_orders, tombstone

WORDS = st.from_regex(r"[a-z]{1,5}(:[a-z]{1,5}){3}", fullmatch=True)
TIMES = st.integers(0, 10**15)


@given(TIMES, st.dictionaries(WORDS, TIMES, max_size=5), TIMES)
def test_orders_are_read_as_they_were_written(
    epoch: int, tombstones: dict[str, int], now_ms: int
) -> None:
    """Each tombstone stands until its time, to the millisecond."""
    told = {EPOCH: b"%d" % epoch} | {tombstone(w): b"%d" % t for w, t in tombstones.items()}
    orders = read_orders(told)
    assert orders == Orders(epoch, tombstones)
    for word, until_ms in tombstones.items():
        assert orders.bars(word, until_ms - 1)
        assert not orders.bars(word, until_ms)
        assert (word in orders.expired(now_ms)) == (until_ms <= now_ms)
    assert not orders.bars("none:of:these:keys", 0)


@given(st.dictionaries(st.binary(max_size=12), st.binary(max_size=24), max_size=5))
def test_any_hash_is_read(told: dict[bytes, bytes]) -> None:
    """Nothing raises; without an epoch that is a number nobody knows what stands."""
    assert read_orders(told) is None
    assert read_orders({**told, EPOCH: b"1"}) is not None
    for wrong in (b"", b"-1", b"1.0", b"x", b"1" * 19, "²".encode()):
        assert read_orders({**told, EPOCH: wrong}) is None


def test_no_more_tombstones_are_read_than_there_may_be() -> None:
    """Whoever wrote them."""
    told = {tombstone(f"a:b:c:{n}"): b"9" for n in range(TOMBSTONES_MAX + 50)} | {EPOCH: b"1"}
    orders = read_orders(told)
    assert orders is not None
    assert len(orders.tombstones) == TOMBSTONES_MAX
