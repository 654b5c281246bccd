"""What a page may load and run, and the nonce by which its own inline scripts and styles are known: no others, no `eval`."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

NONCE_KEY = "csp_nonce"
"""In ``scope["state"]``: put there by the guard, which also sends the policy that names it."""
_MARKED = (b"<script", b"<style")
_HIDDEN = "'sha256-ZdHxw9eWtnxUb3mk6tBS+gIiVUPE3pGM470keHPDFlE='"
"""Of `display: none`, the one style that stands in an attribute of NiceGUI's page."""


def page_policy(nonce: str) -> str:
    """Return the Content-Security-Policy of a page whose scripts and styles carry a nonce.

    Everything comes from this host. What Vue, Quasar and the charts style they style through the DOM, which needs no
    leave; tried in Chromium with every page.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src-elem 'self' 'nonce-{nonce}'",
            f"style-src-attr 'unsafe-hashes' {_HIDDEN}",
            "img-src 'self'",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class NonceMiddleware:
    """Marks every script and style element of an HTML page.

    Data in a page stands as JSON whose angle brackets NiceGUI escapes, so that each of them in it is the page's own.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; hold an HTML page back until it is whole, and mark it."""
        nonce = scope.get("state", {}).get(NONCE_KEY)
        if scope["type"] != "http" or not isinstance(nonce, str):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Marking(nonce, send).send)


class _Marking:
    """The sending side of one request."""

    def __init__(self, nonce: str, send: Send) -> None:
        self._mark = f' nonce="{nonce}"'.encode()
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Send on what is no page at once; a page when it is whole."""
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        elif message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_page(self._start)

    async def _send_page(self, start: Message) -> None:
        page = bytes(self._body)
        for tag in _MARKED:
            page = page.replace(tag, tag + self._mark)
        kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
        await self._send(
            {**start, "headers": [*kept, (b"content-length", str(len(page)).encode())]}
        )
        await self._send({"type": "http.response.body", "body": page})


def _is_html(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/html")
        for name, value in start["headers"]
    )
