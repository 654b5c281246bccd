"""What both halves of the terminal view paint with. PURE."""

from rich.text import Text

from .words import plain

TROUBLE, DOUBT, OLD = "bold red", "yellow", "dim"


def line(text: str, style: str = "") -> Text:
    """Return topic text as one plain line that ends in an ellipsis where it does not fit."""
    return Text(plain(text), style=style, overflow="ellipsis", no_wrap=True)
