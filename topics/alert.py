"""Market alerts: a declared rule that holds, no longer holds, or never held."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, EpochMs, Name, Severity, Subject


class Alert(Struct, frozen=True, kw_only=True, tag_field="type", tag="alert"):
    """The latest state of one rule for one asset."""

    alert_id: Annotated[str, Meta(max_length=200, description="rule/subject/since_ms")]
    rule: Name
    asset: AssetId
    subject: Subject
    state: Literal["firing", "cleared", "retracted"]
    """Retracted: a revision of the data undid it."""
    severity: Severity
    since_ms: EpochMs
    """End of the window that made it fire."""
    as_of_ms: EpochMs
    """End of the window behind this state."""
    headline: Annotated[str, Meta(min_length=1, max_length=200)]
    degraded: bool = False
    """Data were missing; what was seen proves the rule all the same."""
    values: dict[str, float] = {}
    aggregate_ids: list[str] = []
