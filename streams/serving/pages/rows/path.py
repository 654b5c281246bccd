"""How an analysis came to be, drawn as steps: windows, gate, inbox, cache or call, verdict, what was published. PURE."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.pieces import Amount, Instant, Line, Now, Words, dollars, severity
from streams.serving.shown import AnalysisShown, Path
from streams.serving.words import span
from topics import Analysis, Decision
from topics.envelope import rfc3339

from .naming import alert_words, candidate, named
from .reasons import ANSWER, GATE, REJECTED, in_words

WINDOWS_SHOWN_MAX, TAKEN_OVER_MAX, ATTEMPTS_MAX = 12, 6, 6
"""Listed in a step; of more it is said how many."""
KEY_CHARS = 14
"""Of a long key in a step."""
REPLAY_BEFORE_MS, REPLAY_AFTER_MS = 120_000, 10_000
"""Around when it was logged: its windows were logged at most a deadline before."""

State = Literal["done", "failed", "passed"]
"""Passed: this station was not needed, or is not told of."""


class Step(Struct, frozen=True, kw_only=True):
    """One station."""

    title: str
    state: State
    lead: Line
    lines: tuple[Line, ...] = ()


def steps(path: Path, now: Now) -> tuple[Step, ...]:
    """Return the stations of a path, in their order. ``now`` tells how the market's time and ours go together."""
    decision = path.decision.decision if path.decision else None
    analysis = path.analysis.analysis if path.analysis else None
    return (
        _windows(path, decision),
        _gate(path, decision, analysis),
        _inbox(path, decision, now),
        _asked(path, decision, analysis),
        _verdict(decision, analysis),
        _published(path, analysis),
    )


def replay_command(at_ms: int) -> str:
    """Return the command that says an analysis again from the log, without a call, by when it was logged."""
    begin, end = rfc3339(max(0, at_ms - REPLAY_BEFORE_MS)), rfc3339(at_ms + REPLAY_AFTER_MS)
    return f"tapereader replay --analyses strict --into said. --from {begin} --to {end}"


def path_of_log(shown: AnalysisShown) -> Path:
    """Return the path of an analysis of which only its own record is known."""
    analysis = shown.analysis
    ids = dict.fromkeys(fact.aggregate_id for fact in analysis.facts)
    return Path(
        analysis_id=analysis.analysis_id,
        analysis=shown,
        decision=None,
        aggregates=tuple((one, None) for one in ids),
        reasons=tuple(analysis.trigger.reasons),
        alerts=(analysis.trigger.alert_id,) if analysis.trigger.alert_id else (),
        coalesced_from=(),
        coalesced_into=None,
        outcome=None,
        outcome_reason=None,
        item_key=None,
        attempt_ids=tuple(analysis.attempt_ids),
        model=analysis.model,
        prompt_version=analysis.prompt_version,
        input_tokens=analysis.input_tokens,
        output_tokens=analysis.output_tokens,
        cost_nano_usd=analysis.cost_nano_usd,
        steps=(),
    )


def _windows(path: Path, decision: Decision | None) -> Step:
    found = path.aggregates
    lines: list[Line] = [_window(aggregate_id) for aggregate_id, _ in found[:WINDOWS_SHOWN_MAX]]
    if (more := len(found) - WINDOWS_SHOWN_MAX) > 0:
        lines.append((Words(f"and {more} more", tone="quiet"),))
    many = "window was" if len(found) == 1 else "windows were"
    lead: Line = (Words(f"{len(found)} {many} read"),)
    if decision is not None:
        where = f"up to offset {decision.last_offset:,} of aggregates, partition {decision.aggregates_partition}"
        lead = (*lead, Words(where, tone="quiet"))
    return Step(title="Windows", state="done" if found else "passed", lead=lead, lines=tuple(lines))


