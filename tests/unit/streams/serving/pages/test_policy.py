"""A page's scripts run by their nonce alone."""

from starlette.types import Message, Receive, Scope, Send

from streams.serving.pages.policy import NONCE_KEY, NonceMiddleware, page_policy

PAGE = b"<html><script>a()</script><script src=x></script>{&lt;script&gt;}</html>"


def app_of(kind: bytes, *parts: bytes) -> NonceMiddleware:
    """An app that answers with these parts."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        length = str(sum(map(len, parts))).encode()
        headers = [(b"content-type", kind), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for i, part in enumerate(parts):
            await send(
                {"type": "http.response.body", "body": part, "more_body": i + 1 < len(parts)}
            )

    return NonceMiddleware(app)


async def answer(app: NonceMiddleware, state: dict[str, str]) -> tuple[Message, bytes]:
    """What the app sends: its start, and all of its body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await app({"type": "http", "state": state}, receive, send)
    return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


async def test_every_script_of_a_page_gets_the_nonce() -> None:
    """Text that only looks like one is data, and is left as it is; the length is that of what is sent."""
    half = len(PAGE) // 2
    app = app_of(b"text/html; charset=utf-8", PAGE[:half], PAGE[half:])
    start, body = await answer(app, {NONCE_KEY: "n0"})
    assert body.count(b'<script nonce="n0"') == PAGE.count(b"<script") == 2
    assert b"{&lt;script&gt;}" in body
    assert dict(start["headers"])[b"content-length"] == str(len(body)).encode()


async def test_what_is_no_page_is_passed_on() -> None:
    """A script may speak of `<script`."""
    _, body = await answer(app_of(b"text/javascript", PAGE), {NONCE_KEY: "n0"})
    assert body == PAGE


async def test_without_a_guard_nothing_is_marked() -> None:
    """There is no policy to run under."""
    _, body = await answer(app_of(b"text/html", PAGE), {})
    assert body == PAGE


def test_the_policy_names_no_other_host_and_no_eval() -> None:
    """And scripts only by file of ours or by nonce."""
    policy = dict(part.split(" ", 1) for part in page_policy("n0").split("; "))
    assert policy["script-src"] == "'self' 'nonce-n0'"
    assert policy["default-src"] == "'none'"
    assert policy["style-src-elem"] == "'self' 'nonce-n0'"
    assert "unsafe-inline" not in page_policy("n0")
    assert "unsafe-eval" not in page_policy("n0")
    assert "http" not in page_policy("n0")
