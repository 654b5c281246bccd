"""How far behind its source's time an event of each kind may arrive: the specification is docs/windows.md."""

from topics import Kind

LATENESS_MS: dict[Kind, int] = {
    "market": 2_000,
    "volume": 90_000,
    "social": 10_000,
    "development": 600_000,
}
"""In event time. A promise stays this far behind what the source has seen."""
