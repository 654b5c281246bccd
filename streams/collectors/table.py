"""The table of sources: what each type of settings makes. A new source is one line here."""

from streams.settings import (
    CollectSettings,
    ExchangeSettings,
    PaceSettings,
    RecordedSettings,
    SyntheticSettings,
)
from topics.settings import BrokerSettings

from .pace import Pace
from .port import Clock, Source


def pace_of(settings: PaceSettings | None, now_ms: int) -> Pace | None:
    """Return the pace all sources of a run that begins now share."""
    if settings is None:
        return None
    wall_ms = now_ms if settings.wall_ms is None else settings.wall_ms
    event_ms = wall_ms if settings.event_ms is None else settings.event_ms
    return Pace(event_ms=event_ms, wall_ms=wall_ms, speed=settings.speed)


def create_sources(
    name: str,
    settings: CollectSettings,
    broker: BrokerSettings,
    *,
    pace: Pace | None,
    now_ms: Clock,
) -> list[Source]:
    """Return the sources that the settings under ``name`` describe, one a kind.

    The modules are imported here and not above: ccxt alone takes seconds.
    """
    match settings.sources[name]:
        case RecordedSettings() as recorded:
            from .recorded import create_recorded  # noqa: PLC0415

            return [create_recorded(name, recorded, broker, pace=pace, now_ms=now_ms)]
        case SyntheticSettings() as synthetic:
            from .synthetic import create_synthetic  # noqa: PLC0415

            return list(create_synthetic(name, synthetic, pace=pace, now_ms=now_ms))
        case ExchangeSettings() as exchange:
            from .exchanges import create_exchange  # noqa: PLC0415

            return [create_exchange(name, exchange, now_ms=now_ms)]
