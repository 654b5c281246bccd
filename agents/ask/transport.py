"""The HTTP client that the SDK is given.

The SDK's own would take proxies from the environment and follow redirects, and an `ANTHROPIC_CUSTOM_HEADERS` could
replace the key. Ours goes to the given address, with the given key, once, and reads a bounded number of bytes.
"""

from collections.abc import AsyncIterator, Generator
from typing import cast

import httpx2


def http_client(api_key: str, body_bytes_max: int) -> httpx2.AsyncClient:
    """Return a client that sends this key, and reads no more than this of what comes back."""
    return httpx2.AsyncClient(
        auth=_KeyAuth(api_key),
        trust_env=False,
        follow_redirects=False,
        transport=_BoundedTransport(body_bytes_max),
    )


class OversizedError(Exception):
    """More was sent than is read, or it is packed so that nobody knows how much it is."""


class _BoundedStream(httpx2.AsyncByteStream):
    """A body that ends with an error beyond its bound, or at once if it is packed: a few bytes may unpack to any size."""

    def __init__(self, inner: httpx2.AsyncByteStream, encoding: str, bytes_max: int) -> None:
        self._inner, self._encoding, self._bytes_max = inner, encoding, bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._encoding not in {"", "identity"}:
            msg = f"asked for no content-encoding, got {self._encoding[:40]!r}"
            raise OversizedError(msg)
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > self._bytes_max:
                msg = f"more than {self._bytes_max} bytes"
                raise OversizedError(msg)
            yield chunk

    async def aclose(self) -> None:
        """Close what is underneath."""
        await self._inner.aclose()


class _BoundedTransport(httpx2.AsyncHTTPTransport):
    """Bounds every body that comes back, an error's too: the SDK reads it whole before we see it."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(trust_env=False)
        self._bytes_max = bytes_max

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        inner = cast("httpx2.AsyncByteStream", response.stream)
        response.stream = _BoundedStream(inner, encoding, self._bytes_max)
        return response


class _KeyAuth(httpx2.Auth):
    """Sends the key that was given, whatever headers the environment adds."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers.pop("x-api-key", None)
        request.headers["authorization"] = self._header
        request.headers["accept-encoding"] = "identity"
        yield request
