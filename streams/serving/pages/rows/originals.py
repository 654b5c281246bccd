"""Bytes nobody could use, as escapes: whatever they are, nothing in them steers who looks at them. PURE."""

from msgspec import Struct

BYTES_SHOWN_MAX = 4_096
"""Of an original: enough to see what it is; the rest is in the log."""
HEX_ROW, TEXT_ROW = 16, 96
"""Bytes, and characters, of a line."""
BYTES_WORDS = "Shown as escapes: whatever they are, nothing here reads them."


class Original(Struct, frozen=True, kw_only=True):
    """Bytes nobody could use, in two writings; neither is read by anything."""

    text: tuple[str, ...]
    """Lines, with every control character, and what is no UTF-8, as an escape."""
    hex: tuple[str, ...]
    """Offset, bytes, and what is printable of them."""
    note: str


def original_of(value: bytes) -> Original:
    """Return bytes as text with escapes, and as hexadecimal digits; of many the first."""
    shown = value[:BYTES_SHOWN_MAX]
    note = ""
    if len(shown) < len(value):
        note = f"The first {len(shown):,} of {len(value):,} bytes. The rest is in the log."
    return Original(text=tuple(escaped(shown)), hex=tuple(hex_rows(shown)), note=note)


def escaped(value: bytes) -> list[str]:
    """Return bytes as lines of printable ASCII: everything else is an escape, so that nothing steers who reads it."""
    text = value.decode("utf-8", errors="backslashreplace")
    made = "".join(c if " " <= c <= "~" else _escape(c) for c in text)
    return [made[i : i + TEXT_ROW] for i in range(0, len(made), TEXT_ROW)] or ["(no bytes)"]


def hex_rows(value: bytes) -> list[str]:
    """Return rows of sixteen bytes: offset, digits, and what is printable."""
    rows = []
    for at in range(0, len(value), HEX_ROW):
        part = value[at : at + HEX_ROW]
        seen = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in part)  # noqa: PLR2004 - printable ASCII
        rows.append(f"{at:06x}  {part.hex(' '):<{HEX_ROW * 3}} {seen}")
    return rows


def _escape(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "\\n"
    if code < 0x100:  # noqa: PLR2004 - one byte
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - two bytes
