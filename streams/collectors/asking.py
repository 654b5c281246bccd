"""HTTP for sources that ask: bounded in time, size and number, and plain about what went wrong."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import (
    ClientConnectorCertificateError,
    ClientError,
    ClientSession,
    ClientTimeout,
    TCPConnector,
)
from msgspec import Struct

from .port import Clock, SourceError
from .spacing import Spacing

BODY_BYTES_MAX = 8 * 1024 * 1024
"""Of one answer; the largest we ask for has a tenth of that."""
TIMEOUT_S = 15.0
"""For a whole answer, slow bytes included."""
REDIRECTS_MAX = 3
USER_AGENT = "tapereader/0.1 (collector; open source)"
_CHUNK = 64 * 1024
_BUSY = (408, 429)
_ELSEWHERE, _UNCHANGED, _REFUSED, _BROKEN = 300, 304, 400, 500
_ADDRESS = re.compile(r"https?://[^\s'\"]+")


class Answer(Struct, frozen=True, kw_only=True):
    """What the other side answered: 200 to 299, or 304 where the question was conditional."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    """With names in small letters."""
    received_ms: int


class DeniedError(SourceError):
    """The other side understood, and will not: 400 to 499, but for 429 and 408. Asking again as it is will not help."""

    def __init__(self, message: str, status: int, *, wait_s: float | None = None) -> None:
        """Say what was asked, and the status."""
        super().__init__(message, wait_s=wait_s)
        self.status = status


class Http:
    """Asks one service. Connects when first asked; the sessions of all sources are their own."""

    def __init__(
        self,
        *,
        now_ms: Clock,
        per_minute: float,
        burst: int = 1,
        timeout_s: float = TIMEOUT_S,
        body_bytes_max: int = BODY_BYTES_MAX,
        prefix: bool = False,
        follow: bool = True,
        headers: Mapping[str, str] | None = None,
        ca_file: str | None = None,
    ) -> None:
        """Take the service's limit: so many questions a minute, and so many at once after a pause.

        ``prefix``: of a larger answer the first ``body_bytes_max`` bytes are enough, and the rest is not read.
        ``follow``: whether redirects are; a key in the headers would go to wherever they point.
        """
        self._spacing = Spacing(per_minute=per_minute, burst=burst)
        self._now_ms, self._timeout_s, self._body_bytes_max = now_ms, timeout_s, body_bytes_max
        self._headers = {"User-Agent": USER_AGENT, **(headers or {})}
        self._ca_file, self._prefix, self._follow = ca_file, prefix, follow
        self._session: ClientSession | None = None

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask, when the limit allows it, and return the answer.

        Raises:
            DeniedError: The answer was 400 to 499.
            SourceError: There was no answer, or none of use: the network, TLS, time, 429 and 408 (with what the other side asks us to
                wait), 500 and above, too large, a redirect that is not followed.
        """
        await asyncio.sleep(self._spacing.wait_s(asyncio.get_running_loop().time()))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._get(url, params or {}, headers or {})
        except TimeoutError:
            msg = f"{_bare(url)}: no whole answer within {self._timeout_s:g} s"
            raise SourceError(msg) from None
        except ClientConnectorCertificateError as error:
            msg = f"{_bare(url)}: its certificate is not to be trusted: {error.certificate_error}"
            raise SourceError(msg) from error
        except (ClientError, OSError, ValueError) as error:
            msg = f"{_bare(url)}: {type(error).__name__}: {_ADDRESS.sub(_bare_of, str(error))}"
            raise SourceError(msg) from error

    async def close(self) -> None:
        """Close the connections; the next question opens them anew."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _get(self, url: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        session = self._connected()
        async with session.get(
            url,
            params=params,
            headers=headers,
            allow_redirects=self._follow,
            max_redirects=REDIRECTS_MAX,
        ) as response:
            told = {name.lower(): value for name, value in response.headers.items()}
            status = response.status
            if _ELSEWHERE <= status < _REFUSED and status != _UNCHANGED:
                msg = f"{_bare(url)}: {status}, which is no answer and is not followed"
                raise SourceError(msg)
            if status in _BUSY or status >= _BROKEN:
                msg = f"{_bare(url)}: {status} {response.reason}"
                raise SourceError(msg, wait_s=wait_of(told, self._now_ms()))
            if status >= _REFUSED:
                msg = f"{_bare(url)}: {status} {response.reason}"
                raise DeniedError(msg, status, wait_s=wait_of(told, self._now_ms()))
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > self._body_bytes_max:
                    if self._prefix:
                        del body[self._body_bytes_max :]
                        break
                    msg = f"{_bare(url)}: an answer of more than {self._body_bytes_max} bytes"
                    raise SourceError(msg)
            return Answer(status=status, body=bytes(body), headers=told, received_ms=self._now_ms())

    def _connected(self) -> ClientSession:
        if self._session is None:
            trusted = ssl.create_default_context(cafile=self._ca_file)
            self._session = ClientSession(
                connector=TCPConnector(ssl=trusted),
                headers=self._headers,
                timeout=ClientTimeout(total=None),
                trust_env=True,
            )
        return self._session


def wait_of(headers: Mapping[str, str], now_ms: int) -> float | None:
    """Return how many seconds `Retry-After` asks us to wait, as a number or as a date (RFC 9110); None if it does not."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told[:9])
    with suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(told)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds())
    return None


def _bare(url: str) -> str:
    """Return an address without its query, in which a key may stand."""
    return url.partition("?")[0]


def _bare_of(address: re.Match[str]) -> str:
    return _bare(address[0])
