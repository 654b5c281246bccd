"""What came of a batch, candidate by candidate: the verdict on each answer, and the analysis it would have been. PURE."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from agents.answer.answered import analysis_of, by_model
from agents.answer.rules import analyse
from agents.answer.verdict import Rejected
from agents.ask.paid import sent_of
from agents.ask.prompt import verdict_of
from agents.evaluation.asked import Standing
from agents.evaluation.forecast import rise_of
from agents.evaluation.questions import Decided, Item
from topics import Analysis, Outlook, Result, Usage

ACCEPTED = "accepted"


class Tried(Struct, frozen=True, kw_only=True):
    """One candidate, and what the model made of it beside the rules."""

    candidate_id: str
    asset: str
    as_of_ms: int
    decided_ms: int
    item_key: str
    outcome: str
    """`accepted`, why the verdict rejects the answer, or what else came of the call: refused, truncated, errored, ..."""
    outlook: Outlook | None
    rise: float | None
    """The probability of a rise that the model's outlook stands for; None where the answer is not accepted."""
    rules_outlook: Outlook | None
    rules_rise: float
    input_tokens: int
    output_tokens: int
    cost_nano_usd: int
    """As the tokens: of one whose question another before it has, 0. Only that one was asked."""
    headline: str = ""
    text: str = ""


class Who(Struct, frozen=True, kw_only=True):
    """Who was asked."""

    provider: str
    model: str
    prompt_version: str
    simulated: bool


class Came(Struct, frozen=True):
    """How a question stands, and what came of it."""

    standing: Standing
    result: Result | None

    @property
    def outcome(self) -> str:
        """What came of the call, or how it stands without a result."""
        return self.standing if self.result is None else self.result.outcome


def tried(item: Item, came: Came, who: Who, valid_ms: int) -> list[tuple[Tried, Analysis | None]]:
    """Return what came of a question for each of its candidates, and of an accepted answer its analysis.

    The analysis is produced when the candidate was decided on: the model was told what was known then.
    """
    told = []
    for at, one in enumerate(item.decided):
        outcome, analysis = _judged(one, item, came, who, valid_ms)
        paid = came.result if at == 0 else None
        told.append((_row(one, item.key, outcome, analysis, paid), analysis))
    return told


def outcomes_of(rows: Iterable[Tried]) -> Counter[str]:
    """Return how many candidates came to what."""
    return Counter(row.outcome for row in rows)


def _judged(
    one: Decided, item: Item, came: Came, who: Who, valid_ms: int
) -> tuple[str, Analysis | None]:
    """Return what an answer is to a candidate, and the analysis if it is accepted."""
    result, candidate = came.result, one.candidate
    if result is None or result.answer is None:
        return came.outcome, None
    verdict = verdict_of(result.answer, candidate, item.prompt)
    if isinstance(verdict, Rejected):
        return verdict.reason, None
    sent = sent_of(
        result,
        provider=who.provider,
        model=who.model,
        prompt_version=who.prompt_version,
        outcome="answered",
    )
    asked = replace(candidate, sends=(sent,))
    analysis = analysis_of(
        asked,
        by_model(asked, verdict),
        produced_ms=one.decided_ms,
        valid_ms=valid_ms,
        model=who.model,
        simulated=who.simulated,
    )
    return ACCEPTED, analysis


def _row(
    one: Decided, key: str, outcome: str, analysis: Analysis | None, paid: Result | None
) -> Tried:
    candidate, usage = one.candidate, Usage() if paid is None else paid.usage
    rules = analyse(candidate).outlook
    return Tried(
        candidate_id=candidate.candidate_id,
        asset=candidate.asset,
        as_of_ms=candidate.as_of_ms,
        decided_ms=one.decided_ms,
        item_key=key,
        outcome=outcome,
        outlook=None if analysis is None else analysis.outlook,
        rise=None if analysis is None else rise_of(analysis.outlook),
        rules_outlook=rules,
        rules_rise=rise_of(rules),
        input_tokens=usage.input_tokens
        + usage.cache_creation_input_tokens
        + usage.cache_read_input_tokens,
        output_tokens=usage.output_tokens,
        cost_nano_usd=0 if paid is None else paid.cost_nano_usd,
        headline="" if analysis is None else analysis.headline,
        text="" if analysis is None else analysis.text,
    )
