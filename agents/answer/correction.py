"""What is published in place of an analysis that later data contradict. PURE.

Rules write it, from the facts of the same windows as they are now; or what was said of a state is said again, where the
state is told by the same words. Nobody is asked, and nothing is paid.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from agents.decide.printing import label_of, printed
from agents.decide.superseding import Superseding
from topics import Analysis, Fact

from .answered import Answered, analysis_of, by_rules
from .changed import compared, moved_most
from .words import HEADLINE_MAX, TEXT_MAX, Words

REVISED, GONE = "revised", "trigger_gone"
"""The origin reasons: what superseded another, and what withdrew one."""


def correction_of(
    found: Superseding,
    *,
    produced_ms: int,
    again: Answered | None = None,
    simulated: bool = False,
) -> Analysis:
    """Return the analysis that takes the place of another. It is valid as long as that one was.

    ``again`` is what was said of the state before, with the numbers as revised, if that is to be said; ``simulated``
    whether our own fake did.
    """
    before = found.before
    answered = again or by_rules(found.candidate, GONE if found.withdraws else REVISED)
    if found.withdraws:
        answered = replace(answered, words=_withdrawal(found, answered.words))
    made = analysis_of(
        found.candidate,
        answered,
        produced_ms=produced_ms,
        valid_ms=0,
        model=answered.model,
        simulated=simulated,
    )
    return compared(
        replace(
            made,
            status="withdrawn" if found.withdraws else "current",
            supersedes=before.analysis_id,
            revised_by=found.correction.cause,
            valid_until_ms=before.valid_until_ms,
        ),
        before,
    )


def _withdrawal(found: Superseding, words: Words) -> Words:
    """Return what is said of an analysis that should not have been, with the numbers that were and are."""
    moved = moved_most(found.before.facts, found.candidate.facts)
    fits = (line for line in _headlines(found, moved) if len(line) <= HEADLINE_MAX)
    numbers = f" {'; '.join(_move(*pair) for pair in moved)}." if moved else ""
    text = (
        f"Analysis {found.before.analysis_id} is withdrawn: {_why(found)}.{numbers}"
        f' It had said: "{found.before.headline}" As corrected: {words.text}'
    )
    return replace(words, headline=next(fits), text=text[:TEXT_MAX], outlook=None)


def _headlines(found: Superseding, moved: list[tuple[Fact, Fact]]) -> Iterator[str]:
    """Return lines that say it, from the fullest to the shortest: none is ever cut in a number."""
    asset, what = found.before.asset, _reasons(found)
    for pair in moved:
        yield f"{asset}: {what} withdrawn; {_move(*pair)}"
    yield f"{asset}: {what} withdrawn, {_short(found)}"
    yield f"{asset}: analysis withdrawn, {_short(found)}"


def _why(found: Superseding) -> str:
    if found.alert_id is not None:
        return f"the alert {found.alert_id} was retracted, and no other reason for it holds"
    return f"the data were corrected ({found.correction.cause}), and {_reasons(found)} is no more"


def _short(found: Superseding) -> str:
    return "the alert was retracted" if found.alert_id is not None else "the data were corrected"


def _reasons(found: Superseding) -> str:
    return " and ".join(reason.replace("_", " ") for reason in found.candidate.reasons)


def _move(old: Fact, new: Fact) -> str:
    return f"{label_of(new)} was {printed(old)}, is {printed(new)}"
