"""What is done with each record: told to whom it is for, once, and done with when everybody has."""

from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.acts.standing import StandingActs
from streams.serving.notify.account import Account
from streams.serving.notify.courier import Courier, Tally
from streams.serving.notify.desk import ORPHAN_MS, ORPHANS_MAX, Desk
from streams.serving.notify.grouping import GATHER_MS
from streams.serving.notify.hearing import Hearing
from streams.serving.notify.lane import Lane
from streams.serving.notify.notice import Entry, Place, key_of, of_alert
from streams.serving.notify.past import Past
from streams.serving.notify.routing import Routes
from streams.serving.notify.settings import NotifySettings
from streams.serving.notify.standing import Book
from streams.serving.notify.withholding import Withholding
from topics import Alert, Analysis, Control
from topics.settings import BrokerSettings

from .alerts import NOW_MS, alert, analysis
from .test_courier import ListDoor
from .test_routing import settings

BOUND = settings(phone={}, chat={"severity_min": "critical"}, terse={"analyses": False})
WAIT_MS = 30_000


class Bench(NamedTuple):
    """A desk, its couriers that never leave, and what it is given to read."""

    desk: Desk
    account: Account
    couriers: dict[str, Courier]
    hearing: Hearing
    clock: list[int]

    def alert(self, made: Alert, offset: int) -> None:
        """Take a record of the alerts."""
        self.desk.take_alert(made, Place("alerts", 0, offset), self.clock[0], b"{}")

    def analysis(self, made: Analysis, offset: int) -> None:
        """Take a record of the analyses."""
        self.desk.take_analysis(made, Place("analyses", 0, offset), self.clock[0], b"{}")

    def waiting(self, name: str) -> list[Entry]:
        """Return what waits for a receiver, and take it, when all of it has gathered."""
        self.clock[0] += GATHER_MS
        found = self.couriers[name].lane.next(self.clock[0], self.desk.silenced)
        if found is None:
            return []
        told = () if found.message is None else found.message.entries
        return [*found.muted, *told, *self.waiting(name)]

    def steps(self, name: str) -> list[str]:
        """Return the steps that wait for a receiver, and take them."""
        return [entry.notice.step for entry in self.waiting(name)]

    @property
    def committable(self) -> dict[tuple[str, int], int]:
        """The offsets that may be committed."""
        return self.account.moved()


def bench(*settled: str, receivers: NotifySettings = BOUND) -> Bench:
    """Return a desk at the beginning of both topics; `calm` is told of what an analysis finds severe."""
    clock, couriers = [NOW_MS], dict[str, Courier]()
    account = Account({("alerts", 0): 0, ("analyses", 0): 0})
    hearing = Hearing(BrokerSettings())
    past = Past(set(settled), set(), {}, Book())
    desk = Desk(
        account,
        Routes(receivers),
        couriers,
        past,
        withholdings={"calm": Withholding("warning", WAIT_MS, left_out=frozenset())}
        if "calm" in receivers.receivers
        else {},
        hearing=hearing,
        now_ms=lambda: clock[0],
    )
    for name in receivers.receivers:
        couriers[name] = Courier(
            name,
            ListDoor(),
            Lane(3_600),
            receivers,
            tally=Tally(),
            dashboard="",
            silenced=desk.silenced,
            firing=list,
            fires=past.book.fires,
            done=lambda outcome: account.settle(outcome.entry.notice.place),
            now_ms=lambda: clock[0],
        )
    return Bench(desk, account, couriers, hearing, clock)


def act(kind: str, subject: str, expires_ms: int | None = None) -> Control:
    """Return an operator's act."""
    return Control(
        control_id=f"{kind}/{subject}",
        act=kind,  # type: ignore[arg-type]
        subject=subject,
        value="on",
        actor="alice",
        reason="seen",
        at_ms=NOW_MS,
        expires_ms=expires_ms,
    )


