"""Whether a request may come in: the decisions of the guard, in the order they are taken. PURE: time is an argument.

1. headers and body in bounds   else 431, 411, 413
2. called by a name of ours     else 421: a name that was rebound to us is nobody's
3. not too often                else 429
4. from a page of ours          else 403, for websockets and whatever changes something
5. somebody we know             else 401, or for people the sign-in page
6. an operator, to act          else 403
"""

from collections import Counter
from typing import NamedTuple

from streams.serving.settings import ServeSettings

from .access import Access
from .addresses import host_and_port, is_own_origin
from .limits import Buckets, whole_seconds
from .problem import Problem, cited
from .seats import Seats
from .tokens import Keyring

HEADERS_MAX = 100
HEADER_BYTES_MAX = 16 * 1024
"""Of all headers; the longest cursor of a live stream is a few thousand bytes."""
SIGN_IN, SIGN_OUT = "/signin", "/signout"
API = "/api/"
COOKIE = "tapereader_session"
BEARER_CHARS_MAX = 1_000
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOOPBACK = "loopback"


class Asked(NamedTuple):
    """What the guard looks at of a request."""

    kind: str
    """`http` or `websocket`."""
    method: str
    path: str
    client: str
    headers: int
    header_bytes: int
    host: str | None = None
    """None: no `Host`, or several."""
    origin: str | None = None
    authorization: str | None = None
    cookie: str | None = None
    """The session's."""
    length: int | None = 0
    """Of the body; None: not said before it comes."""
    fetch_site: str | None = None
    fetch_mode: str | None = None
    accepts_html: bool = False

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.kind == "websocket" or self.method not in _SAFE

    @property
    def by_a_person(self) -> bool:
        """Whether a browser asks for a page."""
        return (
            self.accepts_html and self.method in ("GET", "HEAD") and not self.path.startswith(API)
        )


class SignIn(NamedTuple):
    """A person is to sign in."""


class ComeAgain(NamedTuple):
    """A person followed a link from another site, whose requests carry no cookie of ours: their own will."""


class Door(NamedTuple):
    """The sign-in page itself, which is open to all."""


Verdict = Access | Problem | SignIn | ComeAgain | Door


