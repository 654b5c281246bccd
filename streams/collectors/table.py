"""The table of sources. A new source is one module and one line here (docs/adding-a-source.md)."""

from . import recorded, synthetic
from .development import github
from .market import exchange, unified
from .port import SourceType
from .social import hackernews, jetstream, mastodon, reddit, rss
from .volume import candles, coingecko, defillama, turnover

TYPES: dict[str, SourceType] = {
    source.name: source
    for source in (
        recorded.TYPE,
        synthetic.TYPE,
        exchange.TYPE,
        unified.TYPE,
        hackernews.TYPE,
        jetstream.TYPE,
        mastodon.TYPE,
        reddit.TYPE,
        rss.TYPE,
        github.TYPE,
        candles.TYPE,
        turnover.TYPE,
        coingecko.TYPE,
        defillama.TYPE,
    )
}
"""By what stands in `type` of an entry under `collect.sources`."""
