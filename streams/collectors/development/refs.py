"""The head in git's advertisement of a repository's references (gitprotocol-http, gitprotocol-pack): PURE."""

import re

PREFIX_BYTES = 16 * 1024
"""Enough for the service line, the head and the server's abilities (GitHub's: 600 bytes); the rest is not asked for."""
_LINES_MAX = 4
"""The service's line, a flush, the first reference; one more for servers that greet."""
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LENGTH = re.compile(rb"[0-9a-f]{4}", re.IGNORECASE)
_NO_REFERENCES = "capabilities^{}"


class NoAdvertisementError(ValueError):
    """These bytes are no advertisement, or name no head."""


def head_of(body: bytes) -> str:
    """Return the commit at HEAD; empty if the repository has none yet. The body may be cut off behind it.

    Raises:
        NoAdvertisementError: It is something else, or has references but no HEAD.
    """
    at = 0
    for _ in range(_LINES_MAX):
        line, at = _line(body, at)
        if line is None or line.startswith((b"#", b"version ")):
            continue
        told = line.partition(b"\0")[0].decode("ascii", "replace").strip()
        sha, _, name = told.partition(" ")
        if _SHA.fullmatch(sha) is None:
            break
        if name == "HEAD":
            return sha
        if name == _NO_REFERENCES:
            return ""
        break
    msg = "no head is advertised"
    raise NoAdvertisementError(msg)


def _line(body: bytes, at: int) -> tuple[bytes | None, int]:
    """Return the packet that begins there, None for a flush, and where the next one begins."""
    length = body[at : at + 4]
    if _LENGTH.fullmatch(length) is None:
        msg = f"no packet at byte {at}"
        raise NoAdvertisementError(msg)
    size = int(length, 16)
    if size == 0:
        return None, at + 4
    if size <= 4 or at + size > len(body):  # noqa: PLR2004 - the length counts its own four digits
        msg = f"a packet of {size} bytes at byte {at} of {len(body)}"
        raise NoAdvertisementError(msg)
    return body[at + 4 : at + size], at + size
