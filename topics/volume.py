"""Traded volume as venues and aggregators report it: flows (a closed span) and levels (rolling)."""

from msgspec import Struct

from .units import NUMBER_MAX, AssetId, DurationMs, EpochMs, Name, NotNegative, VenueId


class VolumeFlow(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="volume.flow"
):
    """What traded in one closed candle. Flows add up.

    Its id is ``volume.flow|subject|span_ms|event_ms|venue|instrument``.
    """

    subject: AssetId
    source: Name
    venue: Name
    instrument: VenueId
    event_ms: EpochMs
    """When the candle closed."""
    received_ms: EpochMs
    span_ms: DurationMs
    volume: NotNegative
    """In units of the asset."""

    def __post_init__(self) -> None:
        """Refuse what is not a number of at least 0; decoding checks it too."""
        _check(self.volume)


class VolumeLevel(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="volume.level"
):
    """A rolling turnover, such as the last 24 h. Levels never add up over time.

    Its id is ``volume.level|subject|span_ms|event_ms|venue|instrument``.
    """

    subject: AssetId
    source: Name
    venue: Name
    instrument: VenueId
    event_ms: EpochMs
    """When the sample was taken."""
    received_ms: EpochMs
    span_ms: DurationMs
    volume: NotNegative
    """In units of the asset."""

    def __post_init__(self) -> None:
        """Refuse what is not a number of at least 0; decoding checks it too."""
        _check(self.volume)


def _check(volume: NotNegative) -> None:
    if not (volume.is_finite() and 0 <= volume <= NUMBER_MAX):
        msg = f"volume must lie in [0, {NUMBER_MAX:.0e}], not {volume}"
        raise ValueError(msg)
