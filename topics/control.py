"""What operators do, as events: every role reads them, and the log is the audit trail."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import EpochMs, Word


class Control(Struct, frozen=True, kw_only=True, tag_field="type", tag="control"):
    """One act by one person. Ids are idempotent: the same act twice is one act."""

    control_id: Annotated[str, Meta(min_length=1, max_length=200)]
    act: Literal[
        "acknowledge", "mute", "force_breaker", "set_budget", "tombstone_narrative", "recover"
    ]
    subject: Annotated[str, Meta(min_length=1, max_length=200, description="What it acts on.")]
    value: Annotated[str, Meta(max_length=400)] = ""
    """The act's argument: open, closed, auto; an amount; a rule's name."""
    actor: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=400)]
    at_ms: EpochMs
    expires_ms: EpochMs | None = None


class Feedback(Struct, frozen=True, kw_only=True, tag_field="type", tag="feedback"):
    """What one person thinks of one analysis; the latest word of each person counts."""

    feedback_id: Annotated[str, Meta(min_length=1, max_length=200)]
    """A digest of what was said, so that the same word twice is one."""
    subject: Annotated[
        str, Meta(min_length=1, max_length=400, description="analysis/ID/ACTOR: its Kafka key.")
    ]
    analysis_id: Annotated[str, Meta(min_length=1, max_length=200)]
    verdict: Word
    """wrong or unhelpful."""
    actor: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=400)]
    at_ms: EpochMs


class Redrive(Struct, frozen=True, kw_only=True, tag_field="type", tag="redrive"):
    """Dead letters that one person had written again: once when it begins, and once more when it has ended."""

    redrive_id: Annotated[str, Meta(min_length=1, max_length=64)]
    subject: Annotated[
        str, Meta(min_length=1, max_length=200, description="redrive/ID: its Kafka key.")
    ]
    letters: Annotated[list[Annotated[str, Meta(max_length=400)]], Meta(max_length=1_000)]
    """The ids of the letters that go; once it has ended, of those that went."""
    places: Annotated[list[Annotated[str, Meta(max_length=300)]], Meta(max_length=4_000)]
    """Where they go: topic/partition, as the catalog names topics."""
    ended_ms: EpochMs | None = None
    """None: it has begun. Only its records themselves tell which of them are written."""
    actor: Annotated[str, Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(min_length=1, max_length=400)]
    at_ms: EpochMs
    """When it began."""
