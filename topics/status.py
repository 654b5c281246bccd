"""How each role is: what a dashboard and a doctor read."""

from typing import Annotated

from msgspec import Meta, Struct

from .units import EpochMs, Name, Word


class Status(Struct, frozen=True, kw_only=True, tag_field="type", tag="status"):
    """The latest state of one part of one process. Past ``expires_ms`` the process is gone."""

    role: Name
    instance: Name
    part: Name
    """What of the role: `role`, `partition/3`, `breaker/anthropic/claude-haiku-5-5`, `budget/default`."""
    state: Word
    words: Annotated[str, Meta(max_length=300)] = ""
    """The state in a sentence for people."""
    at_ms: EpochMs
    since_ms: EpochMs
    expires_ms: EpochMs
    build: str
    measures: dict[str, float] = {}
    """Numbers by name, units last: `watermark_lag_ms`, `spent_nano_usd`."""
