"""Whose a token is, and the cookie a person gets for one. PURE; comparisons take the same time for all.

A cookie is signed with the very token it was given for: it needs no secret of its own, holds after a restart and on
another replica, and ends with the token. One that was signed out ends at once, in the process that was told.
"""

import hmac
from hashlib import sha256
from typing import NamedTuple

from streams.serving.settings import ServeSettings

from .access import Access

COOKIE_CHARS_MAX = 200
SIGNED_OUT_MAX = 10_000
"""Cookies remembered as signed out until they expire; beyond it the one longest so makes room."""
_PURPOSE = b"tapereader session 1"


class _Key(NamedTuple):
    digest: bytes
    signing: bytes
    access: Access


class Keyring:
    """Every token of the settings."""

    def __init__(self, settings: ServeSettings) -> None:
        """Take them."""
        given = [("viewer", settings.viewer_tokens), ("operator", settings.operator_tokens)]
        self._keys = [
            _Key(
                sha256(token.get_secret_value().encode()).digest(),
                hmac.digest(token.get_secret_value().encode(), _PURPOSE, "sha256"),
                Access(role=role, actor=name),  # type: ignore[arg-type]
            )
            for role, tokens in given
            for name, token in tokens.items()
        ]
        self._by_name = {key.access.actor: key for key in self._keys}
        self._signed_out: dict[str, int] = {}
        """When each would have expired."""

    def access(self, token: str) -> Access | None:
        """Return whose a token is; all are compared, whichever it is."""
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key.access
        return found

    def cookie(self, access: Access, *, expires_s: int) -> str:
        """Return a cookie's value for whoever showed a token, good until ``expires_s`` since the epoch."""
        return _signed(self._by_name[access.actor], f"{access.actor}.{expires_s}")

    def access_by_cookie(self, cookie: str, now_s: float) -> Access | None:
        """Return whose a cookie is, if it is one of ours, has not expired and was not signed out."""
        if len(cookie) > COOKIE_CHARS_MAX or not cookie.isascii() or cookie in self._signed_out:
            return None
        told, _, _ = cookie.rpartition(".")
        actor, _, expires = told.rpartition(".")
        key = self._by_name.get(actor)
        if key is None or not hmac.compare_digest(_signed(key, told), cookie):
            return None
        return key.access if int(expires) > now_s else None

    def sign_out(self, cookie: str, now_s: float) -> None:
        """Let a cookie be good for nothing from now on, wherever a copy of it is; one that is none is nothing."""
        if self.access_by_cookie(cookie, now_s) is None:
            return
        self._signed_out = {c: s for c, s in self._signed_out.items() if s > now_s}
        if len(self._signed_out) >= SIGNED_OUT_MAX:
            del self._signed_out[next(iter(self._signed_out))]
        self._signed_out[cookie] = int(cookie.split(".")[-2])


def _signed(key: _Key, told: str) -> str:
    return f"{told}.{hmac.new(key.signing, told.encode(), sha256).hexdigest()}"
