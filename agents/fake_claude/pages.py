"""Lists by the page, as the API cuts them."""

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import refuse

LIMIT_MAX = 1_000
"""Items of one page."""
_LIMIT = 20


def page(items: Sequence[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page a query asks for: ``limit``, and ``after_id`` or ``before_id``.

    A cursor that names nothing here is passed over: the page begins at the list's beginning.

    Raises:
        ApiError: 400, for a limit out of range.
    """
    limit = _limit(query)
    ids = [item["id"] for item in items]
    before, after = query.get("before_id"), query.get("after_id")
    if before in ids:
        end = ids.index(before)
        start = max(end - limit, 0)
        has_more = start > 0
    else:
        start = ids.index(after) + 1 if after in ids else 0
        end = start + limit
        has_more = end < len(items)
    data = list(items[start:end])
    return {
        "data": data,
        "has_more": has_more,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
    }


def _limit(query: Mapping[str, str]) -> int:
    given = query.get("limit", str(_LIMIT))
    if not given.isdecimal() or not 1 <= int(given) <= LIMIT_MAX:
        refuse(f"limit: {given!r} is not a number from 1 to {LIMIT_MAX}")
    return int(given)
