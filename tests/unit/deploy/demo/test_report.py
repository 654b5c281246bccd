"""The demo's report over made-up runs: what is missing is named, what does not add up is named, and nothing else."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from deploy.demo.checks import (
    IN_TIME_OF,
    KIND,
    MINUTES_MIN,
    MODEL_S,
    REASONS,
    SIZE_MS,
    TAIL_S,
    Findings,
    Run,
    findings,
    total,
    watermarks,
)
from deploy.demo.outage import Answered, outage
from deploy.demo.report import report, summary
from deploy.demo.stories import Step
from deploy.demo.witness import Reading, Witness
from streams.collectors.synthetic import Incident, Planted, SyntheticSettings, incidents, planted
from streams.serving.view import View
from streams.windows.clock import Clock
from streams.windows.counters import Counters
from streams.windows.state import Meta
from topics import KINDS, Alert, Kind, Notification, raw_topic

SEED, SPEED, SECONDS = 2, 60, 45
START_MS = 1_799_786_400_000  # minute 40 of an hour
MINUTE_MS = 60_000
PARTITIONS = 2
FIRST = 7
"""The first offset of each partition: a log that does not begin at 0 adds up too."""


once = cache(planted)


@pytest.fixture(autouse=True)
def _each_market_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """To invent it anew for each report takes a tenth of a second."""
    monkeypatch.setattr("deploy.demo.checks.planted", once)


BEGAN_MS = 1_800_000_000_000
ANSWERS = (
    (3.0, "answered"),
    (11.0, "breaker_open"),
    (13.0, "overloaded_error"),
    (13.5, "breaker_open"),
    (20.0, "breaker_open"),
    (25.5, "breaker_open"),
    (26.0, "answered"),
    (27.0, "answered"),
)
"""Of a run with an outage from 12 to 24 s: when, and why."""


def answered(at_s: float, reason: str) -> Answered:
    """Return an answer so long after the model's first request."""
    return Answered(BEGAN_MS + round(at_s * 1000), reason == "answered", reason)


class Made(NamedTuple):
    """A run, and what its reader saw."""

    run: Run
    witness: Witness
    view: View

    @property
    def found(self) -> Findings:
        return findings(self.run, self.witness, self.view)

    def told(self, *errors: str) -> dict[str, Any]:
        return report(self.run, self.witness, self.view, self.found, errors)

    def meta(self, kind: Kind) -> Meta:
        return self.witness.metas[kind, 1]


def sent(until_ms: int) -> Planted:
    """What has surely arrived by the end of a run."""
    settings = SyntheticSettings(type="synthetic", seed=SEED)
    until_ms -= int(TAIL_S * 1000 * SPEED)
    return once(settings, start_ms=START_MS, until_ms=until_ms)


def schedule() -> list[Incident]:
    """The incidents a run of this length must show."""
    return [
        i
        for i in incidents(SEED, START_MS, 60.0)
        if i.from_ms <= START_MS + SECONDS * MINUTE_MS / 2
    ]