def _window(aggregate_id: str) -> Line:
    told = named(aggregate_id)
    href = links.aggregate(aggregate_id)
    if told is None:
        return (Words(aggregate_id, href=href),)
    revised: Line = (Words(told.edition, tone="quiet"),) if told.revision or told.epoch else ()
    return (Words(told.words, href=href, hint=aggregate_id), Instant(told.start_ms), *revised)


def _candidate(analysis_id: str) -> Line:
    told, href = candidate(analysis_id), links.analysis(analysis_id)
    if told is None:
        return (Words(analysis_id, href=href),)
    return (Words(told[0], href=href, hint=analysis_id), Instant(told[1]))


def _short(key: str) -> Words:
    """Return the begin of a long key; who asks is told the whole."""
    return Words(key if len(key) <= KEY_CHARS else f"{key[:KEY_CHARS]}…", hint=key)


def _reason(reason: str) -> Line:
    """Return a reason in words with its own; an alert's has a line of its own, which names it."""
    if reason.startswith("alert_"):
        return (Words(GATE["alert"]),)
    return (Words(in_words(reason, GATE)), Words(reason, tone="quiet"))


def _gate(path: Path, decision: Decision | None, analysis: Analysis | None) -> Step:
    lines: list[Line] = [_reason(reason) for reason in path.reasons]
    lines += [
        (Words("alert"), Words(alert_words(alert_id), href=links.alert(alert_id), hint=alert_id))
        for alert_id in path.alerts
    ]
    level = decision.severity if decision else analysis.severity if analysis else None
    product = decision.product if decision else analysis.product if analysis else "state"
    lead: Line = (Words("worth a deep dive" if product == "deep_dive" else "its state is to be told"),)  # fmt: skip
    if level is not None:
        lead = (severity(level), *lead)
    return Step(title="Gate", state="done" if lines else "passed", lead=lead, lines=tuple(lines))


def _inbox(path: Path, decision: Decision | None, now: Now) -> Step:
    if path.coalesced_into is not None:
        survivor = path.coalesced_into
        lead: Line = (Words("taken over by a newer candidate:"), *_candidate(survivor))  # fmt: skip
        return Step(title="Inbox", state="done", lead=lead)
    if decision is None:
        return Step(title="Inbox", state="passed", lead=(Words("not told of any more", tone="quiet"),))  # fmt: skip
    # Windows are of the market's time, which a demo or a replay runs apart from the clock that decides.
    waited = now.market_at(decision.decided_ms) - decision.as_of_ms
    lead = (Words("decided"), Instant(decision.decided_ms))
    if waited >= 0:
        lead = (
            *lead,
            Words(
                f"{span(waited)} after its newest window ended, by the market's time", tone="quiet"
            ),
        )
    taken = path.coalesced_from
    lines: list[Line] = [
        (Words("took over"), *_candidate(one.decision.decision_id))
        for one in taken[:TAKEN_OVER_MAX]
    ]  # fmt: skip
    if (more := len(taken) - TAKEN_OVER_MAX) > 0:
        lines.append((Words(f"and {more} more", tone="quiet"),))
    return Step(title="Inbox", state="done", lead=lead, lines=tuple(lines))


_OUTCOMES: Mapping[str, tuple[str, State, str]] = {
    "called": ("Call", "done", "a model was asked"),
    "cached": ("Cache", "done", "words of before were said again"),
    "coalesced": ("Cache or call", "passed", "neither: its survivor asks"),
    "shed": ("Cache or call", "failed", "neither: it was shed"),
    "rules": ("Cache or call", "failed", "neither: rules answered"),
}


