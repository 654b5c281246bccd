"""Defects of every sort, each planted in a faultless scene. Each returns words that must be in its example."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from agents.ask.breaker import State
from tests.strategies.aggregates import market
from topics import Aggregate, Decision

from .evidence import Account, Billed, Place, Sample, Send
from .scene import MODEL, Scene, decision_of

Plant = Callable[[Scene], str]


def _decision(scene: Scene, at: int, **changes: Any) -> Decision:
    scene.decisions[at] = replace(scene.decisions[at], **changes)
    return scene.decisions[at]


def _unreadable(scene: Scene) -> str:
    scene.noise = b'{"type":"decision"}'
    return "decisions/0/6"


def _unaccounted(scene: Scene) -> str:
    scene.aggregates.append(market(number=7))
    return "aggregates/0/7"


def _twice(scene: Scene) -> str:
    scene.letters.append(Place(0, 0))
    return "aggregates/0/0: dead letter, and called"


def _tallied_twice(scene: Scene) -> str:
    again = replace(
        scene.tallies[0], tally_id="tally/0/2", first_offset=2, folded=0, uninteresting=0
    )
    scene.tallies.append(again)
    return "tally/0/2"


def _miscounted(scene: Scene) -> str:
    scene.tallies[0] = replace(scene.tallies[0], uninteresting=2)
    return "tally/0/1: 3 counted, 2 are left"


def _of_another(scene: Scene) -> str:
    _decision(scene, 0, as_of_ms=5)
    scene.analyses[0] = replace(scene.analyses[0], as_of_ms=5)
    return "dive/0"


def _of_nothing(scene: Scene) -> str:
    scene.letters.append(Place(1, 0))
    return "aggregates/1/0"


def _orphaned(scene: Scene) -> str:
    _decision(scene, 1, survivor_id="dive/9")
    return "dive/4 -> dive/9"


def _circular(scene: Scene) -> str:
    _decision(scene, 1, survivor_id="dive/4")
    return "dive/4 -> dive/4"


def _no_analysis(scene: Scene) -> str:
    del scene.analyses[1]
    return "dive/5: no analysis"


def _says_otherwise(scene: Scene) -> str:
    scene.analyses[1] = replace(scene.analyses[1], origin_reason="truncated")
    return "dive/5: analysis and decision say {'reason'"


def _unheard(scene: Scene) -> str:
    scene.alerts.append(replace(scene.alerts[0], alert_id="crash/BTC/USDT/8"))
    return "crash/BTC/USDT/8"


def _late(scene: Scene) -> str:
    scene.late_share = 0.01
    late = _decision(scene, 2, decided_ms=scene.decisions[2].decided_ms + 10_000)
    scene.analyses[1] = replace(scene.analyses[1], produced_ms=late.decided_ms)
    return "2 of 5"  # and the one it took over


def _late_since_the_first(scene: Scene) -> str:
    """In time by its own window, and not by the one it took over."""
    scene.late_share, scene.step_ms = 0.01, 3_000
    late = _decision(scene, 2, decided_ms=scene.decisions[2].decided_ms + 22_000)
    scene.analyses[1] = replace(scene.analyses[1], produced_ms=late.decided_ms)
    return "2 of 5, the latest after 11.00 s"


def _late_since_the_alert(scene: Scene) -> str:
    """Though the window that was read last came later than the alert."""
    scene.late_share, scene.step_ms = 0.01, 3_000
    late = _decision(scene, 4, decided_ms=scene.decisions[4].decided_ms + 10_000)
    scene.analyses[3] = replace(scene.analyses[3], produced_ms=late.decided_ms)
    return "1 of 5, the latest after 11.00 s"


def _unfit(scene: Scene) -> str:
    scene.bill[0] = replace(scene.bill[0], fault="wrong_numbers")
    return "dive/0 by a0 (wrong_numbers)"


def _unbilled_words(scene: Scene) -> str:
    scene.analyses[0] = replace(scene.analyses[0], attempt_ids=["a9"])
    _decision(scene, 0, attempt_ids=["a0", "a9"])
    scene.analyses[0] = replace(scene.analyses[0], attempt_ids=["a0", "a9"])
    return "dive/0 by a9 (not on the bill)"


def _oversent(scene: Scene) -> str:
    names = ["a1", "a3", "a4", "a5"]
    for number, name in enumerate(names[1:]):
        scene.attempt(name, 1001.1 + number / 10, cost=1)
    _decision(scene, 2, attempt_ids=names)
    scene.analyses[1] = replace(scene.analyses[1], attempt_ids=names)
    return "dive/5: 4 paid sends"


def _unnamed(scene: Scene) -> str:
    scene.attempt("a3", 1001.5, cost=1)
    return "'a3' is named by 0 decisions"


def _while_open(scene: Scene) -> str:
    scene.sends[1] = replace(scene.sends[1], at_s=1002.6)
    return f"one: a1, 0.60 s after {MODEL} had opened"


def _while_quality_is_open(scene: Scene) -> str:
    for change in scene.changes[:3]:
        at_s = change.at_s - 1.8 if change.state is State.OPEN else 1000.9
        if change.state is not State.HALF_OPEN:
            scene.changes.append(replace(change, breaker="quality/p", at_s=at_s))
    scene.sends[0] = replace(scene.sends[0], at_s=1000.8)
    return "a0, 0.60 s after quality/p had opened"


def _crowded(scene: Scene) -> str:
    for name in ("a3", "a4"):
        scene.attempt(name, 1004.3, cost=1)
    _decision(scene, 3, attempt_ids=["a3", "a4", "a2"])
    scene.analyses[2] = replace(scene.analyses[2], attempt_ids=["a3", "a4", "a2"])
    return "one: 3 at once"


def _no_intent(scene: Scene) -> str:
    del scene.intents[1]
    return "'a1' at 1001.000 without an intent"


def _before_its_intent(scene: Scene) -> str:
    scene.sends[1] = replace(scene.sends[1], at_s=1000.9)
    return "was sent 80 ms before its intent"


def _sent_twice(scene: Scene) -> str:
    scene.sends.append(Send(agent="one", at_s=1001.1, ended_s=1001.2, attempt_id="a1"))
    return "'a1' was sent 2 times"


def _sent_and_released(scene: Scene) -> str:
    scene.results[1] = replace(scene.results[1], known="released")
    return "was sent, and released"


def _no_result(scene: Scene) -> str:
    del scene.results[1]
    return "a1 has no result"


def _still_reserved(scene: Scene) -> str:
    del scene.bill[1]
    scene.booked["a1"] = Account(state="confirmed", reserved_nano_usd=9, used_nano_usd=0)
    return "a1 is confirmed"


def _over_cap(scene: Scene) -> str:
    scene.samples.append(Sample(account="minute/all/nano_usd", used=11, cap=10))
    return "minute/all/nano_usd: 11 of 10"


def _overrun(scene: Scene) -> str:
    scene.samples.append(Sample(account="day/all/nano_usd", used=9, cap=10, overrun=1))
    return "day/all/nano_usd: 9 of 10, 1 over"


def _settled_below(scene: Scene) -> str:
    scene.booked["a0"] = Account(state="settled", reserved_nano_usd=9, used_nano_usd=4)
    return "a0: settled with 4, on the bill with 5"


def _settled_above(scene: Scene) -> str:
    scene.booked["a0"] = Account(state="settled", reserved_nano_usd=9, used_nano_usd=6)
    return "a0: settled with 6, on the bill with 5"


def _charged_below(scene: Scene) -> str:
    scene.booked["a1"] = Account(state="charged", reserved_nano_usd=9, used_nano_usd=5)
    scene.booked["more"] = Account(state="charged", reserved_nano_usd=9, used_nano_usd=9)
    return "a1: charged with 5, on the bill with 6"


def _not_billed(scene: Scene) -> str:
    scene.booked["a3"] = Account(state="settled", reserved_nano_usd=9, used_nano_usd=2)
    return "a3: 2 settled, and not on the bill"


def _billed_twice(scene: Scene) -> str:
    scene.bill += [scene.bill[0]] * 4
    return "the ledger has 19 nano-dollars, the bill 36"


def _not_booked(scene: Scene) -> str:
    scene.bill.append(Billed(attempt_id="a3", cost_nano_usd=0, charged=True))
    return "a3: on the bill and not in the books"


def _no_answer(scene: Scene) -> str:
    scene.sends[2] = replace(scene.sends[2], at_s=1002.4)
    scene.intents[2] = replace(scene.intents[2], at_ms=1_002_300)
    return "the model's first answer inf s"


def _late_answer(scene: Scene) -> str:
    late = _decision(scene, 3, decided_ms=1_008_100)
    scene.analyses[2] = replace(scene.analyses[2], produced_ms=late.decided_ms)
    return "the model's first answer 5.1 s"


def _never_closed(scene: Scene) -> str:
    del scene.changes[2]
    return "all breakers closed inf s"


def _grown(scene: Scene) -> str:
    scene.memory_mb["two"] = [90.0, 100.0, 100.0, 126.0]
    return "two: 100.0 MB at half, 126.0 MB at the end"


def _corrected_and_decided(scene: Scene) -> str:
    """A candidate has the place of a correction."""
    scene.correct(6, 0)
    fields = {"as_of_ms": scene.decisions[3].as_of_ms, "analysis_id": None}
    scene.decisions.append(decision_of(scene.aggregates, 7, "shed", "inbox_full", **fields))
    return "aggregates/0/7: rules: revised, and shed: inbox_full"


def _corrected_by_another(scene: Scene) -> str:
    scene.correct(6, 0)
    scene.analyses[-1] = replace(scene.analyses[-1], revised_by=_id_of(scene, 0))
    return "dive/0/1 of aggregates/0/7"


def _corrected_of_another_asset(scene: Scene) -> str:
    scene.correct(6, 0)
    _decision(scene, -1, asset="ETH")
    scene.analyses[-1] = replace(scene.analyses[-1], asset="ETH")
    return "dive/0/1 of aggregates/0/7"


def _corrects_nothing(scene: Scene) -> str:
    scene.correct(6, 0)
    scene.analyses[-1] = replace(scene.analyses[-1], supersedes="dive/9")
    return "dive/0/1: analysis and decision say {'corrects'"


def _withdrawn_as_revised(scene: Scene) -> str:
    scene.correct(6, 0, reason="withdrawn")
    scene.analyses[-1] = replace(scene.analyses[-1], origin_reason="revised")
    return "dive/0/1: analysis and decision say {'reason'"


def _correction_unsaid(scene: Scene) -> str:
    scene.correct(6, 0)
    del scene.analyses[-1]
    return "dive/0/1: no analysis"


def _words_of_nobody(scene: Scene) -> str:
    scene.say_again("a9")
    return "dive/7 by a9 (not on the bill)"


def _words_that_were_spoilt(scene: Scene) -> str:
    scene.say_again("a1")
    return "dive/7 by a1 (hang)"


def _words_of_another(scene: Scene) -> str:
    scene.say_again()
    _decision(scene, -1, narrative_attempt_id="a2")
    return "dive/7: analysis and decision say {'whose'"


def _id_of(scene: Scene, offset: int) -> str:
    made = scene.aggregates[offset]
    assert isinstance(made, Aggregate)
    return made.aggregate_id


PLANTS: list[tuple[str, Plant]] = [
    ("unreadable", _unreadable),
    ("unaccounted", _unaccounted),
    ("doubly_accounted", _twice),
    ("doubly_accounted", _tallied_twice),
    ("miscounted", _miscounted),
    ("invented", _of_another),
    ("invented", _of_nothing),
    ("orphaned", _orphaned),
    ("orphaned", _circular),
    ("unanswered", _no_analysis),
    ("unanswered", _says_otherwise),
    ("unheard", _unheard),
    ("late", _late),
    ("late", _late_since_the_first),
    ("late", _late_since_the_alert),
    ("unfit", _unfit),
    ("unfit", _unbilled_words),
    ("unfit", _words_of_nobody),
    ("unfit", _words_that_were_spoilt),
    ("unanswered", _words_of_another),
    ("oversent", _oversent),
    ("unnamed", _unnamed),
    ("sent_while_open", _while_open),
    ("sent_while_open", _while_quality_is_open),
    ("crowded_probes", _crowded),
    ("unintended", _no_intent),
    ("unintended", _before_its_intent),
    ("unintended", _sent_twice),
    ("unintended", _sent_and_released),
    ("unended", _no_result),
    ("unended", _still_reserved),
    ("over_cap", _over_cap),
    ("over_cap", _overrun),
    ("misbooked", _settled_below),
    ("misbooked", _settled_above),
    ("misbooked", _charged_below),
    ("misbooked", _not_billed),
    ("misbooked", _not_booked),
    ("misbooked", _billed_twice),
    ("unrecovered", _no_answer),
    ("unrecovered", _late_answer),
    ("unrecovered", _never_closed),
    ("grown", _grown),
    ("doubly_accounted", _corrected_and_decided),
    ("invented", _corrected_by_another),
    ("invented", _corrected_of_another_asset),
    ("unanswered", _corrects_nothing),
    ("unanswered", _withdrawn_as_revised),
    ("unanswered", _correction_unsaid),
]
