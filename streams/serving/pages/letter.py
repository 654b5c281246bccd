"""One dead letter: why, what to do, and its bytes, which nothing here reads."""

from nicegui import ui

from streams.serving.found import Missing
from streams.serving.redrive import Chosen

from . import links
from .desk import READ_S, Desk
from .elements import Facts, Lines, Said, Text, block, section
from .frame import page_frame, tell_missing
from .letters import Redriving
from .pieces import Mark, Words
from .rows import letters as rows
from .rows.originals import BYTES_WORDS, Original, original_of

ID_CHARS_MAX = 200
"""Of an address: the view keeps no longer ids."""


def declare(desk: Desk) -> None:
    """Declare the page."""

    @ui.page(
        links.LETTERS + "/{letter_id:path}",
        title="Dead letter · Tapereader",
        response_timeout=READ_S,
    )
    async def page(letter_id: str) -> None:
        wanted = letter_id[:ID_CHARS_MAX]
        letter = desk.view.letter(wanted)
        whole = await desk.lookup.record(letter.place) if letter and desk.lookup else None
        with page_frame(desk, "Dead letter", here=links.LETTERS) as frame:
            if letter is None:
                tell_missing()
                with block("section", "part"):
                    Lines().show(rows.UNKNOWN)
                return
            told = rows.letter_of(letter)
            with block("section", "part", aria_label="What it is"):
                Said("p", (Words(wanted, tone="quiet"),)).classes("mono")
                Said("p", told.lead).classes("lead")
                Facts().show(told.about)
            with section("Its bytes"):
                if whole is None or isinstance(whole, Missing):
                    why = whole.words if whole else "this page has no way to the log"
                    Said("p", (Mark("warning", "Not read"), Words(why)))
                else:
                    _paint_bytes(original_of(whole.value or b""))
                    Said("p", rows.around(letter, whole.value or b""))
            Redriving(frame, Chosen(ids=frozenset({wanted})), "Send it again")


def _paint_bytes(original: Original) -> None:
    Said("p", (Words(BYTES_WORDS, tone="quiet"), Words(original.note, tone="doubt")))
    for heading, lines in (("As text", original.text), ("As bytes", original.hex)):
        Text("h3", heading)
        with block("div", "bytes", tabindex="0", role="region", aria_label=heading):
            Text("pre", "\n".join(lines))  # printable ASCII alone, by `escaped` and `hex_rows`
