"""The chart of lanes as an element: drawn by our own script on the chart library that comes with NiceGUI."""

from importlib.resources import files
from typing import Any

from .elements import LIBRARIES, STATIC, Painted

CHARTS = files("nicegui") / "elements" / "echart" / "dist"
"""The library as NiceGUI brings it; its own element for charts is not used, as it would run text of options."""


class Lanes(
    Painted,
    component=STATIC / "tape_stack.js",
    dependencies=LIBRARIES,
    esm={"nicegui-echart": str(CHARTS)},
):
    """Lanes over one axis of time."""

    def show(self, stack: dict[str, Any]) -> None:
        """Draw these instead; ``stack`` is what `charts.charting.wire` makes."""
        self.paint(stack=stack)
