"""What an address answers that has nothing to show. Of no page it is a page of ours: NiceGUI's own page for it needs `eval`, which ours may not have."""

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streams.serving.found import Missing

from . import links

log = structlog.get_logger()
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page - Tapereader</title><link rel="stylesheet" href="/_tape/pages.css"></head>
<body><main class="page" id="main"><h1>There is no such page</h1>
<p>The address may be mistyped, or of another version. <a href="{links.OVERVIEW}">The overview</a> leads on.</p></main></body></html>
"""


_BROKEN = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Not shown - Tapereader</title><link rel="stylesheet" href="/_tape/pages.css"></head>
<body><main class="page" id="main"><h1>This page cannot be shown</h1>
<p>Something is wrong with the dashboard itself; its log says more. <a href="{links.OVERVIEW}">The overview</a> leads on.</p></main></body></html>
"""
_STATUS = {"deleted": 410, "unreadable": 410, "not_committed": 410, "unreachable": 503}
"""By why there is no record; otherwise nobody knows it: 404."""


async def nowhere(request: Request, error: Exception) -> Response:
    """Answer what no page does; the address is not repeated."""
    del request, error
    return HTMLResponse(_PAGE, status_code=404, headers={"cache-control": "no-store"})


async def broken(request: Request, error: Exception) -> Response:
    """Answer for a page that failed. NiceGUI's own tells what the error says, which may be anything."""
    log.error("a page failed", path=request.url.path, exc_info=error)
    return HTMLResponse(_BROKEN, status_code=500, headers={"cache-control": "no-store"})


def status_of(found: Missing | None) -> int:
    """Return what a page answers that has nothing to show, as the API does: 404 unless it is known to be gone or away."""
    return _STATUS.get(found.why, 404) if found else 404
