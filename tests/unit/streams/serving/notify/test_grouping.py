"""Which notices make one message."""

from streams.serving.notify.grouping import GATHER_MS, SETTLE_MS, Groups

from .alerts import NOW_MS, alert, entry

DUE_MS = NOW_MS + SETTLE_MS


def tell(groups: Groups, now_ms: int) -> None:
    """Tell the group that is due."""
    due = groups.pop(now_ms)
    assert due is not None
    groups.told(due, now_ms)


def test_what_fires_in_one_moment_is_one_message() -> None:
    """A fall of the whole market closes many windows at once."""
    groups = Groups()
    coins = [entry(subject=f"{name}/USD") for name in ("BTC", "ETH", "XRP")]
    for n, one in enumerate(coins):
        groups.add(one, NOW_MS + n * 20)
    assert groups.pop(DUE_MS - 1) is None
    due = groups.pop(DUE_MS)
    assert due is not None
    assert (due.entries, due.gathered) == (coins, False)
    assert len(groups) == 0


def test_what_follows_within_ten_seconds_is_gathered_into_one_more() -> None:
    """And so on: one message for ten seconds, as long as it goes on."""
    groups = Groups()
    groups.add(entry(), NOW_MS)
    tell(groups, DUE_MS)
    late = [entry(subject="ETH/USD"), entry(subject="XRP/USD")]
    groups.add(late[0], DUE_MS + 1)
    groups.add(late[1], DUE_MS + GATHER_MS - 1)
    assert groups.pop(DUE_MS + GATHER_MS - 1) is None
    due = groups.pop(DUE_MS + GATHER_MS)
    assert due is not None
    assert (due.entries, due.gathered) == (late, True)


def test_after_ten_quiet_seconds_the_next_is_told_at_once_again() -> None:
    """It is another event."""
    groups = Groups()
    groups.add(entry(), NOW_MS)
    tell(groups, DUE_MS)
    quiet_ms = DUE_MS + GATHER_MS
    assert groups.pop(quiet_ms) is None
    groups.add(entry(subject="ETH/USD"), quiet_ms)
    assert groups.due_ms() == quiet_ms + SETTLE_MS


def test_a_firing_does_not_wait_behind_an_end_nor_behind_another_rule() -> None:
    """Beginnings and ends are told apart, and each rule by itself."""
    groups = Groups()
    groups.add(entry(alert(state="cleared", transition=2)), NOW_MS)
    tell(groups, DUE_MS)
    groups.add(entry(subject="ETH/USD"), DUE_MS)
    groups.add(entry(rule="volume_surge"), DUE_MS)
    assert groups.due_ms() == DUE_MS + SETTLE_MS


def test_an_end_is_not_told_before_its_beginning() -> None:
    """It goes with it, in order, while that waits."""
    groups = Groups()
    groups.add(entry(subject="ETH/USD"), NOW_MS)
    tell(groups, DUE_MS)
    begins, ends = entry(), entry(alert(state="cleared", transition=2))
    groups.add(begins, DUE_MS + 5)
    groups.add(ends, DUE_MS + 6)
    assert groups.pop(DUE_MS + GATHER_MS - 1) is None
    due = groups.pop(DUE_MS + GATHER_MS)
    assert due is not None
    assert due.entries == [begins, ends]


def test_of_several_groups_the_most_severe_is_told_first() -> None:
    """Whatever came first."""
    groups = Groups()
    groups.add(entry(rule="small", severity="info"), NOW_MS)
    groups.add(entry(rule="large", severity="critical"), NOW_MS + 50)
    due = groups.pop(NOW_MS + 1_000)
    assert due is not None
    assert due.critical
    assert groups.pop(NOW_MS + 1_000) is not None


def test_what_was_not_told_after_all_makes_nothing_wait() -> None:
    """Muted, say: the next is the first."""
    groups = Groups()
    groups.add(entry(), NOW_MS)
    assert groups.pop(DUE_MS) is not None
    groups.add(entry(subject="ETH/USD"), DUE_MS + 1)
    due = groups.pop(DUE_MS + 1 + SETTLE_MS)
    assert due is not None
    assert not due.gathered
