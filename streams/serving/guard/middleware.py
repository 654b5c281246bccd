"""The guard as ASGI: one thing in front of everything, http and websocket alike. It decides nothing itself."""

import secrets
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streams.serving.settings import ServeSettings

from . import sign_in
from .access import Access
from .addresses import client_of
from .gate import API, COOKIE, SIGN_IN, SIGN_OUT, Asked, ComeAgain, Door, Gate, SignIn
from .headers import ALWAYS, CLOSED
from .problem import Problem
from .sockets import Socket
from .tokens import Keyring

REFUSED_CLOSE_CODE = 1008
"""Policy violation, where a websocket cannot be answered by HTTP."""
_DROPPED = (b"x-forwarded-prefix",)
"""NiceGUI would write it into its page as it is."""
LENGTH_DIGITS_MAX = 12
"""Of `Content-Length`: far beyond any bound."""
PagePolicy = Callable[[str], str]
"""Returns the Content-Security-Policy of a page whose scripts carry a nonce."""

Answered = Callable[[str, float], None]
"""Called with the path and how many seconds the answer took."""


def _nobody(path: str, took_s: float) -> None:
    """Take no notice."""


class Guard:
    """Stands before an application."""

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        *,
        page_policy: PagePolicy = lambda _: CLOSED,
        answered: Answered = _nobody,
        monotonic_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        """Stand before ``app``; clocks are arguments."""
        self.app = app
        """What is guarded; uvicorn's server is found through it."""
        self._settings = settings
        self._keyring = Keyring(settings)
        self.gate = Gate(settings, self._keyring)
        self._page_policy, self._answered = page_policy, answered
        self._monotonic_s, self._wall_s = monotonic_s, wall_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or answer."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = asked_of(scope)
        verdict = self.gate.judge(asked, now_s=self._monotonic_s(), wall_s=self._wall_s())
        path = _path_and_query(scope)
        match verdict:
            case Access():
                await self._let_in(scope, receive, send, asked, verdict)
            case Door():
                await _answer(scope, send, await self._at_the_door(scope, receive, asked))
            case SignIn():
                await _answer(scope, send, sign_in.to_page(path))
            case ComeAgain():
                await _answer(scope, send, sign_in.come_again(path))
            case _:
                await _refuse(scope, send, verdict)

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, asked: Asked, access: Access
    ) -> None:
        nonce, holds = secrets.token_urlsafe(16), self._holds(asked)
        state = {
            **scope.get("state", {}),
            "access": access,
            "holds": holds,
            "client": asked.client,
            "csp_nonce": nonce,
        }
        kept = [(name, value) for name, value in scope["headers"] if name not in _DROPPED]
        inner = {**scope, "state": state, "headers": kept}
        if scope["type"] == "websocket":
            await self._open(inner, receive, send, asked, holds)
            return
        policy = CLOSED if asked.path.startswith(API) else self._page_policy(nonce)

        async def outwards(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": with_headers(message.get("headers", ()), policy)}
            await send(message)

        began_s = self._monotonic_s()
        try:
            await self.app(inner, receive, outwards)
        finally:
            self._answered(asked.path, self._monotonic_s() - began_s)

    async def _open(
        self, scope: Scope, receive: Receive, send: Send, asked: Asked, holds: Callable[[], bool]
    ) -> None:
        if (refusal := self.gate.seats.refusal(asked.client)) is not None:
            self.gate.counts[refusal.code] += 1
            await _refuse(scope, send, refusal)
            return
        socket = Socket(
            receive,
            send,
            holds=holds,
            may_say=lambda: not self.gate.asked.take(asked.client, self._monotonic_s()),
            ended=lambda why: self.gate.ended.update([why]),
        )
        with self.gate.seats.seat(asked.client):
            await self.app(scope, socket.receive, socket.send)

    def _holds(self, asked: Asked) -> Callable[[], bool]:
        """Return what tells whether an access holds: a token's does as long as the process, a cookie's not."""
        if not self._settings.tokens or asked.authorization is not None:
            return lambda: True
        cookie = asked.cookie or ""
        return lambda: self._keyring.access_by_cookie(cookie, self._wall_s()) is not None

    async def _at_the_door(self, scope: Scope, receive: Receive, asked: Asked) -> sign_in.Answer:
        if not self._settings.tokens:
            return sign_in.redirect("/")
        match asked.path, asked.method:
            case (path, "POST") if path == SIGN_OUT:
                self._keyring.sign_out(asked.cookie or "", self._wall_s())
                gone = sign_in.session_cookie("", max_age_s=0, secure=_is_secure(scope))
                return sign_in.redirect(SIGN_IN, gone)
            case (path, "POST") if path == SIGN_IN:
                return self._shown(sign_in.read_form(await _body(receive)), scope, asked)
            case (path, "GET" | "HEAD") if path == SIGN_IN:
                return sign_in.page(next_path=sign_in.wanted(scope["query_string"]))
        return sign_in.page(next_path="/", told="This is not done so.", status=405)

    def _shown(self, form: sign_in.Form | None, scope: Scope, asked: Asked) -> sign_in.Answer:
        """Answer who showed a token on the page."""
        if form is None:
            return sign_in.page(next_path="/", told="That was not the form's.", status=400)
        found = self.gate.show(form.token, asked.client, self._monotonic_s())
        if isinstance(found, Problem):
            self.gate.counts[found.code] += 1
            return sign_in.page_after(found, form)
        lasts_s = int(self._settings.session_hours * 3_600)
        value = self._keyring.cookie(found, expires_s=int(self._wall_s()) + lasts_s)
        cookie = sign_in.session_cookie(value, max_age_s=lasts_s, secure=_is_secure(scope))
        return sign_in.redirect(form.next, cookie)


def asked_of(scope: Scope) -> Asked:
    """Return what the guard looks at of a request."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    found: dict[bytes, list[str]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value.decode("latin-1"))

    def only(name: bytes) -> str | None:
        values = found.get(name, [])
        return values[0] if len(values) == 1 else None

    return Asked(
        kind=scope["type"],
        method=scope.get("method", "GET"),
        path=scope["path"],
        client=client_of((scope.get("client") or ("",))[0]),
        headers=len(headers),
        header_bytes=sum(len(name) + len(value) for name, value in headers),
        host=only(b"host"),
        # Of several, none: what cannot be told is not one of ours.
        origin=only(b"origin") if len(found.get(b"origin", [])) < 2 else "",  # noqa: PLR2004
        authorization=None if b"authorization" not in found else only(b"authorization") or "",
        cookie=_session_of(found.get(b"cookie", [])),
        length=_length_of(found),
        fetch_site=only(b"sec-fetch-site"),
        fetch_mode=only(b"sec-fetch-mode"),
        accepts_html="text/html" in ",".join(found.get(b"accept", [])),
    )


def with_headers(
    given: "list[tuple[bytes, bytes]] | tuple[()]", policy: str
) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with the guard's; a stricter policy that an answer brought stays."""
    named = {name.lower() for name, _ in given}
    ours = [*ALWAYS, ("content-security-policy", policy)]
    return [*given, *((n.encode(), v.encode()) for n, v in ours if n.encode() not in named)]


def _length_of(headers: dict[bytes, list[str]]) -> int | None:
    """Return how long a body is: 0 without one, None where that is not said before it comes."""
    told = headers.get(b"content-length", ["0"])
    if b"transfer-encoding" in headers or len(told) != 1 or not told[0].isdecimal():
        return None
    return int(told[0][:LENGTH_DIGITS_MAX])


def _session_of(cookies: list[str]) -> str | None:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load("; ".join(cookies))
    except CookieError:
        return None
    morsel = jar.get(COOKIE)
    return None if morsel is None else morsel.value


def _is_secure(scope: Scope) -> bool:
    return scope.get("scheme") in ("https", "wss")


def _path_and_query(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    raw = scope.get("raw_path") or scope["path"].encode()
    path: str = raw.decode("latin-1")
    return f"{path}?{query}" if query else path


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= sign_in.FORM_BYTES_MAX:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body
    return b""


async def _refuse(scope: Scope, send: Send, problem: Problem) -> None:
    await _answer(
        scope,
        send,
        sign_in.Answer(problem.status, problem.headers(), problem.body(scope["path"])),
    )


async def _answer(scope: Scope, send: Send, answer: sign_in.Answer) -> None:
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": REFUSED_CLOSE_CODE})
            return
        kind = "websocket.http.response"
    given = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers]
    given.append((b"content-length", str(len(answer.body)).encode()))
    headers = with_headers(given, CLOSED)
    body = b"" if scope.get("method") == "HEAD" else answer.body
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
