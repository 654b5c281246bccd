"""A firing alert asks once, past the gate, with its own name on the analysis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.answer.decided import decision_of
from agents.decide.alerts import (
    ID_MAX,
    AlertBook,
    alert_of,
    alert_reason,
    candidate_id_of,
    misplaced,
)
from agents.decide.answered import Said
from agents.decide.candidate import AlertCause, Candidate, coalesced
from agents.decide.partition import PartitionDecider
from agents.settings import AgentSettings, GateSettings
from tests.strategies.aggregates import BASE_MS, calm, market
from tests.unit.agents.candidates import candidate
from topics import Alert, Decision, Severity, decoder_of, encode, partition_of

SETTINGS = AgentSettings(gate=GateSettings(cool_down_s=300))


def alert(**changes: object) -> Alert:
    """Return an alert that fires on BTC."""
    made = Alert(
        alert_id=f"price.drop/BTC/USDT/{BASE_MS}",
        rule="price.drop",
        asset="BTC",
        subject="BTC/USDT",
        state="firing",
        severity="warning",
        since_ms=BASE_MS,
        as_of_ms=BASE_MS + 60_000,
        headline="BTC falls",
    )
    return replace(made, **changes)


def decider(said: Said | None = None) -> PartitionDecider:
    """Return a decider of partition 3 that has read twelve calm minutes."""
    ours = PartitionDecider(SETTINGS, 3, read_from=0, decide_from=0, tenure=5, said=said)
    for offset, minute in enumerate(calm(12)):
        ours.take(offset, minute, 0.0)
    return ours


def test_an_alert_asks_within_the_cool_down_and_leaves_the_gate_as_it_is() -> None:
    """It holds no offset; what the gate says of later windows is what it would have said."""
    ours, other = decider(), decider()
    falls = [market(number=n, low=97.0) for n in (12, 13, 18)]
    first = [ours.take(12, falls[0], 0.0), other.take(12, falls[0], 0.0)]
    assert first[0] == first[1] is not None
    made = ours.take_alert(alert(), 7.0)
    assert made is not None
    assert made.candidate_id == f"deep_dive/alert/price.drop/BTC/USDT/{BASE_MS}"
    assert (made.product, made.severity, made.reasons) == (
        "deep_dive",
        "warning",
        ("alert_price_drop",),
    )
    assert (made.offsets, made.read_to, made.tenure) == ((), 13, 5)
    assert (made.enqueued_s, made.deadline_s) == (7.0, 7.0 + SETTINGS.asking_s)
    assert made.alert_id == alert().alert_id
    assert made.facts == first[0].facts  # type: ignore[union-attr]
    assert ours.take_tally(1) == other.take_tally(1)
    later = [[d.take(13 + n, w, 0.0) for n, w in enumerate(falls[1:])] for d in (ours, other)]
    assert later[0] == later[1]


def test_an_alert_asks_once() -> None:
    """Said again, cleared, or fired with another time: one analysis an alert."""
    ours = decider()
    assert ours.take_alert(alert(state="cleared"), 0.0) is None
    assert ours.take_alert(alert(kind="data_gap"), 0.0) is None
    assert ours.take_alert(alert(), 0.0) is not None
    assert ours.take_alert(alert(), 0.0) is None
    assert ours.take_alert(alert(as_of_ms=BASE_MS + 120_000, severity="critical"), 0.0) is None
    assert ours.take_alert(alert(alert_id="price.drop/BTC/USDT/9"), 0.0) is not None


def test_an_alert_that_was_decided_before_a_restart_does_not_ask_again() -> None:
    """Nor where another candidate took it over that has its answer; one without asks again."""
    said = Said()
    done, taken, lost = (replace(alert(), alert_id=f"r/BTC/{n}") for n in range(3))
    survivor = candidate(candidate_id="survivor")
    for fired, into in ((done, None), (taken, "survivor"), (lost, "nobody")):
        name = candidate(candidate_id=candidate_id_of(fired.alert_id), offsets=())
        other = into and replace(survivor, candidate_id=into)
        outcome = "rules" if into is None else "coalesced"
        said.take(
            decision_of(name, outcome, "x", decided_ms=1, survivor=other or None)  # type: ignore[arg-type]
        )
    said.take(decision_of(survivor, "rules", "x", decided_ms=1))
    ours = decider(said)
    asked = [ours.take_alert(fired, 0.0) is not None for fired in (done, taken, lost)]
    assert asked == [False, False, True]


def test_an_alert_on_an_asset_nothing_is_known_of_is_answered_too() -> None:
    """By rules without a number, and with its name; its decision accounts for no aggregate."""
    ours = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0)
    made = ours.take_alert(alert(), 0.0)
    assert made is not None
    analysis, answered = Analyst(SETTINGS, None, now_ms=lambda: 5).decline(made, "no_model")
    assert analysis.trigger.alert_id == alert().alert_id
    assert analysis.trigger.reasons == ["alert_price_drop"]
    decision = decision_of(made, "rules", "no_model", decided_ms=1, answered=answered)
    assert (decision.alert_id, decision.first_offset, decision.last_offset) == (
        alert().alert_id,
        0,
        0,
    )
    assert decoder_of(Decision).decode(encode(decision)) == decision


def test_an_alert_is_taken_only_where_its_asset_is_decided() -> None:
    """And only with an id that fits its analysis."""
    home = partition_of("BTC", 8)
    assert misplaced(alert(), home, 8) is None
    wrong = misplaced(alert(), (home + 1) % 8, 8)
    assert wrong == f"it stands in partition {(home + 1) % 8}; BTC is of {home}"
    assert misplaced(alert(alert_id="a" * ID_MAX), home, 8) is None
    assert misplaced(alert(alert_id="a" * (ID_MAX + 1)), home, 8) is not None
    assert len(candidate_id_of("a" * ID_MAX) + "/9999") == 200


def test_of_more_alerts_than_the_bound_the_oldest_is_forgotten_and_counted() -> None:
    """At the bound none is."""
    book = AlertBook(2)
    assert [book.begin(name) for name in "aab"] == [True, False, True]
    assert (len(book), book.forgotten) == (2, 0)
    assert book.begin("c")
    assert (len(book), book.forgotten) == (2, 1)
    assert not book.begin("b")


@pytest.mark.parametrize(
    ("rule", "word"),
    [("price.drop", "alert_price_drop"), ("a-b/c_1", "alert_a_b_c_1"), ("x" * 64, None)],
)
def test_a_rule_makes_a_word(rule: str, word: str | None) -> None:
    """Of a rule's name, whatever it may hold, within the contract's length."""
    made = alert_reason(rule)
    assert word is None or made == word
    assert len(made) <= 64


def test_an_id_says_whether_an_alert_made_it() -> None:
    """The gate's ids never look so: their second part is an asset, in capitals."""
    assert alert_of(candidate_id_of("r/BTC/1")) == "r/BTC/1"
    assert alert_of("deep_dive/ALERT/1/0") is None


CAUSES = st.builds(
    AlertCause,
    alert_id=st.sampled_from("abcd"),
    severity=st.sampled_from(["info", "warning", "critical"]),
    since_ms=st.integers(0, 2),
)
FIRED = st.lists(CAUSES, min_size=1, max_size=4, unique_by=lambda c: c.alert_id)


@given(FIRED)
def test_of_several_alerts_the_worst_then_the_oldest_gives_its_name(
    fired: list[AlertCause],
) -> None:
    """In whatever order they come together; and no alert's reason is lost."""
    order: tuple[Severity, ...] = ("critical", "warning", "notice", "info")

    def joined(causes: list[AlertCause]) -> Candidate:
        made = [
            candidate(alerts=(c,), reasons=(alert_reason(c.alert_id),), severity=c.severity)
            for c in causes
        ]
        both = made[0]
        for other in made[1:]:
            both = coalesced(both, other)
        return both

    first = min(fired, key=lambda c: (order.index(c.severity), c.since_ms, c.alert_id))
    for made in (joined(fired), joined(fired[::-1])):
        assert made.alert_id == first.alert_id
        assert set(made.reasons) == {alert_reason(c.alert_id) for c in fired}
        assert set(made.alerts) == set(fired)
