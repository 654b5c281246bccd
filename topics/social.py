"""What people post. The text is untrusted for its whole life: plain text at every door."""

from typing import Annotated

from msgspec import Meta, Struct

from .units import NUMBER_MAX, AssetId, EpochMs, Name, Tone, VenueId


class Post(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="post"):
    """One post that names an asset; a post that names three is three events.

    Its id is ``post|subject|platform|post_id``.
    """

    subject: AssetId
    source: Name
    platform: Name
    post_id: VenueId
    event_ms: EpochMs
    """When the platform says it was made."""
    received_ms: EpochMs
    author: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{16}$", description="A salted hash of the author's id.")
    ]
    text: Annotated[str, Meta(max_length=1000, description="Untrusted. Cut and normalised.")]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$", description="ISO 639; und: not known.")]
    tone: Tone
    tone_version: Name
    """The lexicon that gave the tone."""
    engagement: Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
    """Likes, reposts and replies when it was seen."""
    simhash: Annotated[
        str, Meta(pattern=r"^[0-9a-f]{16}$", description="64-bit simhash of the text.")
    ]
    bot: bool = False


class PostDeleted(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="post.deleted"
):
    """A post that was told of an asset has been taken back, or what it said: nobody may keep its text any longer.

    It follows its post under the same asset. That it was made is history: no number changes by this.
    """

    subject: AssetId
    source: Name
    platform: Name
    post_id: VenueId
    event_ms: EpochMs
    """When the platform says that it was taken back, or when that was seen."""
    received_ms: EpochMs
