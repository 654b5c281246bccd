"""The table of sources. A new source is one module and one line here (docs/adding-a-source.md)."""

from . import recorded, synthetic
from .market import exchange
from .port import SourceType
from .volume import candles, coingecko, defillama, turnover

TYPES: dict[str, SourceType] = {
    source.name: source
    for source in (
        recorded.TYPE,
        synthetic.TYPE,
        exchange.TYPE,
        candles.TYPE,
        turnover.TYPE,
        coingecko.TYPE,
        defillama.TYPE,
    )
}
"""By what stands in `type` of an entry under `collect.sources`."""
