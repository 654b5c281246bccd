"""The runs of `tapereader bench cache`, and their table."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.table import Table

from .cache import CALL_MS, VARIANTS, WORKERS, rate_of, shown, together
from .states import states

ALL = "all"
_COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("changes", "changes", str),
    ("l1", "l1", str),
    ("redis", "redis", str),
    ("joined", "joined", str),
    ("miss", "miss", str),
    ("hit_rate", "hit rate", lambda value: f"{value:.1%}"),
    ("calls_per_asset_hour", "calls/asset-h", lambda value: f"{value:.3f}"),
    ("distinct", "keys", str),
    ("entropy_bits", "bits", lambda value: f"{value:.2f}"),
    ("top_share", "top key", lambda value: f"{value:.1%}"),
    ("unchanged", "unchanged", str),
    ("unchanged_calls", "its calls", str),
    ("journal", "journal", str),
    ("stale", "stale", str),
)


def run_cache(
    seeds: Sequence[int],
    *,
    days: int,
    assets: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Return what each seed gives under each key and time, and all seeds together; ``tell`` hears of each seed.

    The gate remembers a day before; the cache is cold.
    """
    rates: list[list[Any]] = [[] for _ in VARIANTS]
    for seed in seeds:
        began_s = time.monotonic()
        told = list(states(seed, days=days, assets=assets))
        for place, variant in zip(rates, VARIANTS, strict=True):
            place.append(rate_of(told, variant, asset_hours=float(assets * days * 24)))
        deep = sum(one.product == "deep_dive" for one in told)
        tell(
            f"seed {seed}: {len(told) - deep} states and {deep} deep dives wanted told, played in"
            f" {time.monotonic() - began_s:.0f} s"
        )
    return {
        "days": days,
        "assets": assets,
        "workers": WORKERS,
        "call_s": CALL_MS / 1000,
        "runs": [
            {"keyed": variant.keyed, "ttl_s": variant.ttl_s, "seed": seed, **shown(rate)}
            for variant, found in zip(VARIANTS, rates, strict=True)
            for seed, rate in [*zip(seeds, found, strict=True), (ALL, together(found))]
        ],
    }


def table_of(found: dict[str, Any]) -> Table:
    """Return it for people: a row a run."""
    table = Table(
        title=f"{found['days']} days of {found['assets']} assets from a cold cache",
        caption="hit rate = (l1 + redis) / (l1 + redis + joined + miss), of state changes alone; keys, bits (entropy) and top"
        " key are of these; unchanged states with their calls, a journal's and stale answers stand apart",
    )
    for title in ("key", "fresh", "seed"):
        table.add_column(title, no_wrap=True)
    for _, title, _ in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for run in found["runs"]:
        cells = [write(run[name]) for name, _, write in _COLUMNS]
        fresh = f"{run['ttl_s'] / 60:g} min"
        table.add_row(run["keyed"], fresh, str(run["seed"]), *cells, end_section=run["seed"] == ALL)
    return table
