"""What a picture of a page says, and where it leads: every text and every link in it."""

from collections.abc import Iterator
from typing import Any

import msgspec


def texts(value: object) -> list[str]:
    """Every text in a picture, as the browser gets it."""
    return [text for name, text in _all(msgspec.to_builtins(value)) if name != "href"]


def hrefs(value: object) -> list[str]:
    """Every link in a picture."""
    return [text for name, text in _all(msgspec.to_builtins(value)) if name == "href"]


def said(value: object) -> str:
    """All its texts in a row."""
    return " ".join(texts(value))


def _all(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, held in value.items():
            yield from _all(held, str(key))
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _all(held, name)
