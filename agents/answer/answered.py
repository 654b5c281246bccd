"""The words of an analysis with where they came from, and the analysis they make. PURE."""

from msgspec import Struct

from agents.answer.rules import VERSION, Words, analyse, direction_of
from agents.decide.candidate import Candidate, Read, Sent
from topics import Analysis, Trigger, Usage
from topics.analysis import Origin
from topics.units import EPOCH_MS_MAX

FRESH = ("l1", "redis", "joined", "revised")
"""Where words of before are found: in this process's memory, in Redis, or with another who had asked already.

The reason of an analysis that says them again, but of one that takes the place of another, which is `revised`; of words
that are beyond their time it is why nobody could be asked.
"""


class Served(Struct, frozen=True, kw_only=True):
    """An answer of before that is said again."""

    attempt_id: str
    """The attempt it was the answer of."""
    item_key: str
    provider: str
    model: str
    prompt_version: str
    age_ms: int


class Answered(Struct, frozen=True, kw_only=True):
    """The words of an analysis and where they came from."""

    words: Words
    origin: Origin
    reason: str
    sends: tuple[Sent, ...] = ()
    """What was sent to get them, also where rules answer in the end."""
    readings: tuple[Read, ...] = ()
    """What was asked about posts before."""
    served: Served | None = None
    """Where they were said before."""

    @property
    def source(self) -> Served | Sent | None:
        """Whose words they are, or who was asked last, if anybody was."""
        return self.served or (self.sends[-1] if self.sends else None)

    @property
    def item_key(self) -> str | None:
        """The question they answer, or that was asked last, if any was."""
        return None if self.source is None else self.source.item_key

    @property
    def model(self) -> str | None:
        """The model they are of, or that was asked last, if any was."""
        return None if self.source is None else self.source.model

    @property
    def prompt_version(self) -> str | None:
        """The prompt that was used last, if any was."""
        return None if self.source is None else self.source.prompt_version

    @property
    def asked_of(self) -> tuple[str, str] | None:
        """The same model, by provider and name."""
        return None if self.source is None else (self.source.provider, self.source.model)

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


def by_cache(
    candidate: Candidate, words: Words, served: Served, *, stale: bool, reason: str
) -> Answered:
    """Return what a model said of the same state before.

    ``reason`` is where it was found; of one that is ``stale``, why nobody could be asked.
    """
    origin: Origin = "cache_stale" if stale else "cache"
    return Answered(
        words=words,
        origin=origin,
        reason=reason,
        sends=candidate.sends,
        readings=candidate.readings,
        served=served,
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
    is_model, served = answered.origin != "rules", answered.served
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
        narrative_age_ms=None if served is None else served.age_ms,
        narrative_attempt_id=None if served is None else served.attempt_id,
        input_tokens=sum(_input_tokens(sent.usage) for sent in answered.all_sends),
        output_tokens=sum(sent.usage.output_tokens for sent in answered.all_sends),
        cost_nano_usd=answered.cost_nano_usd,
        attempt_ids=answered.attempt_ids,
    )


def _input_tokens(usage: Usage) -> int:
    """Return all that was read, whatever it cost."""
    return usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
