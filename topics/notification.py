"""What people were told: for each receiver, what became of each step of an alert."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .units import AssetId, Count, EpochMs, Name, Word


class Notification(Struct, frozen=True, kw_only=True, tag_field="type", tag="notification"):
    """The end of one step of one alert on its way to one receiver. Of several with one id, the first counts.

    What a receiver's filters and routes leave out has no record: the settings say it.
    """

    notification_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            description="The dedupe key that stands in the message: a function of alert, step and receiver.",
        ),
    ]
    alert_id: Annotated[str, Meta(max_length=200)]
    asset: AssetId
    receiver: Name
    step: Word
    """Of the alert's life: firing, raised, cleared, retracted, analysis, still_firing."""
    outcome: Literal["sent", "gathered", "digest", "muted", "undeliverable"]
    """Told alone or with those of its moment, with those of ten seconds, with what was held back; or not told."""
    message_id: Annotated[str, Meta(max_length=100)] | None = None
    """Of the message that told it; several steps share one. None: no message did."""
    at_ms: EpochMs
    """When the receiver took it, or it was given up."""
    logged_ms: EpochMs
    """When the record that it tells of was logged."""
    attempts: Count = 0
    words: Annotated[str, Meta(max_length=300)] = ""
    """Why it was not told."""
