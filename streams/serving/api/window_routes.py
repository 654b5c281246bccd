"""Assets and what is measured of them: standing, rows of windows, whole aggregates, raw events."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.responses import Response

from streams.serving.found import Missing, RawRecord
from streams.serving.shown import Place, SeriesKey, Standing
from topics import BY_NAME, KINDS, Aggregate, ContractError, Kind, asset_of, raw_topic

from . import links, shapes
from .asking import AssetName, Id, Paged, RawAsked, SeriesAsked, SubjectName
from .documenting import replies
from .measured import measures_of
from .paging import page_of
from .refusing import RefusedError, bad, missing, unknown
from .replying import FIXED, LIVE, reply
from .served import Served

RAW_SPAN_MS_MAX = 3_600_000
"""Of raw events asked for at once: an hour of a busy market is a hundred thousand."""
_DECODERS = {raw_topic(kind): BY_NAME[raw_topic(kind)].decoder() for kind in KINDS}


def asset_routes(served: Served) -> APIRouter:
    """Return the routes of assets and of rows of windows."""
    router = APIRouter(tags=["assets"])
    view = served.view

    @router.get("/assets", responses=replies(shapes.AssetsReply))
    async def assets(request: Request, asked: Annotated[Paged, Query()]) -> Response:
        """Return assets by name, each with how it stands: severity, headline, age and quality of its data."""
        now_ms = served.now_ms()
        page = page_of(
            view.standing(now_ms, served.event_now_ms()),
            key=lambda standing: (standing.asset,),
            asked=asked,
            newest_first=False,
        )
        return reply(
            request,
            shapes.AssetsReply(items=[_asset_item(s) for s in page.items], next=page.next),
            same_as=shapes.AssetsReply(
                items=[_asset_item(_still(s)) for s in page.items], next=page.next
            ),
            now_ms=now_ms,
        )

    @router.get("/assets/{asset}", responses=replies(shapes.AssetReply, 404))
    async def asset(request: Request, asset: AssetName) -> Response:
        """Return an asset: how it stands, which rows of windows there are, and its newest windows."""
        now_ms = served.now_ms()
        if asset not in view.assets():
            raise RefusedError(unknown("asset", asset, "the names of /assets"))
        found = (s for s in view.standing(now_ms, served.event_now_ms()) if s.asset == asset)
        page = links.asset(asset)
        told = shapes.AssetReply(
            standing=next(found, None),
            series=[shapes.Row(**key._asdict()) for key in view.rows(asset)],
            latest=[_latest(window, place) for window, place in view.latest_of(asset)],
            links={
                "self": links.of_api(page),
                "page": page,
                "analyses": f"{links.V1}/analyses?asset={asset}",
                "alerts": f"{links.V1}/alerts?asset={asset}",
            },
        )
        same = told if told.standing is None else replace(told, standing=_still(told.standing))
        return reply(request, told, same_as=same, now_ms=now_ms)

    _series_route(router, served)
    return router


def _series_route(router: APIRouter, served: Served) -> None:
    """Add the rows of windows."""
    view = served.view

    @router.get("/series", responses=replies(shapes.SeriesReply, 404))
    async def series(request: Request, asked: Annotated[SeriesAsked, Query()]) -> Response:
        """Return windows that begin in a span of time, the oldest first, each by its latest revision."""
        key = SeriesKey(
            asked.kind, asked.subject, asked.window_ms, asked.step_ms or asked.window_ms
        )
        row = view.series_book.row(key)
        if row is None:
            told = f"{asked.kind} {asked.subject} {asked.window_ms}/{key.step_ms}"
            raise RefusedError(unknown("row of windows", told, "`series` of /assets/ASSET"))
        # Of a day of windows only those of the page are made.
        since_ms, before_ms = view.series_book.span(key, asked.since_ms)
        page = page_of(
            row.starts(since_ms, min(before_ms, asked.until_ms + 1)),
            key=lambda start_ms: (start_ms,),
            asked=asked,
            newest_first=False,
        )
        return reply(
            request,
            shapes.SeriesReply(
                row=shapes.Row(**key._asdict()),
                measures=measures_of(key.kind, key.subject),
                items=[point for at in page.items if (point := row.at(at)) is not None],
                next=page.next,
                links={"asset": links.asset(asset_of(key.subject))},
            ),
            now_ms=served.now_ms(),
        )


def log_routes(served: Served) -> APIRouter:
    """Return the routes of what is read from the log: whole aggregates, raw events."""
    router = APIRouter(tags=["log"])

    @router.get(
        "/aggregates/{aggregate_id:path}", responses=replies(shapes.AggregateReply, 404, 410)
    )
    async def aggregate(request: Request, aggregate_id: Id) -> Response:
        """Return one revision of one window, whole, out of the log."""
        found = await served.lookup.aggregate(aggregate_id)
        if isinstance(found, Missing):
            allowed = "kind/subject/window_ms/step_ms/window_start_ms/revision, of the last 30 days"
            raise RefusedError(missing("aggregate", aggregate_id, found, allowed))
        window, place = found.event, found.whole.place
        known = served.view.point(aggregate_id)
        latest = known is None or known[1].edition <= window.edition
        page = links.aggregate(aggregate_id)
        told = shapes.AggregateReply(
            aggregate=window,
            place=place,
            latest=latest,
            measures=measures_of(window.kind, window.subject),
            links={
                "self": links.of_api(page),
                "page": page,
                "asset": links.asset(window.asset),
                "raw": links.raw(
                    window.kind, window.subject, window.window_start_ms, window.window_end_ms
                ),
            },
        )
        return reply(
            request,
            told,
            now_ms=served.now_ms(),
            cache=LIVE if latest else FIXED,
        )

    @router.get("/raw/{kind}/{subject:path}", responses=replies(shapes.RawReply, 404, 410))
    async def raw(
        request: Request, kind: Kind, subject: SubjectName, asked: Annotated[RawAsked, Query()]
    ) -> Response:
        """Return raw events of a subject in a span of event time, out of the log. Posts' texts are strangers'."""
        from_ms, to_ms = asked.from_ms, asked.to_ms
        if not 0 < to_ms - from_ms <= RAW_SPAN_MS_MAX:
            allowed = f"more than 0 and at most {RAW_SPAN_MS_MAX} ms at once"
            raise RefusedError(bad(f"from_ms to to_ms is {to_ms - from_ms} ms", allowed))
        found = await served.lookup.raw(kind, subject, from_ms, to_ms, after=asked.after)
        if isinstance(found, Missing):
            raise RefusedError(missing("raw events of", subject, found))
        page = links.raw(kind, subject, from_ms, to_ms)
        told = shapes.RawReply(
            kind=kind,
            subject=subject,
            from_ms=from_ms,
            to_ms=to_ms,
            items=[item for one in found.records if (item := _raw_item(one)) is not None],
            next_offset=found.next_offset,
            begins_late=found.begins_late,
            words=found.words,
            links={"self": links.of_api(page), "page": page},
        )
        return reply(request, told, now_ms=served.now_ms())

    return router


def _raw_item(record: RawRecord) -> shapes.RawItem | None:
    """Return a raw event; None: it is not what its contract says, and stands among the dead letters."""
    try:
        event = _DECODERS[record.place.topic].decode(record.value)
    except ContractError:
        return None
    return shapes.RawItem(event=event, place=record.place, logged_ms=record.at_ms)


def _asset_item(standing: Standing) -> shapes.AssetItem:
    page = links.asset(standing.asset)
    return shapes.AssetItem(standing=standing, links={"self": links.of_api(page), "page": page})


def _still(standing: Standing) -> Standing:
    """Return a standing without its age, which alone makes no difference."""
    return replace(standing, data_age_ms=None)


def _latest(window: Aggregate, place: Place) -> shapes.LatestWindow:
    page = links.aggregate(window.aggregate_id)
    return shapes.LatestWindow(
        aggregate=window,
        place=place,
        measures=measures_of(window.kind, window.subject),
        links={
            "self": links.of_api(page),
            "page": page,
            "raw": links.raw(
                window.kind, window.subject, window.window_start_ms, window.window_end_ms
            ),
        },
    )
