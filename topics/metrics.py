"""The catalogue of metrics: what every value of a window is, in words a second program can be written from.

The catalogue itself is `metrics.toml`, for programs in any language; `docs/metrics.md` is made of it. Its
reference values are those of the records in `tests/data/metrics`.
"""

import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec
from msgspec import Struct

from .catalog import KINDS
from .units import Kind

TOLERANCE = 1e-12
"""Relative, of what goes through a logarithm or a root: the platform's may differ in the last digit."""


class Metric(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a kind's windows."""

    kind: Kind
    name: str
    """The field of the aggregate's values."""
    unit: str
    """base, quote: of the instrument; asset: its own units; count; 1: a ratio; by venue: a value each."""
    formula: str
    source: str
    """The fields of the raw events it is made of."""
    grid: float | None = None
    """Each addend is rounded to it once, half to even; sums of such are exact."""
    exact: bool = True
    """Another program must find the very same double; else one within `TOLERANCE`."""
    scored: bool = False
    """Whether a window is compared in it with the subject's own earlier ones."""
    reference: int | float | str | dict[str, float] | list[str]
    """Of the window that the reference records make; "null" where it has none."""


def _catalogue() -> tuple[Metric, ...]:
    text = files("topics").joinpath("metrics.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["metric"], type=tuple[Metric, ...])


METRICS = _catalogue()
SCORED: dict[Kind, tuple[str, ...]] = {
    kind: tuple(metric.name for metric in METRICS if metric.kind == kind and metric.scored)
    for kind in KINDS
}
"""By kind, the metrics that have scores, in the order of the catalogue."""


def render() -> str:
    """Return the catalogue as a page."""
    lines = [
        "# Metrics",
        "",
        "Made of `topics/metrics.toml` by `make schemas`. Every window's values (`aggregates`, field `values`), by kind. Sums are of",
        "addends rounded once, half to even, to the grid named; they do not depend on any order. Metrics marked *scored* also have a robust score",
        "against the subject's own earlier windows ([windows](windows.md), section 9a). A metric that is not exact goes through a logarithm or a root:",
        f"another program agrees within {TOLERANCE:g} of its size. The reference is the value in the window that the records in",
        "`tests/data/metrics/` make: for each kind one file, its first whole window for market, social and development, the second five minutes for",
        "volume.",
    ]
    for kind in KINDS:
        lines += [
            "",
            f"## {kind}",
            "",
            "| metric | unit | formula | of | grid | exact | scored | reference |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [_row(metric) for metric in METRICS if metric.kind == kind]
    return "\n".join(lines) + "\n"


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.unit,
        metric.formula,
        metric.source,
        "" if metric.grid is None else f"{metric.grid:g}",
        "yes" if metric.exact else "no",
        "yes" if metric.scored else "",
        msgspec.json.encode(metric.reference).decode().replace('"null"', "null"),
    )
    return "| " + " | ".join(cells) + " |"


def main(arguments: list[str]) -> int:
    """Write or check the page; return the exit status."""
    act, page = arguments[0], Path(arguments[1])
    if act == "write":
        page.write_text(render(), encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == render():
        return 0
    sys.stdout.write(f"{page} is not what topics/metrics.toml says: make schemas\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
