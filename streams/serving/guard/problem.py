"""Errors for programs: problem+json (RFC 9457), which says what is wrong and what is allowed. PURE."""

from typing import Any

import msgspec
from msgspec import Struct

MEDIA_TYPE = "application/problem+json"
DETAIL_CHARS_MAX = 500
"""A detail may cite what the caller sent."""
CITED_CHARS_MAX = 80

_TITLES = {
    "bad_request": "The request cannot be understood",
    "bad_cursor": "This cursor is none of ours",
    "unknown": "There is no such thing",
    "gone": "The log no longer has it",
    "too_many": "More was asked for than is given at once",
    "not_ready": "The topics have not been read to their ends yet",
    "log_away": "The log does not answer",
    "unauthorised": "A token is needed",
    "forbidden": "This token may not do that",
    "foreign_host": "It is not called by this name",
    "foreign_origin": "The request comes from another site's page",
    "rate_limited": "Too many requests",
    "too_large": "The request is too large",
    "method": "This is not done with this method",
    "conflict": "It cannot be done as things are",
    "defect": "Something is wrong with the server",
}


class Problem(Struct, frozen=True, kw_only=True):
    """Why a request was not served."""

    status: int
    code: str
    """One of a closed set; `type` is made of it."""
    detail: str
    allowed: str = ""
    """What would have been accepted, in words."""
    retry_after_s: int | None = None

    @property
    def title(self) -> str:
        """The code in words."""
        return _TITLES[self.code]

    def body(self, instance: str = "") -> bytes:
        """Return the document. ``instance`` is the path that was asked for."""
        told: dict[str, Any] = {
            "type": f"urn:tapereader:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail[:DETAIL_CHARS_MAX],
        }
        if self.allowed:
            told["allowed"] = self.allowed
        if instance:
            told["instance"] = instance[:DETAIL_CHARS_MAX]
        if self.retry_after_s is not None:
            told["retry_after_s"] = self.retry_after_s
        return msgspec.json.encode(told)

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that belong to it."""
        found = [("content-type", MEDIA_TYPE), ("cache-control", "no-store")]
        if self.retry_after_s is not None:
            found.append(("retry-after", str(self.retry_after_s)))
        if self.status == 401:  # noqa: PLR2004 - HTTP's
            found.append(("www-authenticate", 'Bearer realm="tapereader"'))
        return found


def cited(text: str) -> str:
    """Return what a caller sent, shortened and with nothing but printable characters."""
    plain = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: CITED_CHARS_MAX + 1]
    )
    return plain if len(plain) <= CITED_CHARS_MAX else plain[:CITED_CHARS_MAX] + "..."
