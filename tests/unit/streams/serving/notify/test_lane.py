"""What one receiver is told: nothing is lost, nothing is told out of order, and the hour's bound holds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.notify.grouping import GATHER_MS, SETTLE_MS
from streams.serving.notify.lane import Lane, Message
from streams.serving.notify.notice import Entry, Notice
from streams.serving.notify.pacing import DIGEST_MS, HOUR_MS

from .alerts import NOW_MS, alert, entry

STATES = ("firing", "cleared", "retracted")


def loud(_: Notice, __: int) -> bool:
    """Return that nobody muted it."""
    return False


def told(lane: Lane, now_ms: int) -> Message | None:
    """Return the message that is due, with nobody muted."""
    found = lane.next(now_ms, loud)
    return None if found is None else found.message


def many(count: int, severity: str = "warning") -> list[Entry]:
    """Return firings of that many rules: each is a message of its own."""
    return [entry(rule=f"rule_{n}", severity=severity) for n in range(count)]


def test_the_first_firing_is_told_within_the_settling_time() -> None:
    """It waits for nothing else."""
    lane = Lane(30)
    lane.offer(entry(), NOW_MS)
    assert lane.wakes_ms(NOW_MS) == NOW_MS + SETTLE_MS
    message = told(lane, NOW_MS + SETTLE_MS)
    assert message is not None
    assert message.form == "sent"


def test_beyond_the_hours_bound_one_digest_says_what_was_held_back() -> None:
    """Ten rules fire at once, eight messages an hour: six are told, four wait for the digest."""
    lane = Lane(8)
    for one in many(10):
        lane.offer(one, NOW_MS)
    now_ms = NOW_MS + SETTLE_MS
    sent = [message for _ in range(10) if (message := told(lane, now_ms)) is not None]
    assert [message.form for message in sent] == ["sent"] * 6
    assert (lane.held, lane.waiting) == (4, 4)
    assert lane.wakes_ms(now_ms) == now_ms + DIGEST_MS
    digest = told(lane, now_ms + DIGEST_MS)
    assert digest is not None
    assert (digest.form, len(digest.entries), lane.held) == ("digest", 4, 0)


def test_what_is_critical_finds_room_after_a_flood_of_what_is_not() -> None:
    """A quarter of the hour's messages is kept for it."""
    lane = Lane(8)
    for one in many(20):
        lane.offer(one, NOW_MS)
    now_ms = NOW_MS + SETTLE_MS
    while told(lane, now_ms) is not None:
        pass
    lane.offer(entry(rule="crash", severity="critical"), now_ms)
    message = told(lane, now_ms + SETTLE_MS)
    assert message is not None
    assert message.form == "sent"
    assert message.entries[0].notice.alert.rule == "crash"


def test_the_last_message_of_the_hour_goes_at_once_when_something_critical_is_held_back() -> None:
    """It takes everything else with it."""
    lane = Lane(4, [NOW_MS] * 3)
    lane.offer(entry(severity="info"), NOW_MS)
    assert told(lane, NOW_MS + SETTLE_MS) is None
    lane.offer(entry(rule="crash", severity="critical"), NOW_MS + SETTLE_MS)
    message = told(lane, NOW_MS + 2 * SETTLE_MS)
    assert message is not None
    assert (message.form, len(message.entries)) == ("digest", 2)


def test_an_end_follows_its_beginning_into_the_digest() -> None:
    """Though there was room for it by itself."""
    lane = Lane(8, [NOW_MS - HOUR_MS + 1_000] * 6)
    lane.offer(entry(), NOW_MS)
    assert told(lane, NOW_MS + SETTLE_MS) is None
    lane.offer(entry(alert(state="cleared", transition=2)), NOW_MS + 900)
    message = told(lane, NOW_MS + 1_500)
    assert message is not None
    assert [e.notice.step for e in message.entries] == ["firing", "cleared"]


def test_what_is_muted_is_told_nobody_and_takes_no_message() -> None:
    """Of a group the others are told."""
    lane = Lane(4)
    quiet, noisy = entry(), entry(subject="ETH/USD")
    lane.offer(quiet, NOW_MS)
    lane.offer(noisy, NOW_MS)
    found = lane.next(NOW_MS + SETTLE_MS, lambda notice, _: notice.alert.asset == "BTC")
    assert found is not None
    assert found.muted == (quiet,)
    assert found.message is not None
    assert found.message.entries == (noisy,)


def test_at_the_bound_of_what_waits_the_oldest_is_given_up() -> None:
    """One by one, and said so."""
    lane = Lane(4, [NOW_MS] * 4, waiting_max=3)
    entries = many(5)
    given_up = [gone for one in entries for gone in lane.offer(one, NOW_MS)]
    assert given_up == entries[:2]
    assert lane.waiting == 3


arrivals = st.lists(
    st.tuples(
        st.integers(0, 400_000),
        st.integers(0, 5),
        st.integers(0, 3),
        st.sampled_from(STATES),
        st.sampled_from(["info", "warning", "critical"]),
        st.booleans(),
    ),
    max_size=120,
)


@given(st.integers(4, 12), arrivals, st.integers(0, 30_000), st.integers(1, 40))
def test_every_notice_ends_in_one_way_in_its_order_and_no_hour_has_too_many(
    per_hour: int,
    given_arrivals: list[tuple[int, int, int, str, str, bool]],
    busy_ms: int,
    waiting_max: int,
) -> None:
    """Whatever comes, whenever, however long each message takes, and whatever people mute meanwhile."""
    lane, now_ms, muted_now = Lane(per_hour, waiting_max=waiting_max), NOW_MS, False
    ends: Counter[str] = Counter()
    begun: list[int] = []
    order: dict[str, list[int]] = {}
    offered = []

    def work(until_ms: int) -> None:
        nonlocal now_ms
        while True:
            found = lane.next(now_ms, lambda notice, _: muted_now and notice.alert.asset == "A0")
            if found is None:
                wakes_ms = lane.wakes_ms(now_ms)
                if wakes_ms is None or wakes_ms > until_ms:
                    now_ms = max(now_ms, until_ms)
                    return
                now_ms = max(now_ms, wakes_ms)
                continue
            ends.update(gone.key for gone in found.muted)
            if found.message is not None:
                begun.append(now_ms)
                for one in found.message.entries:
                    ends[one.key] += 1
                    order.setdefault(one.notice.alert.alert_id, []).append(one.notice.logged_ms)
                now_ms += busy_ms

    for n, (after_ms, asset, rule, state, severity, muted) in enumerate(given_arrivals):
        muted_now = muted
        work(now_ms + after_ms)
        made = alert(f"rule_{rule}", f"A{asset}", state=state, severity=severity, transition=n + 1)
        one = entry(made, at_ms=NOW_MS + n)
        offered.append(one.key)
        ends.update(gone.key for gone in lane.offer(one, now_ms))
    work(now_ms + 3 * HOUR_MS + GATHER_MS)

    assert lane.waiting == 0
    assert ends == Counter(offered)
    assert all(times == sorted(times) for times in order.values())
    assert all(sum(a <= b < a + HOUR_MS for b in begun) <= per_hour for a in begun)
