"""The page where a person shows a token and gets a cookie. PURE: forms in, answers out.

Our own HTML and nothing from elsewhere, no script; what a caller sent is never in it but escaped.
"""

import secrets
from html import escape
from http.cookies import SimpleCookie
from typing import NamedTuple
from urllib.parse import parse_qs, quote

from .gate import COOKIE, SIGN_IN
from .headers import CLOSED, sign_in_policy
from .problem import Problem

FORM_BYTES_MAX = 4 * 1024
FIELDS_MAX = 8
NEXT_CHARS_MAX = 500
_HTML = "text/html; charset=utf-8"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - Tapereader</title>
<style nonce="{nonce}">
:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:15vh auto 0;padding:0 1rem}}
label{{display:block;margin:1rem 0 .25rem}}
input,button{{font:inherit;width:100%;box-sizing:border-box;padding:.6rem}}
button{{margin-top:1rem}}
p[role=alert]{{border-left:.3rem solid #b3261e;padding-left:.7rem}}
</style></head>
<body><main><h1>Tapereader</h1>{told}
<form method="post" action="{action}"><input type="hidden" name="next" value="{next}">
<label for="token">Token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="current-password" maxlength="1000">
<button>Sign in</button></form>
<p>Whoever runs this pipeline gives tokens out: <code>serve.viewer_tokens</code> to look,
<code>serve.operator_tokens</code> to act.</p></main></body></html>
"""
_COME_AGAIN = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>Tapereader</title></head>
<body><p>One moment: <a href="{path}">go on</a>.</p></body></html>
"""


class Answer(NamedTuple):
    """A whole response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


class Form(NamedTuple):
    """What the page sent."""

    token: str
    next: str


def page(*, next_path: str, told: str = "", status: int = 200) -> Answer:
    """Return the page; ``told`` is a sentence about the last try."""
    nonce = secrets.token_urlsafe(16)
    html = _PAGE.format(
        nonce=nonce,
        action=SIGN_IN,
        next=escape(local_path(next_path), quote=True),
        told=f'<p role="alert">{escape(told)}</p>' if told else "",
    )
    return Answer(status, _of_html(sign_in_policy(nonce)), html.encode())


def page_after(problem: Problem, form: Form) -> Answer:
    """Return the page after a token that was not taken."""
    if problem.retry_after_s is None:
        return page(next_path=form.next, told="Nobody has this token.", status=problem.status)
    told = f"Too many wrong tokens. Wait {problem.retry_after_s} seconds."
    answer = page(next_path=form.next, told=told, status=problem.status)
    return answer._replace(headers=[*answer.headers, ("retry-after", str(problem.retry_after_s))])


def wanted(query: bytes) -> str:
    """Return the path that the page's own query names, where a person wanted to go."""
    try:
        fields = parse_qs(query.decode("ascii"), max_num_fields=FIELDS_MAX)
    except ValueError:
        return "/"
    return local_path(fields.get("next", ["/"])[0])


def to_page(path: str) -> Answer:
    """Send a person to the page, and from there to where they wanted."""
    return redirect(f"{SIGN_IN}?next={quote(local_path(path), safe='')}")


def come_again(path: str) -> Answer:
    """Have the browser ask once more by itself: then its cookie comes along."""
    html = _COME_AGAIN.format(path=escape(local_path(path), quote=True))
    return Answer(200, _of_html(CLOSED), html.encode())


def redirect(to: str, *more: tuple[str, str]) -> Answer:
    """Send a browser on; ``to`` is a path of ours."""
    return Answer(303, [("location", to), ("cache-control", "no-store"), *more])


def read_form(body: bytes) -> Form | None:
    """Return what the page sent; None: it was not the page."""
    try:
        fields = parse_qs(
            body.decode("ascii"), strict_parsing=True, max_num_fields=FIELDS_MAX, errors="strict"
        )
    except ValueError:
        return None
    token, following = fields.get("token", []), fields.get("next", ["/"])
    return Form(token[0], local_path(following[0])) if len(token) == 1 else None


def local_path(path: str) -> str:
    """Return a path of this server, `/` in the place of what might lead elsewhere."""
    plain = path.isprintable() and "\\" not in path and len(path) <= NEXT_CHARS_MAX
    ours = path.startswith("/") and not path.startswith(("//", SIGN_IN))
    return path if plain and ours else "/"


def session_cookie(value: str, *, max_age_s: int, secure: bool) -> tuple[str, str]:
    """Return the header that sets the cookie: for our own pages' requests alone, and for no script."""
    jar: SimpleCookie = SimpleCookie()
    jar[COOKIE] = value
    morsel = jar[COOKIE]
    morsel["path"], morsel["max-age"], morsel["samesite"] = "/", str(max_age_s), "Strict"
    morsel["httponly"], morsel["secure"] = "true", "true" if secure else ""
    return "set-cookie", morsel.OutputString()


def _of_html(policy: str) -> list[tuple[str, str]]:
    return [
        ("content-type", _HTML),
        ("content-security-policy", policy),
        ("cache-control", "no-store"),
    ]
