"""GitHub's REST, through githubkit: conditional, bounded, and within what is allowed."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass
from weakref import WeakValueDictionary

from msgspec import Struct

from streams.collectors.asking import BODY_BYTES_MAX, TIMEOUT_S, USER_AGENT, DeniedError, wait_of
from streams.collectors.port import Clock, SourceError

from .allowance import HOUR_S, Allowance

if TYPE_CHECKING:
    from githubkit import GitHub, TokenAuthStrategy, UnauthAuthStrategy

    from .bounded import Bounded

NAP_S = 30.0
"""While nothing may be asked: others with the same token may make it longer, or a new hour shorter."""
_NEXT = re.compile(r'<([^>]{1,2000})>\s*;\s*rel="next"')
_UNCHANGED, _MOVED, _REFUSED, _BROKEN = 304, (301, 302, 307, 308), 400, 500
_UNAUTHORISED, _LIMITED = 401, (403, 429)

_ALLOWANCES: WeakValueDictionary[str, Allowance] = WeakValueDictionary()
"""By where and with which token (as a digest) is asked: all that ask so share one."""


class TokenError(SourceError):
    """GitHub does not know the token: nothing can be asked until somebody changes it."""


class LimitedError(SourceError):
    """GitHub has had enough for now; the allowance knows for how long."""


class Got(Struct, frozen=True, kw_only=True):
    """An answer: 200, 304, or where the repository has moved."""

    status: int
    body: bytes
    etag: str | None
    next: str | None
    """The path of the next page."""
    moved: str | None = None
    """Another path for what was asked for."""
    received_ms: int


def allowance_of(url: str, token: str | None, limit: int) -> Allowance:
    """Return what everybody in this process who asks there with that token shares."""
    key = sha256(f"{url}\0{token or ''}".encode()).hexdigest()
    return _ALLOWANCES.setdefault(key, Allowance(limit))


class Rest:
    """Asks GitHub, one question at a time."""

    def __init__(
        self,
        *,
        url: str,
        token: str | None,
        allowance: Allowance,
        now_ms: Clock,
        ca_file: str | None = None,
        timeout_s: float = TIMEOUT_S,
        body_bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        """Prepare; nothing is asked yet."""
        self.asked = self.unchanged = 0
        """Questions, and those of them that were answered with 304."""
        self.skew_ms = 0
        """How far GitHub's clock is ahead of ours, by the last answer."""
        self.waiting_s = 0.0
        """How long the allowance makes the running question wait."""
        self._url, self._token, self._ca_file = url.rstrip("/"), token, ca_file
        self._allowance, self._now_ms = allowance, now_ms
        self._timeout_s, self._body_bytes_max = timeout_s, body_bytes_max
        self._github: GitHub[UnauthAuthStrategy] | GitHub[TokenAuthStrategy] | None = None
        self._transport: Bounded | None = None

    async def get(
        self, path: str, *, etag: str | None = None, params: Mapping[str, str] | None = None
    ) -> Got:
        """Ask, when it is allowed, and return the answer.

        Raises:
            TokenError: 401.
            LimitedError: A limit was hit; the next question waits by itself.
            DeniedError: Another 400 to 499.
            SourceError: There was no answer, or none of use.
        """
        clock = asyncio.get_running_loop().time
        while (wait_s := self._allowance.wait_s(clock())) > 0:
            self.waiting_s = wait_s
            await asyncio.sleep(min(wait_s, NAP_S))
        self.waiting_s = 0.0
        await asyncio.sleep(self._allowance.asked(clock()))
        self.asked += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(path, etag, params or {})
        except TimeoutError:
            msg = f"{path}: no whole answer within {self._timeout_s:g} s"
            raise SourceError(msg) from None
        finally:
            self._allowance.answered()

    async def close(self) -> None:
        """Close the connections; the next question opens them anew."""
        transport, self._transport, self._github = self._transport, None, None
        if transport is not None:
            await transport.close()

    async def _get(self, path: str, etag: str | None, params: Mapping[str, str]) -> Got:
        from githubkit.exception import (  # noqa: PLC0415 - half a second, for those who use it
            GitHubException,
            RequestError,
            RequestFailed,
        )

        from .bounded import LATER  # noqa: PLC0415 - httpx, which comes with it

        headers = {"Accept-Encoding": "identity", "X-GitHub-Api-Version": "2022-11-28"}
        if etag is not None:
            headers["If-None-Match"] = etag
        try:
            response = (
                await self._connected().arequest(
                    "GET", path, params=dict(params) or None, headers=headers
                )
            ).raw_response
        except RequestFailed as error:
            response = error.response.raw_response
        except RequestError as error:
            cause = error.exc
            msg = f"{path}: {type(cause).__name__}: {_plain(str(cause), self._url)}"
            raise SourceError(msg) from None
        except (GitHubException, ValueError, OverflowError) as error:
            msg = f"{path}: {type(error).__name__}: an answer that makes no sense"
            raise SourceError(msg) from None
        told = {name.lower(): value for name, value in response.headers.items()}
        if LATER in told:
            told["retry-after"] = told[LATER]
        return self._read(path, response.status_code, told, response.content)

    def _read(self, path: str, status: int, told: Mapping[str, str], body: bytes) -> Got:
        self._note(told)
        self._refuse(path, status, told, body)
        self._allowance.allowed()
        if status == _UNCHANGED:
            self.unchanged += 1
        return Got(
            status=status,
            body=body,
            etag=told.get("etag"),
            next=self._next(told.get("link", "")),
            moved=self._path_of(told.get("location", "")) if status in _MOVED else None,
            received_ms=self._now_ms(),
        )

    def _refuse(self, path: str, status: int, told: Mapping[str, str], body: bytes) -> None:
        if status == _UNAUTHORISED:
            msg = "GitHub refuses the token (401)"
            raise TokenError(msg, wait_s=300.0)
        if status in _LIMITED and self._is_limit(status, told, body):
            wait_s = wait_of(told, self._now_ms())
            if wait_s is None and told.get("x-ratelimit-remaining") == "0":
                wait_s = self._reset_in_s(told)
            pause_s = self._allowance.limited(wait_s, asyncio.get_running_loop().time())
            msg = f"{path}: {status}, GitHub's limit: nothing is asked for {pause_s:.0f} s"
            raise LimitedError(msg)
        if status >= _BROKEN or status == 408:  # noqa: PLR2004 - request time-out
            msg = f"{path}: {status}"
            raise SourceError(msg, wait_s=wait_of(told, self._now_ms()))
        if status >= _REFUSED:
            msg = f"{path}: {status}"
            raise DeniedError(msg, status)

    def _is_limit(self, status: int, told: Mapping[str, str], body: bytes) -> bool:
        """Return whether a refusal is about how often, not about what."""
        return (
            status == 429  # noqa: PLR2004 - too many requests
            or "retry-after" in told
            or told.get("x-ratelimit-remaining") == "0"
            or b"rate limit" in body[:2_000].lower()
        )

    def _note(self, told: Mapping[str, str]) -> None:
        self._allowance.told(
            told.get("x-ratelimit-limit", ""),
            told.get("x-ratelimit-remaining", ""),
            self._reset_in_s(told),
            asyncio.get_running_loop().time(),
        )
        date_ms = _date_ms(told)
        if date_ms is not None:
            self.skew_ms = date_ms - self._now_ms()

    def _reset_in_s(self, told: Mapping[str, str]) -> float | None:
        """Return in how many seconds a new hour begins: by GitHub's clock, for ours may be wrong."""
        reset = told.get("x-ratelimit-reset", "")
        if not reset.isdecimal():
            return None
        date_ms = _date_ms(told) or self._now_ms()
        return min(max(0.0, int(reset[:12]) - date_ms / 1000), HOUR_S)

    def _next(self, link: str) -> str | None:
        found = _NEXT.search(link)
        return None if found is None else self._path_of(found[1])

    def _path_of(self, address: str) -> str | None:
        """Return the path of an address of GitHub's; None of any other's: the token is not carried there."""
        base = f"{self._url}/"
        return address[len(base) :] if address.startswith(base) else None

    def _connected(self) -> "GitHub[UnauthAuthStrategy] | GitHub[TokenAuthStrategy]":
        if self._github is None:
            from githubkit import GitHub  # noqa: PLC0415 - half a second, for those who use it

            from .bounded import Bounded  # noqa: PLC0415 - httpx, which comes with it

            trusted = ssl.create_default_context(cafile=self._ca_file)
            self._transport = Bounded(trusted, _proxy_of(self._url), self._body_bytes_max)
            self._github = GitHub(
                self._token,
                base_url=self._url,
                user_agent=USER_AGENT,
                follow_redirects=False,
                auto_retry=False,
                http_cache=False,
                async_transport=self._transport,
            )
        return self._github


def _date_ms(told: Mapping[str, str]) -> int | None:
    try:
        return int(parsedate_to_datetime(told.get("date", "")).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _plain(words: str, url: str) -> str:
    return words.replace(url, "")[:200]


def _proxy_of(url: str) -> str | None:
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].partition(":")[0]
    return None if proxy_bypass(host) else getproxies().get(scheme)
