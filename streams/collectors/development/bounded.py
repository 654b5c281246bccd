"""A transport for httpx that takes no answer larger than it was told to."""

import re
import ssl
from collections.abc import AsyncIterator

import httpx

LATER = "x-retry-later"
"""Where a `Retry-After` goes that is no number: a date, or nonsense. githubkit takes it for a number."""
_NUMBER = re.compile(r"[0-9]{1,10}")


class Bounded(httpx.AsyncBaseTransport):
    """Hands on what the network brings, up to so many bytes an answer, and nothing that would grow when unpacked."""

    def __init__(self, trusted: ssl.SSLContext, proxy: str | None, most: int) -> None:
        """Prepare; nothing is dialled yet."""
        self._inner = httpx.AsyncHTTPTransport(verify=trusted, proxy=proxy)
        self._most = most

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask.

        Raises:
            httpx.TransportError: The network's, or the answer is packed although we asked for it as it is.
        """
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            msg = "a packed answer, which was not asked for"
            raise httpx.DecodingError(msg)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - an async transport's is
        return httpx.Response(
            status_code=response.status_code,
            headers=_sane(response.headers),
            stream=_Counted(response.stream, self._most),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection.

        githubkit closes its client behind each question, and would close the connections with it.
        """

    async def close(self) -> None:
        """Close every connection, for good."""
        await self._inner.aclose()


def _sane(headers: httpx.Headers) -> httpx.Headers:
    """Return the headers without those that should be numbers and are none."""
    sane = headers.copy()
    for name in ("retry-after", "x-ratelimit-reset"):
        told = sane.get(name)
        if told is not None and _NUMBER.fullmatch(told) is None:
            del sane[name]
            sane[LATER if name == "retry-after" else f"x-{name}"] = told
    return sane


class _Counted(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, most: int) -> None:
        self._inner, self._most = inner, most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._inner:
            taken += len(chunk)
            if taken > self._most:
                msg = f"an answer of more than {self._most} bytes"
                raise httpx.DecodingError(msg)
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