def _asked(path: Path, decision: Decision | None, analysis: Analysis | None) -> Step:
    unknown: tuple[str, State, str] = ("Cache or call", "passed", "not told of any more")
    title, state, words = _OUTCOMES.get(path.outcome or "", unknown)
    rejected = path.outcome == "rules" and path.outcome_reason in REJECTED
    if rejected:
        title, state, words = "Call", "done", "a model was asked, and answered"
    lead: Line = (Words(words),)
    if path.model:
        lead = (*lead, Words(path.model, tone="strong"))
    if path.outcome in {"rules", "shed"} and path.outcome_reason and not rejected:
        lead = (*lead, Words(in_words(path.outcome_reason, ANSWER), tone="doubt"))
    lines: list[Line] = []
    if path.prompt_version:
        lines.append((Words("prompt", tone="quiet"), Words(path.prompt_version)))
    age = decision.narrative_age_ms if decision else analysis.narrative_age_ms if analysis else None
    if age is not None:
        lines.append((Words(f"first said {span(age)} before", tone="quiet"),))
    lines += [*_paid(path), *_attempts(path)]
    return Step(title=title, state=state, lead=lead, lines=tuple(lines))


def _paid(path: Path) -> list[Line]:
    """Return what was paid: that of all attempts together, for that is what the analysis tells."""
    if path.input_tokens or path.output_tokens or path.cost_nano_usd:
        tokens = f"{path.input_tokens:,} tokens in, {path.output_tokens:,} out"
        return [(Amount(tokens), Words("for"), dollars(path.cost_nano_usd))]
    return [(Words("no tokens, no cost"),)] if path.analysis else []


def _attempts(path: Path) -> list[Line]:
    """Return what was sent, and where it is told what came of each."""
    count = len(path.attempt_ids)
    if not count:
        return []
    lines: list[Line] = [
        (
            Words(f"attempt {place} of {count}", tone="quiet"),
            _short(attempt_id),
            *_came_of(path, place),
        )
        for place, attempt_id in enumerate(path.attempt_ids[:ATTEMPTS_MAX], 1)
    ]
    if (more := count - ATTEMPTS_MAX) > 0:
        lines.append((Words(f"and {more} more attempts", tone="quiet"),))
    return lines


def _came_of(path: Path, place: int) -> Line:
    """Return what the topics tell of an attempt: after the one that was answered and used there is no other."""
    analysis = path.analysis.analysis if path.analysis else None
    by_model = analysis is not None and analysis.origin.startswith("model")
    if path.outcome == "called" and by_model and place == len(path.attempt_ids):
        return (Words("answered, and used", tone="good"),)
    return (Words("its outcome: the journal, below", tone="quiet"),) if analysis else ()


def _verdict(decision: Decision | None, analysis: Analysis | None) -> Step:
    if analysis is None:
        why = in_words(decision.reason, ANSWER) if decision else "not told of any more"
        return Step(title="Verdict", state="passed", lead=(Words("no analysis came of it:"), Words(why)))  # fmt: skip
    words = in_words(analysis.origin_reason, ANSWER)
    if analysis.origin != "rules":
        lead: Line = (Words("the words were taken"), Words(words, tone="quiet"))
        lines: tuple[Line, ...] = ((Words("Code wrote every number in them.", tone="quiet"),),)
        return Step(title="Verdict", state="done", lead=lead, lines=lines)
    if analysis.origin_reason in REJECTED:
        lead = (Words("its words were not used:", tone="doubt"), Words(words))
        return Step(title="Verdict", state="failed", lead=lead, lines=((Words("Rules wrote it."),),))  # fmt: skip
    return Step(title="Verdict", state="passed", lead=(Words("no model's words to judge: rules wrote it"),))  # fmt: skip


def _published(path: Path, analysis: Analysis | None) -> Step:
    if path.analysis is None or analysis is None:
        return Step(title="Published", state="passed", lead=(Words("no analysis", tone="quiet"),))
    place = path.analysis.place
    lead: Line = (Words("published"), Instant(analysis.produced_ms))
    lines: list[Line] = [
        (Words("record", tone="quiet"), Words(f"{place.topic}, partition {place.partition}, offset {place.offset:,}")),
    ]  # fmt: skip
    if path.item_key:
        lines.append((Words("journal item", tone="quiet"), _short(path.item_key)))
    return Step(title="Published", state="done", lead=lead, lines=tuple(lines))
