"""What an address answers that has nothing to show. Of no page it is a page of ours: NiceGUI's own page for it needs `eval`, which ours may not have."""

from nicegui import ui
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from streams.serving.found import Missing

from . import links

_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page - Tapereader</title><link rel="stylesheet" href="/_tape/pages.css"></head>
<body><main class="page" id="main"><h1>There is no such page</h1>
<p>The address may be mistyped, or of another version. <a href="{links.OVERVIEW}">The overview</a> leads on.</p></main></body></html>
"""


_STATUS = {"deleted": 410, "unreadable": 410, "not_committed": 410, "unreachable": 503}
"""By why there is no record; otherwise nobody knows it: 404."""


async def nowhere(request: Request, error: Exception) -> Response:
    """Answer what no page does; the address is not repeated."""
    del request, error
    return HTMLResponse(_PAGE, status_code=404, headers={"cache-control": "no-store"})


def tell_missing(found: Missing | None = None) -> None:
    """Have the page that is being drawn answer as the API does for what is not there, or cannot be read; it says why itself."""
    why = found.why if found else "not_found"
    ui.context.client.status_code = _STATUS.get(why, 404)
