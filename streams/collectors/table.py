"""The table of sources. A new source is one module and one line here (docs/adding-a-source.md)."""

from . import recorded, synthetic
from .development import github
from .market import exchange, unified
from .port import SourceType
from .social import hackernews, rss
from .volume import candles

TYPES: dict[str, SourceType] = {
    source.name: source
    for source in (
        recorded.TYPE,
        synthetic.TYPE,
        exchange.TYPE,
        unified.TYPE,
        hackernews.TYPE,
        rss.TYPE,
        github.TYPE,
        candles.TYPE,
    )
}
"""By what stands in `type` of an entry under `collect.sources`."""
