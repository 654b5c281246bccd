"""The table of sources: what each type of settings makes. A new source is one line here."""

from streams.settings import CollectSettings, ExchangeSettings, RecordedSettings, SyntheticSettings
from topics.settings import BrokerSettings

from .pace import Pace
from .port import Clock, Source


def create_sources(
    name: str, settings: CollectSettings, broker: BrokerSettings, *, now_ms: Clock
) -> list[Source]:
    """Return the sources that the settings under ``name`` describe, one a kind.

    The modules are imported here and not above: ccxt alone takes seconds.
    """
    pace = None if settings.pace is None else Pace(**settings.pace.model_dump())
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
