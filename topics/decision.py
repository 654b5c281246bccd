"""What became of every aggregate the analyst read: the trail an audit walks."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .analysis import Product
from .journal import AttemptId
from .units import AssetId, Count, EpochMs, Severity, Subject, Word


class Decision(Struct, frozen=True, kw_only=True, tag_field="type", tag="decision"):
    """The fate of one candidate. Of several with one id, the one at the lowest offset counts."""

    decision_id: Annotated[str, Meta(max_length=200, description="The candidate's analysis id.")]
    asset: AssetId
    product: Product
    as_of_ms: EpochMs
    outcome: Literal["called", "cached", "coalesced", "shed", "rules"]
    reason: Word
    survivor_id: str | None = None
    """The candidate that took this one over (coalesced)."""
    analysis_id: str | None = None
    item_key: str | None = None
    """The journal's item that was asked or served."""
    severity: Severity
    reasons: list[Word]
    aggregate_ids: list[str]
    """Every aggregate its facts are of: first, in their order, those that reasons stand on and that were not the latest of
    their series any more, then all the latest."""
    aggregates_partition: Count
    first_offset: Count
    last_offset: Count
    """Offsets of the first and last aggregate that made it a candidate. It accounts for the last, once with all others
    that do: a revision of several analyses has a decision for each, with reason `revised` or `withdrawn`."""
    decided_ms: EpochMs
    alert_id: Annotated[str, Meta(max_length=200)] | None = None
    """The alert that made it a candidate. Then no aggregate did, and both offsets are that of the last one read."""
    attempt_ids: list[AttemptId] = []
    """What was sent to a model for it, also where rules answered in the end: questions about posts first, else oldest
    first. A coalesced one's are its survivor's."""
    compared_with: str | None = None
    """The analysis that its own is told against: the asset's last, or the one whose place it takes."""
    narrative_age_ms: Count | None = None
    """How old the words were that its analysis says again, and the attempt whose answer they are."""
    narrative_attempt_id: AttemptId | None = None
    read_to: Count | None = None
    """The aggregates below this offset are what it knows. Not known of records written before this field, nor of an
    alert's whose analysis stood there already when its decision was made up for."""
    lead: Subject | None = None
    """The subject its latest facts begin with: what the newest of its findings or alerts is about."""
    alert_ids: list[Annotated[str, Meta(max_length=200)]] = []
    """All alerts it answers, the one its analysis names first."""


class Tally(Struct, frozen=True, kw_only=True, tag_field="type", tag="decision.tally"):
    """Aggregates of one partition that made no candidate, counted together."""

    tally_id: Annotated[str, Meta(max_length=200, description="tally/partition/first_offset")]
    aggregates_partition: Count
    first_offset: Count
    last_offset: Count
    folded: Count
    """Read, and unable to ask by itself: a window that is not of the smallest, or a revision. What a revision shows first
    is asked with the next window, whose decision it is."""
    uninteresting: Count
    """Put to the gate, which said no, or not yet: new windows, and first ones that came behind younger ones."""
    decided_ms: EpochMs