def make(*, outage_s: tuple[int, int] | None = (12, 24), seconds: int = SECONDS) -> Made:
    """Return a run in which everything was found and everything adds up."""
    until_ms = START_MS + seconds * SPEED * 1000
    plants, witness, view = sent(until_ms), Witness(), View()
    counters = Counters(
        heartbeats=100,
        marks=plants.gaps_detected + plants.gaps_filled + plants.gaps_permanent,
        applied=1_000,
        duplicates=plants.duplicates,
        late=plants.late,
        corrected=plants.corrected,
        dead_letters=3,
    )
    bounds = {}
    for kind in KINDS:
        counted = counters if kind == "market" else Counters(heartbeats=50, applied=20)
        end = FIRST + counted.total()
        clock = Clock(source_idle_ms=1, watermark_ms=until_ms)
        witness.metas[kind, 1] = Meta(1, "digest", FIRST, end, clock, counted, 0)
        bounds[raw_topic(kind)] = {0: (0, 0), 1: (FIRST, end)}  # nothing was sent to partition 0
    witness.minutes["BTC/USDT"] = MINUTES_MIN
    witness.readings += [_reading(incident) for incident in schedule()]
    witness.alerts += [_fired(incident) for incident in schedule()]
    witness.notifications += [_told(incident) for incident in schedule()]
    witness.letters.update({("fold", "invalid"): 3, ("collect", "malformed"): plants.refused})
    witness.letters["analyse", "invalid"] = 1
    if outage_s is not None:
        witness.breaker_states += ["closed", "open", "half_open", "open", "half_open", "closed"]
        witness.cost_nano_usd = 5
        witness.answers += [answered(at_s, reason) for at_s, reason in ANSWERS]
    counts = view.counts
    counts.late, counts.dead_letters = plants.late, 3 + plants.refused + 1
    counts.gaps_detected, counts.gaps_filled = plants.gaps_detected, plants.gaps_filled
    counts.gaps_permanent, counts.revisions = plants.gaps_permanent, 1
    counts.aggregates, counts.decided, counts.tallied = 30, 9, 20
    counts.analyses, counts.by_model = 9, 0 if outage_s is None else 4
    run = Run(
        seed=SEED,
        start_ms=START_MS,
        until_ms=until_ms,
        shift_ms=12,
        speed=SPEED,
        outage_s=outage_s,
        model_began_ms=None if outage_s is None else BEGAN_MS,
        messages=len(schedule()),
        bounds=bounds,
    )
    return Made(run, witness, view)


def _reading(incident: Incident) -> Reading:
    size_ms = SIZE_MS.get(incident.kind, MINUTE_MS)
    return Reading(incident.asset, incident.from_ms + size_ms, ("other", REASONS[incident.kind]))


def _fired(incident: Incident) -> Step:
    """The alert of an incident, which fires when its first window has ended."""
    fired_ms = incident.from_ms + SIZE_MS.get(incident.kind, MINUTE_MS)
    alert = Alert(
        alert_id=f"rule/{incident.asset}/{fired_ms}",
        rule="rule",
        asset=incident.asset,
        subject=incident.asset,
        state="firing",
        severity="critical",
        since_ms=fired_ms,
        as_of_ms=fired_ms,
        headline=incident.words,
    )
    return Step(alert, BEGAN_MS)


def _told(incident: Incident) -> Notification:
    """What became of its first message."""
    alert_id = _fired(incident).alert.alert_id
    return Notification(
        notification_id=f"firing/{alert_id}"[:100],
        alert_id=alert_id,
        asset=incident.asset,
        receiver="demo",
        step="firing",
        outcome="sent",
        message_id=f"message/{incident.asset}",
        at_ms=BEGAN_MS + 120,
        logged_ms=BEGAN_MS,
    )


@pytest.mark.parametrize("outage_s", [None, (12, 24)])
def test_a_run_in_which_all_is_found_has_nothing_to_say(outage_s: tuple[int, int] | None) -> None:
    """With a model and without."""
    made = make(outage_s=outage_s)
    due = len(schedule())
    assert made.found == Findings(
        incidents_due=due,
        incidents_missed=[],
        not_found=[],
        unaccounted=[],
        stories=made.found.stories,
    )
    assert [story.noticed for story in made.found.stories] == [True] * due
    told = made.told()
    assert (told["accounted"], told["errors"], told["broken_off"]) == (True, [], False)
    assert told["incidents"] == {"planted": due, "seen": due}
    assert due == len(REASONS)
    assert (told["seconds"], told["shift_ms"]) == (SECONDS, 12)
    assert told["minute_windows"] == MINUTES_MIN
    assert summary(told)[-1] == "5 of 5 incidents found; everything adds up"


def test_the_made_up_run_has_every_plant() -> None:
    """Else the tests of what is missing would have nothing to take away."""
    plants = sent(make().run.until_ms)
    assert all(getattr(plants, name) > 0 for name in plants.__struct_fields__)


