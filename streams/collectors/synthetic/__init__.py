"""An invented market with its chatter, seeded: for demos and tests, and told from a real one by its names.

The path of an event: `tape` (what the venues print) through `market` and `disorder` (how it arrives), or
summed by `volume`; `social` and `development` beside them; `timed` puts arrivals and promises in order, and
`source` paces them. All but `source` is pure. `incidents` and `planted` say what a run holds, for those who
check that it was found.
"""

from .incidents import Incident, incidents
from .plants import Planted, planted
from .run import START_MS
from .settings import SyntheticSettings
from .source import TYPE, Synthetic, create_synthetic

__all__ = [
    "START_MS",
    "TYPE",
    "Incident",
    "Planted",
    "Synthetic",
    "SyntheticSettings",
    "create_synthetic",
    "incidents",
    "planted",
]
