"""Which orders stand: the last word about each subject, as long as its time lasts, and not more than so many."""

from hypothesis import given
from hypothesis import strategies as st

from agents.orders import StandingOrders
from topics import Control

ACTS = ("force_breaker", "set_budget")
NOW_MS = 1_000


def order(
    number: int, subject: str = "a", act: str = "force_breaker", expires_ms: int | None = None
) -> Control:
    """Return an operator's order."""
    return Control(
        control_id=str(number),
        act=act,  # type: ignore[arg-type]
        subject=subject,
        value="open",
        actor="alice",
        reason="said",
        at_ms=number,
        expires_ms=expires_ms,
    )


def test_the_last_word_about_a_subject_stands() -> None:
    """Each act for itself; an act nobody heeds is not kept."""
    standing = StandingOrders(ACTS)
    assert standing.take(order(1), NOW_MS) == "kept"
    assert standing.take(order(2, act="set_budget"), NOW_MS) == "kept"
    assert standing.take(order(3), NOW_MS) == "kept"
    assert standing.take(order(3), NOW_MS) == "known"
    assert standing.take(order(4, act="mute"), NOW_MS) is None
    assert standing.of("force_breaker", NOW_MS) == (order(3),)
    assert standing.of("set_budget", NOW_MS) == (order(2, act="set_budget"),)


def test_an_order_stands_until_it_expires() -> None:
    """To the millisecond. One that came too late still takes the place of what was said before."""
    standing = StandingOrders(ACTS)
    standing.take(order(1, expires_ms=NOW_MS + 1), NOW_MS)
    assert len(standing.of("force_breaker", NOW_MS)) == 1
    assert standing.of("force_breaker", NOW_MS + 1) == ()
    assert len(standing) == 0
    standing.take(order(2), NOW_MS)
    assert standing.take(order(3, expires_ms=NOW_MS), NOW_MS) == "expired"
    assert standing.of("force_breaker", NOW_MS) == ()


def test_beyond_the_bound_the_oldest_goes() -> None:
    """And it is told, to be counted."""
    standing = StandingOrders(ACTS, orders_max=3)
    told = [standing.take(order(n, subject=str(n)), NOW_MS) for n in range(5)]
    assert told == ["kept"] * 3 + ["dropped"] * 2
    assert [o.subject for o in standing.of("force_breaker", NOW_MS)] == ["2", "3", "4"]


def test_a_deleted_record_orders_nothing() -> None:
    """Of its subject, whatever the act."""
    standing = StandingOrders(ACTS)
    for number, (subject, act) in enumerate([("a", ACTS[0]), ("a", ACTS[1]), ("b", ACTS[0])]):
        standing.take(order(number, subject, act), NOW_MS)
    standing.delete("a")
    assert [o.subject for act in ACTS for o in standing.of(act, NOW_MS)] == ["b"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(ACTS), st.none() | st.integers(0, 30)),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_what_stands_does_not_depend_on_when_it_was_read(
    said: list[tuple[str, str, int | None]], now_ms: int
) -> None:
    """Followed as it is said, or read afterwards, whole or compacted: the same stands in the end."""
    log = [order(n, subject, act, expires_ms) for n, (subject, act, expires_ms) in enumerate(said)]
    compacted = {(o.act, o.subject): o for o in log}.values()
    followed, afterwards, short = (StandingOrders(ACTS) for _ in range(3))
    for at_ms, found in enumerate(log):
        followed.take(found, min(at_ms, now_ms))
        followed.of("force_breaker", min(at_ms, now_ms))
    for found in log:
        afterwards.take(found, now_ms)
    for found in compacted:
        short.take(found, now_ms)
    for act in ACTS:
        stands = set(afterwards.of(act, now_ms))
        assert set(followed.of(act, now_ms)) == set(short.of(act, now_ms)) == stands
        last = {o.subject: o for o in log if o.act == act}.values()
        assert stands == {o for o in last if o.expires_ms is None or o.expires_ms > now_ms}
