"""What a deep dive may not leave unsaid: the most unusual number there is, where that is far from usual. PURE."""

from collections.abc import Mapping

from topics import Fact

from .anomalies import anomalies_of
from .reading import Told
from .slots import SLOT

MUST_TELL = 6.0
"""How unusual it must be: twice what is worth a sentence, sixteen times the usual where no score is known."""


def unsaid_in(text: str, told: Told, slots: Mapping[str, Fact]) -> str | None:
    """Return the slot of what a text should have named, or None.

    Any window of the same metric will do, and its ratio to what is usual. ``slots`` are those the text could use.
    """
    most = next(iter(anomalies_of(told)), None)
    if most is None or most.unusual < MUST_TELL:
        return None
    name = told.names[most.metric, most.window_ms]
    if name not in slots:
        return None
    used = {slots[found.group(1)].metric for found in SLOT.finditer(text)}
    return None if used & {most.metric, f"{most.metric}_ratio"} else name
