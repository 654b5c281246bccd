"""Bytes that may be anything, as text that commands nothing. PURE."""

_PRINTABLE = {byte: chr(byte) for byte in range(0x20, 0x7F)} | {ord("\\"): "\\\\"}
_TOLD = [_PRINTABLE.get(byte, f"\\x{byte:02x}") for byte in range(256)]


def escaped_bytes(data: bytes) -> str:
    r"""Return bytes as printable ASCII: others stand as `\xNN`, a backslash as two. It can be read back."""
    return "".join(map(_TOLD.__getitem__, data))
