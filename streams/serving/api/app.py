"""The API as an application of its own, to be mounted at `/api`: so its 404 and 405 are its own too."""

import asyncio

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.responses import JSONResponse, Response

from . import refusing, shapes
from .act_routes import act_routes
from .documenting import VERSION, document, replies
from .letter_routes import letter_routes
from .replying import LIVE, MEDIA_TYPE, has, reply, tag_of
from .said_routes import alert_routes, analysis_routes, decision_routes
from .served import Served
from .state_routes import state_routes
from .stream_routes import stream_routes
from .window_routes import asset_routes, log_routes


def create_api(served: Served) -> FastAPI:
    """Return the API. Whether a caller may act is the guard's to say: it stands before it."""
    api = FastAPI(
        title="Tapereader",
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    refusing.install(api)

    async def read_to_the_end() -> None:
        if (why_not := served.why_not_ready()) is not None:
            raise refusing.RefusedError(refusing.not_ready(why_not))

    v1 = APIRouter(prefix="/v1")

    @v1.get("/ready", responses=replies(shapes.ReadyReply), tags=["pipeline"])
    async def ready(request: Request) -> Response:
        """Return whether the topics have been read to their ends once: until then everything else is refused."""
        why_not = served.why_not_ready()
        told = shapes.ReadyReply(ready=why_not is None, words=why_not or "well")
        return reply(request, told, now_ms=served.now_ms())

    behind = APIRouter(dependencies=[Depends(read_to_the_end)])
    for routes in (
        state_routes,
        asset_routes,
        log_routes,
        act_routes,
        analysis_routes,
        decision_routes,
        alert_routes,
        letter_routes,
        stream_routes,
    ):
        behind.include_router(routes(served))
    v1.include_router(behind)
    api.include_router(v1)
    made: list[tuple[bytes, str]] = []

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        if not made:  # it takes a second
            body = JSONResponse(await asyncio.to_thread(document, api)).body
            made.append((bytes(body), tag_of(bytes(body))))
        body, tag = made[0]
        headers = {"etag": tag, "cache-control": LIVE}
        if has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=MEDIA_TYPE)

    return api
