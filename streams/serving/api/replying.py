"""Replies as bytes: what is told, when, and a tag by which a reader learns that nothing is different.

The tag is of what is told, not of the clock: `now_ms` stands beside it, and an age is `now_ms` minus `as_of_ms`.
"""

from hashlib import blake2b

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from topics.codec import encode_checked

LIVE = "private, no-cache"
"""Kept by a reader, and asked about each time."""
FIXED = "private, max-age=3600, immutable"
"""Of what an id fixes for good."""
MEDIA_TYPE = "application/json"
TAGS_CHARS_MAX = 4_000
"""Of `If-None-Match`; beyond it the whole is sent."""


def reply(
    request: Request,
    told: Struct,
    *,
    now_ms: int,
    same_as: Struct | None = None,
    cache: str = LIVE,
    status: int = 200,
) -> Response:
    """Return a reply, or 304 where the reader has it.

    ``same_as`` is what is told without its ages, where there are any in it: they alone make no difference.
    """
    body = encode_checked(told)  # all doubles in it were read from JSON, which has no NaN
    tag = tag_of(body if same_as is None else encode_checked(same_as))
    headers = {"etag": tag, "cache-control": cache, "vary": "authorization, cookie"}
    if status == 200 and has(request.headers.get("if-none-match", ""), tag):  # noqa: PLR2004 - HTTP's
        return Response(status_code=304, headers=headers)
    head = b'{"now_ms":' + msgspec.json.encode(now_ms)
    whole = head + (b"," if len(body) > 2 else b"") + body[1:]  # noqa: PLR2004 - `{}`
    return Response(whole, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def tag_of(body: bytes) -> str:
    """Return the tag of what is told: a weak one, as `now_ms` beside it differs."""
    return f'W/"{blake2b(body, digest_size=12).hexdigest()}"'


def has(given: str, tag: str) -> bool:
    """Return whether a reader's `If-None-Match` says that it has it; weak or strong is the same here."""
    if len(given) > TAGS_CHARS_MAX:
        return False
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    return "*" in known or tag.removeprefix("W/") in known