def test_what_an_earlier_epoch_has_said_is_not_told_again_when_another_says_it() -> None:
    """Nobody is paged about last week; what the new epoch says first is told, and every record is done with."""
    made = bench()
    over: dict[str, Any] = {"state": "cleared", "reason": "no_longer_holds", "transition": 2}
    log = [
        alert("a"),
        alert("a", **over),
        alert("b"),
        alert("a", epoch=1),
        alert("a", epoch=2),
        alert("a", epoch=2, **over),
        alert("b", epoch=1),
    ]
    for offset, one in enumerate(log):
        made.alert(one, offset)
        # An Alertmanager does not hear for a moment that what is over fires again.
        assert offset < 3 or [fires.rule for fires in made.desk.firing_for("phone")] == ["b"]
    assert sorted(made.steps("phone")) == ["cleared", "firing", "firing"]
    new = [alert("b", epoch=1, **over), alert("b", epoch=1, transition=3), alert("c", epoch=1)]
    for offset, one in enumerate(new, len(log)):
        made.alert(one, offset)
    made.alert(alert("b", epoch=2, **over), len(log) + len(new))
    assert sorted(made.steps("phone")) == ["cleared", "firing", "firing"]


def test_a_record_is_done_with_when_all_it_is_for_were_told() -> None:
    """What filters leave out is counted, and waited for by nobody."""
    made = bench()
    made.alert(alert(), 0)
    made.alert(alert(severity="critical", rule="crash"), 1)
    assert made.committable == {("alerts", 0): 0, ("analyses", 0): 0}
    assert [len(made.waiting(name)) for name in ("phone", "chat", "terse")] == [2, 1, 2]
    assert made.couriers["chat"].tally.filtered == 1
    for offset, count in ((0, 2), (1, 3)):
        for _ in range(count):
            made.account.settle(Place("alerts", 0, offset))
    assert made.committable[("alerts", 0)] == 2


def test_what_was_told_before_is_not_told_again() -> None:
    """By a record that is read again after a start, or that the log holds twice."""
    known = of_alert(alert(), logged_ms=NOW_MS)
    made = bench(key_of(known, "phone"))
    made.alert(alert(), 0)
    made.alert(alert(), 1)
    assert (made.steps("phone"), made.steps("terse")) == ([], ["firing"])


def test_an_analysis_follows_its_alert_and_waits_for_it_a_while() -> None:
    """Two topics are read in no order; one of no alert is nobody's."""
    made = bench()
    of = alert()
    made.analysis(analysis(of.alert_id), 0)
    made.analysis(analysis(None), 1)
    assert made.steps("phone") == []
    made.alert(of, 0)
    assert made.steps("phone") == ["firing", "analysis"]
    assert made.steps("terse") == ["firing"]
    made.account.settle(Place("analyses", 0, 0))
    assert made.committable[("analyses", 0)] == 2


def test_an_analysis_whose_alert_never_comes_is_let_go() -> None:
    """After a minute, or when too many wait."""
    made = bench()
    for n in range(ORPHANS_MAX + 1):
        made.analysis(analysis(f"unknown/{n}"), n)
    assert made.committable[("analyses", 0)] == 1
    made.clock[0] += ORPHAN_MS
    made.desk.look()
    assert made.committable[("analyses", 0)] == ORPHANS_MAX + 1


def test_the_end_of_a_mute_is_told_while_the_alert_fires_but_not_of_one_that_was_acknowledged() -> (
    None
):
    """Somebody knows of that one."""
    made = bench()
    acts: StandingActs = made.hearing.acts
    acts.take(act("mute", "all", NOW_MS + 1_000))
    seen = alert(subject="ETH/USD")
    for offset, one in enumerate((alert(), seen)):
        made.alert(one, offset)
    made.desk.look()
    assert made.desk.firing_for("phone") == []
    assert made.desk.silenced(of_alert(alert(), logged_ms=NOW_MS), NOW_MS)
    acts.take(act("acknowledge", f"alert/{seen.alert_id}"))
    made.clock[0] += 2_000
    made.waiting("phone")
    made.desk.look()
    made.desk.look()
    assert [entry.notice.alert for entry in made.waiting("phone")] == [alert()]
    assert len(made.desk.firing_for("phone")) == 2


