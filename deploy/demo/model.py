"""What the demo asks its simulated model itself, beside the agent."""

from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

ASKED = ClientTimeout(total=5.0)
"""It is on this machine; slower than this it is as good as gone."""


async def first_asked_ms(base_url: str | None) -> int | None:
    """Return when the simulated model had its first request, in milliseconds since the epoch.

    None where there is no such model, where it had none, or where it does not answer: then nothing of its outage
    is seen, and the report says so.
    """
    if base_url is None:
        return None
    try:
        async with (
            ClientSession(base_url, timeout=ASKED) as session,
            session.get("/_fake/script") as response,
        ):
            told: dict[str, Any] = await response.json()
    except (ClientError, TimeoutError):
        return None
    began_ms: int | None = told.get("began_ms")
    return began_ms
