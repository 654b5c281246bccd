"""One rule for one subject: what is known of its windows, what stands, and what a new instant makes of it. PURE."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from topics import Aggregate, asset_of
from topics.units import Severity

from .judging import Cell, Verdict, combined, judge
from .rules import Condition, Rule

FORGET_MS = 2 * 86_400_000
"""A subject without a window of a rule for so long is the rule's no more: what stands of it is cleared."""

State = Literal["firing", "cleared", "retracted"]
Cells = list[Cell | None]


class Raised(Struct, array_like=True, kw_only=True):
    """An alert as it was raised last. Its words, severity and receivers stay those it fired with."""

    since_ms: int
    transition: int
    state: State
    severity: Severity
    headline: str
    audience: list[str]
    degraded: bool
    evidence: Cells
    """The windows that made it fire, as they are by now: a revision may undo it."""


class Gap(Struct, array_like=True, kw_only=True):
    """A data gap as it was raised last."""

    since_ms: int
    fired_ms: int
    transition: int
    state: State
    severity: Severity
    headline: str
    audience: list[str]
    missing: list[str]


class Instance(Struct, array_like=True):
    """One rule for one subject; all of it is state."""

    cells: Cells
    """By condition: its latest window."""
    run_ms: int | None = None
    """The end of the window that last proved the rule; None while it does not hold, or nobody knows."""
    held_ms: int = 0
    """For how long it is proven to have held, without a window that proves the contrary."""
    cool_until_ms: int = 0
    unknown_ms: int | None = None
    """Since when it cannot be judged."""
    alert: Raised | None = None
    gap: Gap | None = None

    @property
    def fires(self) -> bool:
        """Whether its alert stands."""
        return self.alert is not None and self.alert.state == "firing"

    @property
    def lacks(self) -> bool:
        """Whether its data gap stands."""
        return self.gap is not None and self.gap.state == "firing"


class Step(Struct, frozen=True):
    """One thing that comes of a step: what changed, to what, and why."""

    of: Literal["market", "data_gap"]
    state: State
    reason: str


def empty(rule: Rule) -> Instance:
    """Return a rule for a subject of which nothing is known."""
    return Instance([None] * len(rule.conditions))


def subject_of(condition: Condition, subject: str) -> str:
    """Return whose windows a condition reads: the instrument's, or its asset's."""
    return subject if condition.kind == "market" else asset_of(subject)


def end_of(condition: Condition, cell: Cell) -> int:
    """Return when a cell's window ends."""
    return cell.start_ms + condition.size.window_ms


def as_of(rule: Rule, cells: Cells) -> int:
    """Return the end of the newest window that is known."""
    return max((end for end in _ends(rule, cells) if end is not None), default=0)


def read(rule: Rule, one: Instance, number: int, aggregate: Aggregate) -> bool:
    """Take a window into its condition's cell; return whether it is the latest, or a revision of it.

    A window that began before the latest one changes nothing: what it says is over.
    """
    cell = one.cells[number]
    if cell is not None:
        if aggregate.window_start_ms < cell.start_ms:
            return False
        if aggregate.window_start_ms == cell.start_ms and _edition(cell) >= aggregate.edition:
            return False
    condition = rule.conditions[number]
    before, base = False, None
    if cell is not None and aggregate.window_start_ms == cell.start_ms:
        before, base = cell.before, cell.base
    elif cell is not None:
        before = cell.latched
        if end_of(condition, cell) == aggregate.window_start_ms and not cell.degraded:
            base = cell.value
    one.cells[number] = judge(condition, aggregate, before=before, base=base)
    return True


def undone(rule: Rule, one: Instance, number: int, aggregate: Aggregate) -> bool:
    """Take a revision of a window that made the alert fire; return whether it would not have fired then."""
    raised = one.alert
    if raised is None or raised.state == "retracted":
        return False
    cell = raised.evidence[number]
    if cell is None or cell.start_ms != aggregate.window_start_ms:
        return False
    if _edition(cell) >= aggregate.edition:
        return False
    raised.evidence[number] = judge(
        rule.conditions[number], aggregate, before=cell.before, base=cell.base
    )
    verdicts = ("unknown" if known is None else known.verdict for known in raised.evidence)
    return combined(verdicts, rule.match) == "not"