def test_of_an_acknowledged_alert_its_analysis_and_its_end_are_told() -> None:
    """Whoever acknowledged it wants to know; a firing more is what they do not want."""
    made = bench()
    made.hearing.acts.take(act("acknowledge", f"alert/{alert().alert_id}"))
    over = alert(state="cleared", transition=2)
    assert made.desk.silenced(of_alert(alert(), logged_ms=0), NOW_MS)
    assert not made.desk.silenced(of_alert(over, logged_ms=0), NOW_MS)
    made.hearing.acts.take(act("mute", "rule/price_fall", NOW_MS + 1_000))
    assert made.desk.silenced(of_alert(over, logged_ms=0), NOW_MS)
    assert not made.desk.silenced(of_alert(over, logged_ms=0), NOW_MS + 1_000)


def test_a_receiver_that_waits_for_analyses_is_told_of_what_they_bear_out() -> None:
    """Others are told at once; what is left out is done with, and what nobody analysed is told when it is time."""
    made = bench(receivers=settings(phone={}, calm={"analysis_severity_min": "warning"}))
    one, other, third = (alert(subject=f"{name}/USD") for name in "ABC")
    for offset, fires in enumerate((one, other, third)):
        made.alert(fires, offset)
    assert (made.steps("phone"), made.steps("calm")) == (["firing"] * 3, [])
    assert (made.desk.withheld("calm"), made.desk.withheld("phone")) == (3, 0)
    assert (len(made.desk.firing_for("phone")), made.desk.firing_for("calm")) == (3, [])
    made.analysis(analysis(one.alert_id, severity="warning"), 0)
    assert made.steps("calm") == ["firing", "analysis"]
    made.analysis(analysis(other.alert_id, severity="notice"), 1)
    assert (made.steps("calm"), made.couriers["calm"].tally.muted) == ([], 2)
    made.clock[0] = NOW_MS + WAIT_MS
    made.desk.look()
    assert [entry.notice.alert for entry in made.waiting("calm")] == [third]
    assert made.desk.firing_for("calm") == [one, third]
    assert made.desk.withheld("calm") == 0
    # Of the other its record is done with once the phone has it; of the two that were told, not yet.
    assert len(made.account) == 5


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["price_fall", "crash"]),
            st.sampled_from(["BTC/USD", "ETH/USD"]),
            st.sampled_from(["firing", "cleared", "retracted"]),
            st.sampled_from(["info", "critical"]),
            st.integers(1, 3),
        ),
        max_size=30,
    )
)
def test_each_step_is_offered_to_or_filtered_for_every_receiver_once(
    steps: list[tuple[str, str, str, str, int]],
) -> None:
    """And every record is done with when all that was offered of it has ended, however it did."""
    made = bench()
    seen = set()
    for offset, (rule, subject, state, severity, transition) in enumerate(steps):
        one = alert(rule, subject, state=state, severity=severity, transition=transition)
        made.alert(one, offset)
        seen.add((rule, subject, state, transition))
    ended: list[Entry] = []
    for name in made.couriers:
        ended += made.waiting(name)
    keys = [entry.key for entry in ended]
    assert len(keys) == len(set(keys))
    phone = {
        (e.notice.alert.rule, e.notice.alert.subject, e.notice.step, e.notice.alert.transition)
        for e in ended
        if e.key == key_of(e.notice, "phone")
    }
    assert phone == seen
    for entry in ended:
        made.account.settle(entry.notice.place)
    assert (len(made.account), made.committable.get(("alerts", 0), 0)) == (0, len(steps))


def test_a_record_that_says_nothing_is_passed_over() -> None:
    """A deletion, or one that cannot be read."""
    made = bench()
    made.desk.pass_over(Place("alerts", 0, 0))
    assert made.committable[("alerts", 0)] == 1
