"""Reads the plain part of YAML that our compose files keep to, and refuses the rest.

The locks hold no YAML reader. This one knows mappings, sequences of scalars, flow collections that end on
their line, quoted and plain scalars, comments, anchors, aliases and merges.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

_KEY = re.compile(r'(?P<key>"[^"]*"|<<|[A-Za-z0-9_./-]+):(?: +(?P<rest>.+))?$')
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[\]{},]|[^\[\]{},"\']+)')
_WORDS = {"true": True, "false": False, "null": None, "~": None}


class NotPlainError(Exception):
    """A line uses something that this reader does not know, or that is wrong."""


class Line(NamedTuple):
    """A line with something on it."""

    number: int
    indent: int
    text: str

    def refuse(self, why: str) -> NoReturn:
        """Raise the error that names this line."""
        message = f"line {self.number}: {why}: {self.text}"
        raise NotPlainError(message)


def read(path: Path) -> Any:
    """Return what a file holds."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Any:
    """Return what a text holds.

    Raises:
        NotPlainError: It uses more than the plain part, or is no YAML.
    """
    lines = [
        Line(number, len(bare) - len(bare.lstrip(" ")), bare.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if (bare := _without_comment(line)).strip()
    ]
    return _Reader(lines).whole()


def _without_comment(line: str) -> str:
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and (at == 0 or line[at - 1] in " [{,"):
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] == " "):
            return line[:at].rstrip()
    return line.rstrip()


class _Reader:
    def __init__(self, lines: list[Line]) -> None:
        self._lines, self._at = lines, 0
        self._anchors: dict[str, Any] = {}

    def whole(self) -> Any:
        value = self._block(0)
        if self._at < len(self._lines):
            self._lines[self._at].refuse("does not belong to what stands above")
        return value

    def _block(self, indent: int) -> Any:
        if self._at == len(self._lines):
            message = "the text ends where a value is due"
            raise NotPlainError(message)
        line = self._lines[self._at]
        if line.indent < indent:
            line.refuse("a value is due before it")
        return (
            self._sequence(line.indent)
            if line.text.startswith("- ")
            else self._mapping(line.indent)
        )

    def _sequence(self, indent: int) -> list[Any]:
        items = []
        while (line := self._next(indent)) is not None:
            if not line.text.startswith("- "):
                line.refuse("no item of this sequence")
            items.append(self._value(line, line.text[2:].strip()))
        return items

    def _mapping(self, indent: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while (line := self._next(indent)) is not None:
            found = _KEY.match(line.text)
            if found is None:
                line.refuse("no `key: value`")
            key = found["key"].strip('"')
            value = self._value(line, found["rest"] or "")
            if key == "<<":
                merged |= value
            elif key in own:
                line.refuse("said twice")
            else:
                own[key] = value
        return merged | own

    def _next(self, indent: int) -> Line | None:
        if self._at == len(self._lines) or self._lines[self._at].indent < indent:
            return None
        line = self._lines[self._at]
        if line.indent > indent:
            line.refuse("indented too far")
        self._at += 1
        return line

    def _value(self, line: Line, text: str) -> Any:
        if text.startswith("&"):
            name, _, rest = text[1:].partition(" ")
            self._anchors[name] = value = self._value(line, rest.strip())
            return value
        if text.startswith("*"):
            if text[1:] not in self._anchors:
                line.refuse("no such anchor")
            return self._anchors[text[1:]]
        if not text:
            return self._block(line.indent + 1)
        if text[0] in "|>!%@`":
            line.refuse("not plain")
        return _Flow(line, text).whole() if text[0] in "[{" else _scalar(line, text)


class _Flow:
    def __init__(self, line: Line, text: str) -> None:
        self._line = line
        self._left = [str(found).strip() for found in _TOKEN.findall(text)]

    def whole(self) -> Any:
        value = self._value()
        if self._left:
            self._line.refuse("something behind the closing bracket")
        return value

    def _value(self) -> Any:
        first = self._take()
        if first == "[":
            return self._until("]", self._value)
        if first == "{":
            return dict(self._until("}", self._pair))
        return _scalar(self._line, first)

    def _until(self, end: str, one: Any) -> list[Any]:
        found = []
        while self._left and self._left[0] != end:
            found.append(one())
            if self._left and self._left[0] == ",":
                self._take()
        if not self._left:
            self._line.refuse("not closed on its line")
        self._take()
        return found

    def _pair(self) -> tuple[str, Any]:
        key, colon, rest = self._take().partition(":")
        if not colon:
            self._line.refuse("no `key: value` in braces")
        return key.strip(), _scalar(self._line, rest.strip()) if rest.strip() else self._value()

    def _take(self) -> str:
        if not self._left:
            self._line.refuse("ends too early")
        return self._left.pop(0)


def _scalar(line: Line, text: str) -> str | float | bool | None:
    if text[:1] in {'"', "'"}:
        if len(text) == 1 or text[-1] != text[0]:
            line.refuse("a quotation that does not end")
        return str(json.loads(text)) if text[0] == '"' else text[1:-1]
    if ": " in text or text.endswith(":"):
        line.refuse("a mapping inside a line; write it in braces")
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?", text):
        return float(text) if "." in text else int(text)
    return text
