"""The decision path as a list of steps."""

from collections.abc import Sequence

from .elements import Lines, Said, Text, block
from .rows.path import Step

_MARKS = {"done": "✓", "failed": "!", "passed": "·"}
_WORDS = {"done": "done", "failed": "not as wished", "passed": "not needed, or not told of"}


class Steps:
    """Stations under each other on a desk, each with its title, what became of it, and more."""

    def __init__(self) -> None:
        """Begin with none."""
        self._box = block("ol", "steps")
        self._shown: tuple[Step, ...] = ()

    def show(self, steps: Sequence[Step]) -> None:
        """Show these instead; drawn anew only where one is different."""
        if tuple(steps) == self._shown:
            return
        self._shown = tuple(steps)
        self._box.clear()
        with self._box:
            for step in steps:
                with block("li", f"step is-{step.state}"):
                    Text("span", _MARKS[step.state]).classes("step-mark").props["aria-hidden"] = "true"  # fmt: skip
                    with block("div", "step-body"):
                        Text("h3", step.title)
                        Text("span", _WORDS[step.state]).classes("unseen")
                        Said("p", step.lead).classes("said-line")
                        Lines(classes="said-line step-line").show(step.lines)
