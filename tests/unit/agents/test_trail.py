"""What is told of each candidate, and that nobody speaks for a partition that is not theirs any more."""

import pytest
from aiokafka.structs import ConsumerRecord
from msgspec.structs import replace

from agents.analyst import Analyst
from agents.answer.decided import decision_of
from agents.decide.candidate import AlertCause, Sent
from agents.decide.inbox import Inbox, Put
from agents.decide.partition import PartitionDecider
from agents.publisher import Publisher
from agents.settings import AgentSettings
from agents.trail import Trail, letter_of
from tests.strategies.aggregates import market
from tests.unit.agents.ask.golden import earlier
from tests.unit.agents.candidates import candidate
from topics import BY_NAME, ContractError, Decision, encode
from topics.record import OutRecord
from topics.settings import BrokerSettings

BROKER = BrokerSettings(prefix="test.")
SETTINGS = AgentSettings()
ANALYST = Analyst(SETTINGS, None, now_ms=lambda: 5)


class KeptOutlet:
    """Acknowledges at once, and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[OutRecord] = []

    async def deliver(self, records: list[OutRecord]) -> None:
        """Take them."""
        self.got += records


class Told:
    """A trail over one partition in its third tenure, and what reaches the topics."""

    def __init__(self) -> None:
        self.ours = PartitionDecider(SETTINGS, 0, read_from=0, decide_from=0, tenure=3)
        self.deciders = {0: self.ours}
        self.publisher = Publisher(KeptOutlet())
        self.trail = Trail(BROKER, self.publisher, self.deciders, now_ms=lambda: 5)
        for offset in range(3):
            self.ours.offsets.read(offset)

    def waiting(self) -> list[str]:
        """Return the topics of the records that wait to be written, in order; finish all of them."""
        topics = []
        while len(self.publisher):
            outgoing = self.publisher._queue.get_nowait()
            topics += [record.topic for record in (*outgoing.first, *outgoing.then)]
            outgoing.done()
        return topics


def test_an_analysis_goes_before_its_decision_and_finishes_its_offsets() -> None:
    """All that the candidate took over."""
    told, made = Told(), candidate(tenure=3, offsets=(0, 2))
    told.trail.tell(made, *ANALYST.decline(made, "no_model"))
    assert told.waiting() == ["test.analyses", "test.decisions"]
    assert told.ours.offsets.unfinished == 1
    assert told.ours.offsets.committable == 1


def test_rules_after_a_send_of_one_taken_over_are_told_against_the_last_there_is() -> None:
    """The survivor was never asked about, so it knows no last analysis of its own."""
    told, made = Told(), candidate(tenure=3, offsets=(0,))
    last = earlier(made, made).last
    assert last is not None
    told.ours.standing.take(last)
    sent = Sent(
        attempt_id="a",
        item_key="k",
        provider="anthropic",
        model="m",
        prompt_version="p",
        outcome="timeout",
        ended_s=0.0,
    )
    both = replace(made, sends=(sent,))
    told.trail.tell(both, *ANALYST.decline(both, "stopping"))
    outgoing = told.publisher._queue.get_nowait()
    decision = BY_NAME["decisions"].decoder().decode(outgoing.then[0].value or b"")
    assert decision.compared_with == last.analysis_id


def test_one_taken_over_finishes_with_its_survivor() -> None:
    """Its decision names who took it over, and finishes nothing."""
    told, inbox = Told(), Inbox(9)
    inbox.put(candidate(tenure=3, offsets=(0,)))
    told.trail.tell_put(inbox.put(candidate(tenure=3, offsets=(1,), candidate_id="newer")))
    assert told.waiting() == ["test.decisions"]
    assert told.ours.offsets.unfinished == 3


def test_one_shed_is_finished_by_its_decision() -> None:
    """There is no analysis of it."""
    told, shed = Told(), candidate(tenure=3, offsets=(0,))
    told.trail.tell_put(Put(candidate(), shed=shed))
    assert told.waiting() == ["test.decisions"]
    assert told.ours.offsets.committable == 1


@pytest.mark.parametrize("tenure", [2, 4])
def test_nothing_is_told_under_another_tenure(tenure: int) -> None:
    """Assigned anew, the partition is read anew: an old answer would finish what is yet to be decided."""
    told, made = Told(), candidate(tenure=tenure, offsets=(0,))
    told.trail.tell(made, *ANALYST.decline(made, "no_model"))
    assert told.waiting() == []
    assert told.ours.offsets.unfinished == 3


def test_nothing_is_told_of_a_partition_that_went() -> None:
    """Its new owner reads the same windows."""
    told, made = Told(), candidate(tenure=3, offsets=(0,))
    told.deciders.clear()
    told.trail.tell(made, *ANALYST.decline(made, "no_model"))
    told.trail.tell_put(Put(made, absorbed=made))
    assert told.waiting() == []


def test_a_tally_finishes_what_it_counts() -> None:
    """Told for each partition that has any."""
    told = Told()
    told.ours.take(3, market(window_ms=300_000), 0.0)
    told.trail.tell_tallies([told.ours])
    told.trail.tell_tallies([told.ours])
    assert told.waiting() == ["test.decisions"]
    assert told.ours.offsets.unfinished == 3


def test_a_decision_says_all_there_is_to_audit() -> None:
    """Which windows it read, which offsets it stands for, and what was asked."""
    causes = tuple(
        AlertCause(alert_id=severity, severity=severity, since_ms=1)
        for severity in ("notice", "critical")
    )
    made = candidate(partition=3, offsets=(4, 9), read_to=11, lead="BTC/USDT", alerts=causes)
    analysis, answered = ANALYST.decline(made, "deadline")
    decision = decision_of(made, "rules", "deadline", decided_ms=7, answered=answered)
    assert BY_NAME["decisions"].decoder().decode(encode(decision)) == decision
    assert decision == Decision(
        decision_id=made.candidate_id,
        asset="BTC",
        product="deep_dive",
        as_of_ms=made.as_of_ms,
        outcome="rules",
        reason="deadline",
        analysis_id=analysis.analysis_id,
        severity="warning",
        reasons=["price_drop"],
        aggregate_ids=list(made.aggregate_ids),
        aggregates_partition=3,
        first_offset=4,
        last_offset=9,
        decided_ms=7,
        read_to=11,
        lead="BTC/USDT",
        alert_ids=["critical", "notice"],
    )
    gone = decision_of(made, "coalesced", "newer_candidate", decided_ms=7, survivor=candidate())
    assert (gone.survivor_id, gone.analysis_id) == (candidate().candidate_id, None)


def test_a_decision_that_was_lost_is_made_up_for_as_its_analysis_says() -> None:
    """By then the candidate had taken others over; made again, it has not."""
    made = candidate(reasons=("price_drop", "alert_x"), severity="critical", read_to=9)
    analysis, _ = ANALYST.decline(made, "deadline")
    alone = candidate(read_to=9, product="state")
    again = decision_of(alone, "rules", "deadline", decided_ms=7, said=analysis)
    assert again.product == "deep_dive"
    assert (again.reasons, again.severity) == (["price_drop", "alert_x"], "critical")
    assert (again.read_to, again.aggregate_ids) == (9, list(made.aggregate_ids))
    alerted = candidate(candidate_id="deep_dive/alert/x", aggregate_ids=("later",))
    again = decision_of(alerted, "rules", "deadline", decided_ms=7, said=analysis)
    assert again.read_to is None  # an alert is read again where more has been folded
    assert again.aggregate_ids == list(made.aggregate_ids)


def test_a_dead_letter_names_the_record_and_the_reason() -> None:
    """As the catalog calls the topic, whatever the prefix."""
    record = ConsumerRecord("test.aggregates", 3, 9, 5, 0, b"BTC", None, None, 3, -1, ())
    letter = letter_of(record, ContractError("no JSON", reason="malformed"))
    assert (letter.topic, letter.partition, letter.offset) == ("aggregates", 3, 9)
    assert (letter.reason, letter.message, letter.stage) == ("malformed", "no JSON", "analyse")
    assert (letter.key, letter.value, letter.time_ms) == (b"BTC", b"", 5)
