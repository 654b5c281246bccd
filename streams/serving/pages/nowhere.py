"""What an address shows that is no page's: NiceGUI's own page for it needs `eval`, which ours may not have."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from . import links

_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>No such page - Tapereader</title><link rel="stylesheet" href="/_tape/pages.css"></head>
<body><main class="page" id="main"><h1>There is no such page</h1>
<p>The address may be mistyped, or of another version. <a href="{links.OVERVIEW}">The overview</a> leads on.</p></main></body></html>
"""


async def nowhere(request: Request, error: Exception) -> Response:
    """Answer what no page does; the address is not repeated."""
    del request, error
    return HTMLResponse(_PAGE, status_code=404, headers={"cache-control": "no-store"})