def retract(one: Instance) -> Step:
    """Take an alert back. It never was: nothing cools down after it, and what it rested on is counted anew."""
    if one.fires:
        one.run_ms, one.held_ms = None, 0
    one.cool_until_ms = 0
    return Step("market", "retracted", "revised")


def verdicts_of(rule: Rule, one: Instance, now_ms: int) -> list[Verdict]:
    """Return each condition's verdict now: of a window that lies too far behind, or of none, nobody knows."""
    return [
        cell.verdict
        if cell is not None and now_ms <= end_of(condition, cell) + condition.age_ms
        else "unknown"
        for condition, cell in zip(rule.conditions, one.cells, strict=True)
    ]


def step(rule: Rule, one: Instance, now_ms: int) -> Iterator[Step]:
    """Yield what comes of the windows as they are at an instant of the partition's time.

    The caller puts each thing into the instance (`machine`) before it asks for the next. Without a window or a
    deadline since the last step nothing comes of another one.
    """
    verdicts = verdicts_of(rule, one, now_ms)
    verdict = combined(verdicts, rule.match)
    at_ms = as_of(rule, one.cells)
    _hold(rule, one, verdict, at_ms)
    if one.fires:
        if verdict == "not":
            one.cool_until_ms = at_ms + rule.cool_down_ms
            yield Step("market", "cleared", "no_longer_holds")
    elif verdict == "holds" and one.held_ms >= rule.for_ms and at_ms >= one.cool_until_ms:
        yield Step("market", "firing", "holds")
    if verdict != "unknown":
        one.unknown_ms = None
        if one.lacks:
            yield Step("data_gap", "cleared", "data_whole")
        return
    if one.unknown_ms is None:
        one.unknown_ms = _unknown_since(rule, one, verdicts, at_ms)
    if not one.lacks and now_ms > one.unknown_ms + rule.gap_ms:
        yield Step(
            "data_gap", "firing", "holed" if _is_holed(one, verdicts, rule, now_ms) else "silent"
        )


def due_ms(rule: Rule, one: Instance, now_ms: int) -> int:
    """Return the first instant after which a step may come to something though no window comes."""
    ends = _ends(rule, one.cells)
    found = [
        end + condition.age_ms
        for condition, end in zip(rule.conditions, ends, strict=True)
        if end is not None
    ]
    if one.unknown_ms is not None and not one.lacks:
        found.append(one.unknown_ms + rule.gap_ms)
    forget_ms = as_of(rule, one.cells) + FORGET_MS
    return min([at for at in found if at >= now_ms], default=forget_ms)


def is_forgotten(rule: Rule, one: Instance, now_ms: int) -> bool:
    """Return whether its last window is so old that the subject counts as gone."""
    return now_ms > as_of(rule, one.cells) + FORGET_MS


def _hold(rule: Rule, one: Instance, verdict: Verdict, at_ms: int) -> None:
    """Count the time that is proven. A window speaks for its step: what lay between absent ones is not counted."""
    if verdict == "not":
        one.run_ms, one.held_ms = None, 0
    elif verdict == "unknown":
        one.run_ms = None
    else:
        if one.run_ms is not None:
            one.held_ms += min(max(0, at_ms - one.run_ms), rule.step_ms)
        one.run_ms = at_ms


def _unknown_since(rule: Rule, one: Instance, verdicts: list[Verdict], at_ms: int) -> int:
    ends = _ends(rule, one.cells)
    return min(
        (
            end
            for end, verdict in zip(ends, verdicts, strict=True)
            if verdict == "unknown" and end is not None
        ),
        default=at_ms,
    )


def _is_holed(one: Instance, verdicts: list[Verdict], rule: Rule, now_ms: int) -> bool:
    """Return whether a window is there and has holes; else none has come."""
    return any(
        verdict == "unknown"
        and cell is not None
        and now_ms <= end_of(condition, cell) + condition.age_ms
        for condition, cell, verdict in zip(rule.conditions, one.cells, verdicts, strict=True)
    )


def _ends(rule: Rule, cells: Cells) -> list[int | None]:
    return [
        None if cell is None else end_of(condition, cell)
        for condition, cell in zip(rule.conditions, cells, strict=True)
    ]


def _edition(cell: Cell) -> tuple[int, int]:
    return cell.epoch, cell.revision