@pytest.mark.parametrize("kind", sorted(REASONS))
@pytest.mark.parametrize("lack", ["nothing", "reason", "asset", "too early", "too late"])
def test_an_incident_nobody_told_of_is_named(kind: str, lack: str) -> None:
    """An analysis of another asset, for another reason or of another time shows nothing."""
    made = make()
    (incident,) = [i for i in schedule() if i.kind == kind]
    size_ms = SIZE_MS.get(kind, MINUTE_MS)
    readings = made.witness.readings
    readings.remove(_reading(incident))
    reasons, late_ms = (REASONS[kind],), incident.to_ms + 2 * size_ms
    match lack:
        case "reason":
            readings.append(Reading(incident.asset, incident.from_ms + size_ms, ("state_expired",)))
        case "asset":
            readings.append(Reading("ZZZ", incident.from_ms + size_ms, reasons))
        case "too early":
            readings.append(Reading(incident.asset, incident.from_ms, reasons))
        case "too late":
            readings.append(Reading(incident.asset, late_ms + 1, reasons))
        case _:
            pass
    assert made.found.incidents_missed == [f"{kind} of {incident.asset}: {incident.words}"]
    told = made.told()
    assert told["incidents"] == {"planted": 5, "seen": 4}
    assert told["errors"] == [f"planted, but not found: {made.found.incidents_missed[0]}"]
    assert told["accounted"]  # it is all there, only nobody said it
    readings.append(Reading(incident.asset, late_ms, reasons))
    assert made.found.incidents_missed == []


def _one_less(field: str) -> Callable[[Made], None]:
    return lambda made: setattr(made.view.counts, field, getattr(made.view.counts, field) - 1)


def _duplicate_applied(made: Made) -> None:
    """A duplicate counted as an event: the total holds."""
    made.meta("market").counters.duplicates -= 1
    made.meta("market").counters.applied += 1


def _late_applied(made: Made) -> None:
    """Counter and topic agree, and one plant is nowhere."""
    made.meta("market").counters.late -= 1
    made.meta("market").counters.applied += 1
    made.view.counts.late -= 1


def _uncorrected(made: Made) -> None:
    corrected = made.meta("market").counters.corrected
    made.meta("market").counters.corrected -= corrected // IN_TIME_OF + 1


def _unrefused(made: Made) -> None:
    made.witness.letters["collect", "malformed"] -= 1


def test_a_correction_that_came_while_its_minute_was_open_is_no_loss() -> None:
    made = make()
    made.meta("market").counters.corrected -= made.meta("market").counters.corrected // IN_TIME_OF
    assert not made.found.not_found


