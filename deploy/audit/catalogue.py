"""The catalogue of metrics as data (`topics/metrics.toml`): which are scored, and which are exact."""

import tomllib
from importlib.resources import files

_METRICS = tomllib.loads(files("topics").joinpath("metrics.toml").read_text(encoding="utf-8"))

INEXACT: dict[str, frozenset[str]] = {}
"""By kind, the metrics that go through a logarithm or a root."""
SCORED: dict[str, tuple[str, ...]] = {}
"""By kind, the metrics that have scores, in the catalogue's order."""

for _metric in _METRICS["metric"]:
    _kind, _name = _metric["kind"], _metric["name"]
    INEXACT[_kind] = INEXACT.get(_kind, frozenset()) | (
        frozenset() if _metric.get("exact", True) else frozenset([_name])
    )
    SCORED[_kind] = SCORED.get(_kind, ()) + ((_name,) if _metric.get("scored") else ())
