"""A choice as a row of links, so that each has its address and the keyboard reaches it."""

from collections.abc import Sequence

from .elements import Lines, Text, block
from .pieces import Words
from .rows.option import Option


class Choosing:
    """One thing to choose, with its name before it."""

    def __init__(self, name: str) -> None:
        """Begin with nothing offered; ``name`` is our own word."""
        with block("div", "choice", role="group", aria_label=name):
            Text("span", name).classes("choice-name")
            self._lines = Lines("span", "option")

    def show(self, options: Sequence[Option]) -> None:
        """Show what may be chosen; the chosen one is no link, and says so."""
        self._lines.show([(_words(one),) for one in options])


def _words(option: Option) -> Words:
    if option.chosen:
        return Words(option.words, tone="strong", hint="chosen")
    return Words(option.words, href=option.href)
