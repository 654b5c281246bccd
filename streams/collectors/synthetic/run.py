"""One run of the invented market: everything its generators depend on."""

from msgspec import Struct

from .incidents import Incident, IncidentKind, incidents
from .settings import SyntheticSettings
from .spans import Span, Spans

START_MS = 1_704_067_200_000
"""Where event time begins without a pace: 2024-01-01, so that such runs repeat byte for byte.

Even the longest run ends in the past, as promises about the future are refused.
"""
_HOUR_MS = 3_600_000


class Run(Struct, frozen=True, kw_only=True):
    """The same run gives the same events, byte for byte."""

    name: str
    """Of the source, in every event but a repository's."""
    seed: int
    start_ms: int
    end_ms: int
    trades_per_minute: float
    incidents: tuple[Incident, ...]
    disorder: bool

    def incidents_of(self, asset: str, *kinds: IncidentKind) -> Spans[Incident]:
        """Return what happens to an asset, of these kinds, by time."""
        return Spans(
            Span(incident.from_ms, incident.to_ms, incident)
            for incident in self.incidents
            if incident.asset == asset and incident.kind in kinds
        )


def run_of(name: str, settings: SyntheticSettings, start_ms: int) -> Run:
    """Return the run that settings describe, from a start on."""
    return Run(
        name=name,
        seed=settings.seed,
        start_ms=start_ms,
        end_ms=start_ms + int(settings.hours * _HOUR_MS),
        trades_per_minute=settings.trades_per_minute,
        incidents=tuple(incidents(settings.seed, start_ms, settings.hours))
        if settings.incidents
        else (),
        disorder=settings.disorder,
    )
