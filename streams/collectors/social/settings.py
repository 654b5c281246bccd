"""What every source of posts lets an operator turn, and what it counts."""

from typing import Annotated

from msgspec import Struct
from pydantic import Field, SecretStr

from streams.collectors.port import SourceSettings

from .names import name_table

SALT_CHARS_MIN = 16


class SocialSettings(SourceSettings):
    """Of every source of posts."""

    salt: SecretStr = Field(min_length=SALT_CHARS_MIN)
    """What authors' ids are hashed with; at least 16 characters of yours. With another salt the same people are others."""
    assets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9._-]{0,23}$")], ...] | None,
        Field(min_length=1, max_length=1_000),
    ] = None
    """Which to look for. None: all of `names.toml`; each is a subject of every gap mark, so name yours."""

    def followed(self) -> tuple[str, ...]:
        """Return the assets that are looked for."""
        return tuple(sorted(self.assets or name_table().assets))


class Items(Struct):
    """What became of the items a source was shown: ``seen`` is the sum of the others."""

    seen: int = 0
    named: int = 0
    """They named an asset: an event for each."""
    passed: int = 0
    """They named none, were deleted, or older than the source's time: nothing is sent for them."""
    refused: int = 0
    """They could not be read: dead letters."""
