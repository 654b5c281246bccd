"""What pages are painted with: plain tags, and our own components that make text of pieces and nothing else of text.

None of NiceGUI's own elements that read markup, templates or formatters is used: a table, a line, a form and a chart
of ours are drawn by `static/*.js`, which a browser can run under a policy without `eval`.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct
from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from .pieces import Column, Fact, Line, Rows, Words, wire

STATIC = Path(__file__).parent / "static"
LIBRARIES: list[str | Path] = [STATIC / "tape_clock.js", STATIC / "tape_pieces.js"]
ACT_CHARS_MAX = 400
"""Of each thing a browser sends with an act."""


class Told(Struct, frozen=True):
    """What a browser says was done: a button of a row, or a form."""

    act: str
    key: str = ""
    choice: str = ""
    scope: str = ""
    reason: str = ""


Done = Callable[[Told], Awaitable[None]]
"""What a page does about it."""


def told(args: object) -> Told:
    """Return what a browser sent, whatever it was: text of a bounded length in every field."""
    found = args if isinstance(args, dict) else {}
    fields = {name: str(found.get(name) or "")[:ACT_CHARS_MAX] for name in Told.__struct_fields__}
    return Told(**fields)


class Painted(Element):
    """A component whose props are replaced when what they show has changed, and only then."""

    def paint(self, **props: Any) -> None:  # noqa: ANN401 - whatever JSON holds
        """Show this."""
        changed = {name: value for name, value in props.items() if self.props.get(name) != value}
        if changed:
            self.props.update(changed)
            self.update()

    def on_act(self, done: Done) -> None:
        """Call ``done`` with what a button or form of it says."""

        def heard(event: GenericEventArguments) -> Awaitable[None]:
            return done(told(event.args))

        self.on("act", heard)


class Text(TextElement):
    """Our own words, which do not change, in a tag."""

    def __init__(self, tag: str, text: str) -> None:
        """Write it; ``text`` is ours, never a topic's."""
        super().__init__(tag=tag, text=text)


class Said(Painted, component=STATIC / "tape_line.js", dependencies=LIBRARIES):
    """One line of pieces in a tag."""

    def __init__(self, tag: str = "div", line: Line = (), *, on_act: Done | None = None) -> None:
        """Begin with a line, or with none."""
        super().__init__()
        self.props["as"] = tag
        self.props["pieces"] = wire(line)
        if on_act:
            self.on_act(on_act)

    def say(self, line: Line) -> None:
        """Show these pieces instead."""
        self.paint(pieces=wire(line))


class Sheet(Painted, component=STATIC / "tape_sheet.js", dependencies=LIBRARIES):
    """A real table: caption, headers, rows with keys, and how many more there are."""

    def __init__(
        self,
        caption: str,
        columns: Sequence[Column],
        *,
        caption_hidden: bool = False,
        stacked: bool = False,
        locked: bool = False,
        on_act: Done | None = None,
    ) -> None:
        """Begin empty. A hidden caption is for screen readers: a heading beside it says the same.

        ``stacked`` draws rows as cards where there is no room for columns; on a phone all are. ``locked`` shows
        buttons to those who may not use them.
        """
        super().__init__()
        self.props["caption"] = caption
        self.props["columns"] = wire(tuple(columns))
        self.props["hidden_caption"] = caption_hidden
        self.props["stacked"] = stacked
        self.props["locked"] = locked
        if on_act:
            self.on_act(on_act)

    def show(self, shown: Rows) -> None:
        """Show these rows instead."""
        self.paint(rows=wire(shown.rows), more=shown.more, empty=shown.empty)


class Select(Struct, frozen=True):
    """One choice of a form."""

    name: Literal["choice", "scope"]
    """The field of `Told` it comes back in."""
    label: str
    options: tuple[tuple[str, str], ...]
    """Value and words of each; the first is chosen at first."""


class Ask(Painted, component=STATIC / "tape_ask.js", dependencies=LIBRARIES):
    """A form for an act: a choice where there is one, a reason, a button."""

    def __init__(
        self,
        act: str,
        label: str,
        on_act: Done,
        *,
        selects: Sequence[Select] = (),
        reason: bool = True,
        hint: str = "",
    ) -> None:
        """Make it; every word in it is ours."""
        super().__init__()
        self.props.update(
            {
                "act": act,
                "label": label,
                "selects": wire(tuple(selects)),
                "reason": reason,
                "hint": hint,
            }
        )
        self.on_act(on_act)


class Facts(Painted, component=STATIC / "tape_facts.js", dependencies=LIBRARIES):
    """Terms and what is known of each: a list of definitions."""

    def __init__(self, *, wide: bool = False) -> None:
        """Begin empty; a wide one has two columns where there is room."""
        super().__init__()
        self.props.update({"rows": [], "wide": wide})

    def show(self, facts: Sequence[Fact]) -> None:
        """Show these instead."""
        self.paint(rows=wire(tuple(facts)))


class Lines:
    """Lines under each other, as many as there are."""

    def __init__(self, tag: str = "p", classes: str = "said-line") -> None:
        """Begin with none."""
        self._box = block("div")
        self._tag, self._classes = tag, classes
        self._lines: list[Said] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Show these instead, with as few changes as may be."""
        while len(self._lines) > len(lines):
            self._lines.pop().delete()
        for said, line in zip(self._lines, lines, strict=False):
            said.say(line)
        with self._box:
            for line in lines[len(self._lines) :]:
                self._lines.append(Said(self._tag, line).classes(self._classes))


class Pulse(Painted, component=STATIC / "tape_pulse.js", dependencies=LIBRARIES):
    """The stream's beat, the clock with its zone, and the browser's own word when no beat comes."""


class Keys(Painted, component=STATIC / "tape_keys.js", dependencies=LIBRARIES):
    """The pages' keys and the dialog that lists them."""


def block(tag: str, classes: str = "", **props: str) -> Element:
    """Return a container; props are attributes of ours, ``aria_label`` for ``aria-label``."""
    made = ui.element(tag)
    if classes:
        made.classes(classes)
    made.props.update({name.replace("_", "-"): value for name, value in props.items()})
    return made


def section(heading: str, classes: str = "") -> Element:
    """Return a section with a heading, in which what follows stands."""
    made = block("section", f"part {classes}".strip(), aria_label=heading)
    with made:
        Text("h2", heading)
    return made


def words(*texts: str) -> Line:
    """Return plain words as a line."""
    return tuple(Words(text) for text in texts)