@pytest.mark.parametrize(
    ("take_away", "what"),
    [
        (_duplicate_applied, "duplicates"),
        (_uncorrected, "corrections"),
        (_one_less("revisions"), "revisions"),
        (_late_applied, "late events"),
        (_one_less("gaps_detected"), "gaps"),
        (_one_less("gaps_filled"), "filled gaps"),
        (_one_less("gaps_permanent"), "permanent gaps"),
        (_unrefused, "refused frames"),
    ],
)
def test_each_planted_disorder_that_does_not_show_is_named(
    take_away: Callable[[Made], None], what: str
) -> None:
    """With both numbers, and nothing else is blamed."""
    made = make()
    take_away(made)
    (missing,) = made.found.not_found
    assert missing.startswith(f"{what}: ")
    wanted, found = (
        int(word) for word in missing.removeprefix(f"{what}: ").split() if word[0].isdigit()
    )
    assert found == wanted - 1 - (wanted // IN_TIME_OF if what == "corrections" else 0)
    told = made.told()
    assert told["errors"] == [f"planted, but not found: {missing}"]
    assert told["accounted"]


def test_an_incident_for_which_no_alert_fired_is_named() -> None:
    """Although an analysis names it."""
    made = make()
    gone = made.witness.alerts.popleft()
    found = made.found
    (incident,) = [i for i in schedule() if i.asset == gone.alert.asset]
    assert found.not_found == [f"{incident.kind} of {incident.asset}: no alert fired"]
    assert found.incidents_missed == []


@pytest.mark.parametrize("outcome", ["muted", "undeliverable"])
def test_an_alert_nobody_was_told_of_is_named(outcome: str) -> None:
    """Muted or given up, nobody got it."""
    made = make()
    first = made.witness.notifications[0]
    made.witness.notifications[0] = replace(first, outcome=outcome)
    (missing,) = made.found.not_found
    assert missing.endswith(f"of {first.asset}: rule fired and nobody was told")


def test_messages_that_never_came_are_named() -> None:
    """The notifier says it sent them; the receiver has fewer."""
    made = make()
    short = made._replace(run=replace(made.run, messages=made.run.messages - 1))
    due = len(schedule())
    assert short.found.not_found == [f"notifications: {due} messages sent, {due - 1} received"]


def test_more_than_was_planted_is_no_error() -> None:
    """A collector that reconnects may send a thing twice."""
    made = make()
    made.meta("market").counters.duplicates += 5
    made.meta("market").counters.applied -= 5
    made.view.counts.gaps_detected += 1
    assert made.told()["errors"] == []


def test_too_few_minutes_are_named_in_a_run_that_had_time_for_them() -> None:
    """Of the busiest instrument; a shorter run owes none."""
    made = make()
    made.witness.minutes["BTC/USDT"] -= 1
    made.witness.minutes["ETH/USDT"] = 3
    wanted = (
        f"one-minute windows: at least {MINUTES_MIN} expected, {MINUTES_MIN - 1} of the busiest"
    )
    assert [words.startswith(wanted) for words in made.found.not_found] == [True]
    short = make(seconds=MINUTES_MIN + 3)
    short.witness.minutes.clear()
    assert short.found.not_found == []


def _never_called(made: Made) -> None:
    made.view.counts.by_model = 0


def _free(made: Made) -> None:
    made.witness.cost_nano_usd = 0


def _never_opened(made: Made) -> None:
    made.witness.breaker_states[:] = ["closed"]


def _never_closed(made: Made) -> None:
    made.witness.breaker_states[:] = ["closed", "open", "half_open", "open"]


def _rules_silent(made: Made) -> None:
    made.witness.answers[:] = [a for a in made.witness.answers if a.by_model]


def _no_answer_again(made: Made) -> None:
    made.witness.answers[:] = [a for a in made.witness.answers if not a.by_model]


def _late_again(made: Made) -> None:
    _no_answer_again(made)
    made.witness.answers.append(answered(29.0, "answered"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_never_called, ["the model's analyses: none"]),
        (_free, ["the model's cost: nothing"]),
        (
            _never_opened,
            [
                "the model's outage: the breaker never opened",
                "the model's recovery: the breaker stays open",
            ],
        ),
        (_never_closed, ["the model's recovery: the breaker stays open"]),
        (
            _rules_silent,
            ["the model's outage: no answer by rules because of the open breaker"],
        ),
        (_no_answer_again, ["the model's recovery: it never answered again"]),
        (
            _late_again,
            ["the model's recovery: it answered again 5.0 s after it healed, not within 5 s"],
        ),
    ],
)
def test_what_does_not_show_of_the_models_outage_is_named(
    change: Callable[[Made], None], words: list[str]
) -> None:
    """Only where a model was asked, and only when the run was long enough for it."""
    made = make()
    change(made)
    assert made.found.not_found == words
    alone = make(outage_s=None)
    change(alone)
    assert alone.found.not_found == []


@pytest.mark.parametrize(
    ("since_s", "words"),
    [
        (0, {"the model's analyses: none", "the model's cost: nothing"}),
        (12, {"the model's outage: the breaker never opened"}),
        (12, {"the model's outage: no answer by rules because of the open breaker"}),
        (24, {"the model's recovery: the breaker stays open"}),
        (24, {"the model's recovery: it never answered again"}),
    ],
)
def test_the_model_owes_each_thing_from_its_own_time_on(since_s: int, words: set[str]) -> None:
    """A run that ends before is no proof."""
    until_s = since_s + int(MODEL_S)
    for seconds, due in ((until_s - 1, False), (until_s, True)):
        made = make(seconds=seconds)
        _never_called(made)
        _free(made)
        _never_opened(made)
        made.witness.answers.clear()
        assert (words <= set(made.found.not_found)) is due


