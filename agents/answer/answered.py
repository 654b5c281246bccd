"""The words of an analysis with where they came from, and the analysis they make. PURE."""

from msgspec import Struct

from agents.answer.rules import VERSION, Words, analyse, direction_of
from agents.decide.candidate import Candidate, Read, Sent
from topics import Analysis, Trigger, Usage
from topics.analysis import Origin
from topics.units import EPOCH_MS_MAX


class Answered(Struct, frozen=True, kw_only=True):
    """The words of an analysis and where they came from."""

    words: Words
    origin: Origin
    reason: str
    sends: tuple[Sent, ...] = ()
    """What was sent to get them, also where rules answer in the end."""
    readings: tuple[Read, ...] = ()
    """What was asked about posts before."""

    @property
    def item_key(self) -> str | None:
        """The question that was asked last, if any was."""
        return self.sends[-1].item_key if self.sends else None

    @property
    def model(self) -> str | None:
        """The model that was asked last, if any was."""
        return self.sends[-1].model if self.sends else None

    @property
    def prompt_version(self) -> str | None:
        """The prompt that was used last, if any was."""
        return self.sends[-1].prompt_version if self.sends else None

    @property
    def cost_nano_usd(self) -> int:
        """What all sends cost; one whose cost nobody knows is charged in full."""
        return sum(sent.cost_nano_usd for sent in self.all_sends)

    @property
    def attempt_ids(self) -> list[str]:
        """Of all sends: questions about posts first, else oldest first."""
        return [sent.attempt_id for sent in self.all_sends]

    @property
    def all_sends(self) -> tuple[Sent, ...]:
        """What was sent, about posts too."""
        return (*(read.sent for read in self.readings), *self.sends)


def by_rules(candidate: Candidate, reason: str) -> Answered:
    """Return what the rules say, and why they were asked."""
    return Answered(
        words=analyse(candidate),
        origin="rules",
        reason=reason,
        sends=candidate.sends,
        readings=candidate.readings,
    )


def by_model(
    candidate: Candidate, words: Words, *, origin: Origin = "model", reason: str = "answered"
) -> Answered:
    """Return what a model said in the last of the candidate's sends.

    ``reason`` is `answered`, or why it was not the primary that was asked.
    """
    return Answered(
        words=words,
        origin=origin,
        reason=reason,
        sends=candidate.sends,
        readings=candidate.readings,
    )


def analysis_of(
    candidate: Candidate,
    answered: Answered,
    *,
    produced_ms: int,
    valid_ms: int,
    model: str | None = None,
    simulated: bool = False,
) -> Analysis:
    """Return the analysis of a candidate, valid for ``valid_ms`` of event time.

    ``model`` is the name of the one that was asked, and ``simulated`` whether it is our own fake; an analysis by
    rules carries neither.
    """
    is_model = answered.origin != "rules"
    return Analysis(
        analysis_id=candidate.candidate_id,
        asset=candidate.asset,
        product=candidate.product,
        as_of_ms=candidate.as_of_ms,
        produced_ms=produced_ms,
        valid_until_ms=min(candidate.as_of_ms + valid_ms, EPOCH_MS_MAX),
        trigger=Trigger(reasons=list(candidate.reasons), alert_id=candidate.alert_id),
        headline=answered.words.headline,
        text=answered.words.text,
        severity=candidate.severity,
        confidence=answered.words.confidence,
        confidence_basis=answered.words.confidence_basis,
        observed_direction=direction_of(candidate.facts),
        outlook=answered.words.outlook,
        facts=list(candidate.facts),
        data_quality=candidate.quality,
        origin=answered.origin,
        origin_reason=answered.reason,
        simulated=is_model and simulated,
        model=model if is_model else None,
        prompt_version=answered.prompt_version,
        rules_version=None if is_model else VERSION,
        input_tokens=sum(_input_tokens(sent.usage) for sent in answered.all_sends),
        output_tokens=sum(sent.usage.output_tokens for sent in answered.all_sends),
        cost_nano_usd=answered.cost_nano_usd,
        attempt_ids=answered.attempt_ids,
    )


def _input_tokens(usage: Usage) -> int:
    """Return all that was read, whatever it cost."""
    return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
