"""What may be turned of every source of a venue's volumes."""

from decimal import Decimal

from pydantic import Field

from streams.collectors.asking import TIMEOUT_S
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import SourceSettings, Symbol

from .venues import Unit

MARKETS_MAX = 200
"""Of one entry: each is a question of its own."""


class MarketsSettings(SourceSettings):
    """Markets of one venue, asked about by its REST."""

    venue: str = Field(pattern=r"^[a-z0-9]{2,40}$")
    """As ccxt calls it."""
    symbols: tuple[Symbol, ...] = Field(min_length=1, max_length=MARKETS_MAX)
    unit: Unit | None = None
    """What the venue's volumes count, where that is not known here: base, or contracts of `contract_size`."""
    contract_size: Decimal = Field(default=Decimal(1), gt=0)
    """Units of the asset in one contract."""
    ids: dict[Symbol, str] = Field(default={})
    """The venue's own names of markets, where they are not known here."""
    lateness_ms: int = Field(default=LATENESS_MS["volume"], ge=0, le=600_000)
    timeout_s: float = Field(default=TIMEOUT_S, gt=0, le=60)
    url: str | None = None
    """Another host than the venue's own, the paths being the same: a proxy, a local server."""
    ca_file: str | None = None
    """A PEM file of the authorities to trust instead of the system's."""
