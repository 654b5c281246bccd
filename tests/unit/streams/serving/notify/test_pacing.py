"""The bound of messages in an hour."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.notify.pacing import DIGEST_MS, HOUR_MS, Pace

from .alerts import NOW_MS


def test_room_is_left_for_critical_messages_and_for_the_digest() -> None:
    """Of eight an hour: six for anything, one more for what is critical, the last for the digest."""
    pace = Pace(8)
    for _ in range(6):
        assert pace.has_room(critical=False, now_ms=NOW_MS)
        pace.begin(NOW_MS)
    assert not pace.has_room(critical=False, now_ms=NOW_MS)
    assert pace.has_room(critical=True, now_ms=NOW_MS)
    pace.begin(NOW_MS)
    assert not pace.has_room(critical=True, now_ms=NOW_MS)
    pace.begin(NOW_MS)
    assert pace.free(NOW_MS) == 0


def test_there_is_none_at_the_bound() -> None:
    """The caller must have asked."""
    pace = Pace(4, [NOW_MS] * 4)
    with pytest.raises(ValueError, match="no message may begin"):
        pace.begin(NOW_MS + HOUR_MS - 1)
    pace.begin(NOW_MS + HOUR_MS)


def test_a_digest_waits_for_more_unless_it_is_critical_or_there_is_room() -> None:
    """Ten minutes; at once; at once."""
    full = Pace(8, [NOW_MS] * 7)
    assert full.digest_ms(NOW_MS, NOW_MS, critical=False) == NOW_MS + DIGEST_MS
    assert full.digest_ms(NOW_MS, NOW_MS, critical=True) == NOW_MS
    later_ms = NOW_MS + HOUR_MS
    assert full.digest_ms(NOW_MS, later_ms, critical=False) == later_ms


def test_with_no_message_left_even_a_critical_digest_waits_for_the_oldest_to_be_an_hour_old() -> (
    None
):
    """The bound holds for everything."""
    used = Pace(4, [NOW_MS, NOW_MS + 1, NOW_MS + 2, NOW_MS + 3])
    assert used.digest_ms(NOW_MS + 5, NOW_MS + 5, critical=True) == NOW_MS + HOUR_MS


@given(
    st.integers(4, 40),
    st.lists(st.tuples(st.integers(0, HOUR_MS // 4), st.booleans(), st.booleans()), max_size=200),
)
def test_no_hour_has_more_messages_than_the_bound(
    per_hour: int, asked: list[tuple[int, bool, bool]]
) -> None:
    """Whatever is asked for, and whenever."""
    pace, now_ms, begun = Pace(per_hour), NOW_MS, []
    for after_ms, critical, digest in asked:
        now_ms += after_ms
        may = pace.digest_ms(now_ms, now_ms, critical=critical) <= now_ms if digest else False
        if may or pace.has_room(critical=critical, now_ms=now_ms):
            pace.begin(now_ms)
            begun.append(now_ms)
    for first in begun:
        assert sum(first <= at < first + HOUR_MS for at in begun) <= per_hour