class Gate:
    """Decides, and remembers how much each client asked."""

    def __init__(self, settings: ServeSettings, keyring: Keyring) -> None:
        """Begin with nobody heard of."""
        self._settings, self._keyring = settings, keyring
        self._hosts = settings.hosts
        rates, most = settings.rates, settings.rates.clients_max
        self.asked = Buckets(
            rate_per_s=rates.requests_per_s, burst=rates.requests_burst, clients_max=most
        )
        self.refused = Buckets(
            rate_per_s=rates.refusals_per_min / 60, burst=rates.refusals_per_min, clients_max=most
        )
        self.counts: Counter[str] = Counter()
        """Refusals, by the problem's code."""
        self.seats = Seats(settings.viewers_max, settings.viewers_per_client_max)
        """Of the pages' websockets."""
        self.ended: Counter[str] = Counter(rate_limited=0, signed_out=0, unread=0)
        """Websockets that the guard ended, by why."""

    def judge(self, asked: Asked, *, now_s: float, wall_s: float) -> Verdict:
        """Return who may come in, or why not. ``now_s`` is monotonic, ``wall_s`` since the epoch."""
        refusal = (
            self._bounds(asked)
            or self._host(asked)
            or self._often(asked, now_s)
            or self._origin(asked)
        )
        found: Verdict = refusal or self._who(asked, now_s, wall_s)
        if isinstance(found, Access):
            found = _may_not_act(asked, found) or found
        if isinstance(found, Problem):
            self.counts[found.code] += 1
        return found

    def show(self, token: str, client: str, now_s: float) -> Access | Problem:
        """Return whose a token is. Wrong ones are counted, and beyond a rate none of that client is looked at."""
        wait_s = self.refused.wait_s(client, now_s)
        if wait_s > 0:
            return Problem(
                status=429,
                code="rate_limited",
                detail="too many wrong tokens came from this address",
                retry_after_s=whole_seconds(wait_s),
            )
        access = self._keyring.access(token[:BEARER_CHARS_MAX])
        if access is not None:
            return access
        self.refused.take(client, now_s)
        return Problem(status=401, code="unauthorised", detail="this token is nobody's")

    def _bounds(self, asked: Asked) -> Problem | None:
        most = self._settings.body_bytes_max
        if asked.headers > HEADERS_MAX or asked.header_bytes > HEADER_BYTES_MAX:
            return Problem(
                status=431,
                code="too_large",
                detail=f"{asked.headers} headers of {asked.header_bytes} bytes",
                allowed=f"{HEADERS_MAX} headers of {HEADER_BYTES_MAX} bytes together",
            )
        if asked.length is None:
            detail = "how long the body is was not said before it came"
            return Problem(status=411, code="too_large", detail=detail, allowed="Content-Length")
        if asked.length > most:
            detail = f"a body of {asked.length} bytes"
            return Problem(status=413, code="too_large", detail=detail, allowed=f"{most} bytes")
        return None

    def _host(self, asked: Asked) -> Problem | None:
        found = host_and_port(asked.host or "")
        if found is not None and found[0] in self._hosts:
            return None
        return Problem(
            status=421,
            code="foreign_host",
            detail=f"Host is {cited(asked.host)!r}"
            if asked.host
            else "there is not one Host header",
            allowed="the names of serve.host and serve.allowed_hosts, and on its own machine localhost",
        )

    def _often(self, asked: Asked, now_s: float) -> Problem | None:
        wait_s = self.asked.take(asked.client, now_s)
        if not wait_s:
            return None
        rates = self._settings.rates
        return Problem(
            status=429,
            code="rate_limited",
            detail="too many requests came from this address",
            allowed=f"{rates.requests_per_s:g} a second, {rates.requests_burst} at once",
            retry_after_s=whole_seconds(wait_s),
        )

    def _origin(self, asked: Asked) -> Problem | None:
        if asked.origin is not None and asked.changes:
            foreign = not is_own_origin(
                asked.origin, asked.host or "", self._settings.allowed_origins
            )
            told = f"Origin is {cited(asked.origin)!r}"
        else:
            foreign = asked.fetch_site in ("cross-site", "same-site") and not _follows_link(asked)
            told = f"Sec-Fetch-Site is {asked.fetch_site}"
        if not foreign:
            return None
        return Problem(
            status=403,
            code="foreign_origin",
            detail=told,
            allowed="requests of its own pages, of programs, and of links that people follow",
        )

    def _who(self, asked: Asked, now_s: float, wall_s: float) -> Verdict:
        if asked.kind == "http" and asked.path in (SIGN_IN, SIGN_OUT):
            return Door()
        if not self._settings.tokens:
            operator = self._settings.loopback_operator
            return Access(role="operator" if operator else "viewer", actor=_LOOPBACK)
        if asked.authorization is not None:
            return self._bearer(asked, now_s)
        access = self._keyring.access_by_cookie(asked.cookie or "", wall_s)
        if access is not None:
            return access
        if asked.by_a_person:
            return ComeAgain() if asked.fetch_site == "cross-site" else SignIn()
        return Problem(
            status=401,
            code="unauthorised",
            detail="no token came with it",
            allowed="the header Authorization: Bearer TOKEN, or for people the page /signin",
        )

    def _bearer(self, asked: Asked, now_s: float) -> Access | Problem:
        scheme, _, token = (asked.authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return Problem(
                status=401,
                code="unauthorised",
                detail="Authorization is not of the kind Bearer",
                allowed="Authorization: Bearer TOKEN",
            )
        return self.show(token.strip(), asked.client, now_s)


def _may_not_act(asked: Asked, access: Access) -> Problem | None:
    """Refuse viewers' acts by the API; the pages' come over their websocket, and they ask `may_act` themselves."""
    acts = asked.kind == "http" and asked.changes and asked.path.startswith(API)
    if not acts or access.may_act:
        return None
    return Problem(
        status=403,
        code="forbidden",
        detail=f"{access.actor} may look, not act",
        allowed="a token of serve.operator_tokens",
    )


def _follows_link(asked: Asked) -> bool:
    return (
        asked.kind == "http" and asked.method in ("GET", "HEAD") and asked.fetch_mode == "navigate"
    )
