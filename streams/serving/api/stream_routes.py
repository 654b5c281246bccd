"""The live stream's address."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streams.serving.cursor import CURSOR_CHARS_MAX, CursorError, read
from streams.serving.guard import holds_of
from streams.serving.guard.problem import Problem, cited

from . import events
from .hub import Hub
from .refusing import RefusedError, bad
from .served import Served
from .stream import EventStream, Wanted

ASSETS_MAX = 100
_LIST_CHARS_MAX = 3_000


class StreamResponse(Response):
    """A stream, for FastAPI to return: it answers by itself."""

    media_type = "text/event-stream"

    def __init__(self, stream: EventStream) -> None:
        """Take the stream."""
        super().__init__()
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader or the server ends."""
        await self._stream(scope, receive, send)


def stream_routes(served: Served) -> APIRouter:
    """Return the route."""
    router = APIRouter(tags=["stream"])
    hub, settings = served.hub, served.settings

    @router.get(
        "/stream",
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        },
    )
    async def stream(
        request: Request,
        topics: Annotated[
            str | None,
            Query(max_length=_LIST_CHARS_MAX, description=f"Some of {','.join(events.STREAMED)}."),
        ] = None,
        assets: Annotated[
            str | None,
            Query(
                max_length=_LIST_CHARS_MAX,
                description="BTC,ETH; what is of no asset comes in any case.",
            ),
        ] = None,
        after: Annotated[
            str | None,
            Query(max_length=CURSOR_CHARS_MAX, description="An event's id; as Last-Event-ID does."),
        ] = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Stream records as they come, from now on or from the event after an id; `docs/operating/serving.md`."""
        wanted = frozenset(events.USUAL if topics is None else _names(topics))
        if strange := wanted - set(events.STREAMED):
            raise RefusedError(
                bad(f"no topic {cited(min(strange))!r} is streamed", ", ".join(events.STREAMED))
            )
        of_assets = frozenset(() if assets is None else _names(assets))
        if len(of_assets) > ASSETS_MAX:
            raise RefusedError(
                bad(f"{len(of_assets)} assets", f"{ASSETS_MAX}; without any, all come")
            )
        client = str(request.scope.get("state", {}).get("client", ""))
        _refuse_too_many(client)
        told = last_event_id if last_event_id is not None else after
        at = None if not told else _positions(hub, told, wanted)
        asked = Wanted(wanted, of_assets, at, client, holds_of(request.scope))
        return StreamResponse(EventStream(hub, served.log, asked))

    def _refuse_too_many(client: str) -> None:
        if (
            len(hub) >= settings.streams_max
            or hub.of_client(client) >= settings.streams_per_client_max
        ):
            hub.counts["refused"] += 1
            raise RefusedError(
                Problem(
                    status=429,
                    code="rate_limited",
                    detail="too many streams are open",
                    allowed=f"{settings.streams_per_client_max} of one address, {settings.streams_max} of all",
                    retry_after_s=10,
                )
            )

    return router


def _positions(hub: Hub, told: str, wanted: frozenset[str]) -> dict[tuple[str, int], int]:
    at = read(told)
    known = set(hub.tail.logs(events.STREAMED))
    if strange := [log for log in at if log not in known]:
        msg = f"no log {strange[0]}"
        raise CursorError(msg)
    return {log: offset for log, offset in at.items() if log[0] in wanted}


def _names(told: str) -> list[str]:
    return [name for part in told.split(",") if (name := part.strip())]
