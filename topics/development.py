"""What happens in an asset's repositories."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, EpochMs, Name, VenueId


class RepositoryEvent(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="repository.event"
):
    """One act in one repository; one that concerns two assets is two events.

    Its id is ``repository.event|subject|source|event_id``.
    """

    subject: AssetId
    source: Name
    repository: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", description="owner/name")
    ]
    event_id: VenueId
    event_ms: EpochMs
    """When the forge says it happened."""
    received_ms: EpochMs
    act: Literal["commit", "pull_request", "release", "issue", "review", "comment", "fork", "star"]
    author: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{16}$", description="A salted hash of the author's id.")
    ]
    bot: bool = False
    grade: Literal["A", "B", "C", "D"] | None = None
    """How well its collector's witnesses agreed when it was seen (docs/operating/development-source.md)."""