def _cut(made: Made) -> None:
    """One record that nobody folded."""
    topic = made.run.bounds["raw.volume"]
    first, end = topic[1]
    topic[1] = first, end + 1


def _unseen(made: Made) -> None:
    """A partition with records that nobody owned."""
    made.run.bounds["raw.social"][0] = (0, 4)


def _uncounted(made: Made) -> None:
    made.meta("development").counters.applied -= 1


def _twice(made: Made) -> None:
    made.meta("development").counters.heartbeats += 1


def _late_untold(made: Made) -> None:
    made.view.counts.late += 1


def _letter_untold(made: Made) -> None:
    made.witness.letters["fold", "invalid"] -= 1


def _letter_of_another_stage(made: Made) -> None:
    made.witness.letters["fold", "invalid"] -= 1
    made.witness.letters["collect", "invalid"] += 1


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (_cut, "raw.volume/1 ends at 78, folded up to 77"),
        (_unseen, "raw.social/0 ends at 4, folded up to 0"),
        (_uncounted, "raw.development/1 has 70 records, the counters say 69"),
        (_twice, "raw.development/1 has 70 records, the counters say 71"),
        (_late_untold, "4 late events counted, 5 on their topic"),
        (_letter_untold, "3 dead letters counted, 2 on their topic"),
        (_letter_of_another_stage, "3 dead letters counted, 2 on their topic"),
        (_one_less("decided"), "30 aggregates, the agent tells of 29"),
        (_one_less("tallied"), "30 aggregates, the agent tells of 29"),
        (_one_less("aggregates"), "29 aggregates, the agent tells of 30"),
    ],
)
def test_each_sum_that_does_not_hold_is_named(break_it: Callable[[Made], None], words: str) -> None:
    """With both sides; the run is not accounted for, and the summary says so."""
    made = make()
    break_it(made)
    assert made.found.unaccounted == [words]
    told = made.told()
    assert told["errors"] == [f"does not add up: {words}"]
    assert not told["accounted"]
    lines = summary(told)
    assert lines[-2:] == [
        "5 of 5 incidents found; it does not add up",
        f"error: does not add up: {words}",
    ]


def test_a_record_the_analyst_refused_is_accounted_for() -> None:
    """As a dead letter of its stage: without it the sum is one short."""
    made = make()
    made.witness.letters["analyse", "invalid"] = 0
    assert made.found.unaccounted == ["30 aggregates, the agent tells of 29"]


@pytest.mark.parametrize("seconds", [1, 5])
def test_a_run_too_short_owes_nothing(seconds: int) -> None:
    """Nothing is due yet, so nothing is missing; what was counted must add up all the same."""
    made = make(seconds=seconds)
    made.witness.readings.clear()
    made.witness.minutes.clear()
    _never_called(made)
    _never_opened(made)
    told = made.told()
    assert (told["errors"], told["accounted"]) == ([], True)
    assert told["incidents"] == {"planted": 0, "seen": 0}
    _cut(made)
    assert not made.told()["accounted"]


