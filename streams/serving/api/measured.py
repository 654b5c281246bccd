"""What the numbers of a window are in: the catalogue's units, with the subject's own assets in their place. PURE."""

from msgspec import Struct

from topics import Kind
from topics.identity import asset_of
from topics.metrics import METRICS

_BY_KIND = {
    kind: [metric for metric in METRICS if metric.kind == kind]
    for kind in sorted({metric.kind for metric in METRICS})
}


class Measure(Struct, frozen=True, kw_only=True):
    """What one value of a window is."""

    unit: str
    """An asset (USDT, BTC), `count`, `1` for ratios, or `by venue`."""
    quote: str | None
    """The quote asset of a price or of an amount of money; null where it is neither."""
    scored: bool
    """Whether it is compared with the subject's own earlier windows."""
    formula: str


def quote_of(subject: str) -> str | None:
    """Return the asset an instrument's prices are in; None where the subject is no instrument."""
    _, slash, rest = subject.partition("/")
    return rest.partition(":")[0] if slash else None


def measures_of(kind: Kind, subject: str) -> dict[str, Measure]:
    """Return what each value of a subject's windows is, by its name in the catalogue."""
    quote, base = quote_of(subject), asset_of(subject)
    units = {"quote": quote or "quote", "base": base, "asset": base}
    return {
        metric.name: Measure(
            unit=units.get(metric.unit, metric.unit),
            quote=quote if metric.unit == "quote" else None,
            scored=metric.scored,
            formula=metric.formula,
        )
        for metric in _BY_KIND[kind]
    }
