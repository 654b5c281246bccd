"""What may be turned of the invented market."""

from typing import Literal

from pydantic import Field

from streams.collectors.port import SourceSettings
from topics import Kind


class SyntheticSettings(SourceSettings):
    """An invented market with its chatter, told apart from a real one by its names."""

    type: Literal["synthetic"]
    seed: int = Field(default=1, ge=0)
    kinds: tuple[Kind, ...] = ("market", "volume", "social", "development")
    hours: float = Field(default=60.0, gt=0, le=24 * 365)
    """Of event time."""
    trades_per_minute: float = Field(default=60.0, gt=0, le=1_000_000)
    """Over all assets, in event time."""
    incidents: bool = True
    """Plant flash crash, volume spike, wash trading, social pump, developer exodus."""
    disorder: bool = True
    """Plant late, corrected, duplicate, missing and malformed events."""