@pytest.mark.parametrize("incident", schedule(), ids=lambda incident: str(incident.kind))
def test_an_incident_is_due_once_its_window_was_surely_published(incident: Incident) -> None:
    """By its own kind's slowest partition, a minute after its first whole window; the others do not matter."""
    kind = KIND.get(incident.kind, "market")
    size_ms = SIZE_MS.get(incident.kind, MINUTE_MS)
    first_whole_ms = -(-incident.from_ms // size_ms) * size_ms
    due_ms = first_whole_ms + size_ms + MINUTE_MS
    for watermark_ms, due in ((due_ms - 1, False), (due_ms, True)):
        made = make()
        made.witness.readings.clear()
        for partition, reached_ms in ((0, watermark_ms), (2, watermark_ms + 1)):
            clock = Clock(source_idle_ms=1, watermark_ms=reached_ms)
            made.witness.metas[kind, partition] = Meta(1, "", None, None, clock, Counters(), 0)  # type: ignore[index]
        assert watermarks(made.witness)[kind] == watermark_ms
        missed = made.found.incidents_missed
        assert any(words.startswith(incident.kind) for words in missed) is due


def test_a_partition_without_any_promise_makes_nothing_due() -> None:
    """Its watermark is none: the kind has come nowhere."""
    made = make()
    made.meta("market").clock.watermark_ms = None
    made.witness.readings.clear()
    assert {words.split()[0] for words in made.found.incidents_missed} == set(KIND)


def test_counters_are_summed_over_all_partitions_and_kinds() -> None:
    """Of every kind and partition there is."""
    made = make()
    before = total(made.witness, "applied")
    made.meta("social").counters.applied += 4
    assert before == 1_000 + 3 * 20
    assert total(made.witness, "applied") == before + 4
    assert made.told()["applied"] == before + 4


def test_a_run_that_was_broken_off_claims_nothing() -> None:
    """Nobody can say whether all was found; what went wrong before is told all the same."""
    made = make()
    made.view.counts.unreadable = 2
    told = report(made.run, made.witness, made.view, None, ["agent did not end cleanly: status 1"])
    assert (told["broken_off"], told["accounted"]) == (True, False)
    assert told["incidents"] == {"planted": 0, "seen": 0}
    assert told["errors"] == [
        "agent did not end cleanly: status 1",
        "2 records nobody could read",
    ]
    assert "nothing was checked" in summary(told)[-1]
    assert not any("adds up" in line for line in summary(told))


def test_latencies_are_told_by_their_percentiles() -> None:
    """Of what was measured; of none there is nothing to say."""
    made = make()
    assert made.told()["aggregate_latency_ms"] == {"p50": 0, "p95": 0, "n": 0}
    made.witness.latencies_ms.extend([*range(100, 0, -1)])
    assert made.told()["aggregate_latency_ms"] == {"p50": 50, "p95": 96, "n": 100}
    assert "50 ms (p50), 96 ms (p95)" in summary(made.told())[1]


def test_the_outage_is_told_with_its_times() -> None:
    """In the report and in a line; breaker answers of before it are none of its."""
    told = make(outage_s=(12, 24)).told()
    assert told["outage"] == {
        "begins_s": 12,
        "ends_s": 24,
        "rules_answers": 3,
        "rules_first_s": 13.5,
        "rules_last_s": 25.5,
        "recovery_s": 2.0,
    }
    assert summary(told)[2] == (
        "the model's outage, planted from 12 to 24 s after its first request: rules answered 3 times because the"
        " breaker was open, from 13.5 to 25.5 s; the model answered again 2.0 s after it healed"
    )
    assert make(outage_s=None).told()["outage"] is None


def test_a_recovery_at_the_bound_is_too_late_and_just_before_it_is_not() -> None:
    """By a millisecond."""
    for at_s, named in ((28.999, 0), (29.0, 1)):
        made = make(outage_s=(12, 24))
        _no_answer_again(made)
        made.witness.answers.append(answered(at_s, "answered"))
        assert len(made.found.not_found) == named


def test_rules_that_answer_only_after_the_outage_do_not_show_it() -> None:
    """The breaker has to open while it lasts."""
    made = make(outage_s=(12, 24))
    made.witness.answers[:] = [answered(24.5, "breaker_open"), answered(25.0, "answered")]
    (missing,) = made.found.not_found
    assert missing.startswith("the model's outage: no answer by rules")


def test_a_model_that_does_not_say_when_it_began_shows_nothing() -> None:
    """Whatever the answers are."""
    seen = outage((12, 24), None, [answered(26.0, "answered"), answered(13.0, "breaker_open")])
    assert (seen.rules_first_s, seen.recovery_s, seen.rules_answers) == (None, None, 0)
    told = make(outage_s=(12, 24)).told()
    told["outage"] |= {"rules_first_s": None}
    assert summary(told)[2].endswith("not seen")
