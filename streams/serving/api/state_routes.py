"""How the pipeline is: summary, feeds, gaps, money, operators' acts in force."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from msgspec.structs import replace
from starlette.responses import Response

from streams.serving.shown import Money

from . import shapes
from .asking import FeedsAsked, Paged
from .documenting import replies
from .paging import page_of
from .replying import reply
from .served import Served

MONEY_FRESH_MS = 1_000
"""What was spent is added up at most this often: of a day's analyses it takes 20 ms."""


def state_routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["pipeline"])
    view = served.view

    @router.get("/summary", responses=replies(shapes.SummaryReply))
    async def summary(request: Request) -> Response:
        """Return the pipeline in one sentence: well, or what is wrong, since when, and what to do."""
        now_ms = served.now_ms()
        found = view.summary(now_ms, served.event_now_ms())
        links: shapes.Links = {"assets": "/api/v1/assets", "feeds": "/feeds", "money": "/cost"}
        return reply(
            request,
            shapes.SummaryReply(summary=found, links=links),
            same_as=shapes.SummaryReply(summary=replace(found, now_ms=0), links=links),
            now_ms=now_ms,
        )

    @router.get("/feeds", responses=replies(shapes.FeedsReply))
    async def feeds(request: Request, asked: Annotated[FeedsAsked, Query()]) -> Response:
        """Return feeds by venue and subject, each with its gaps: the open ones first."""
        now_ms = served.now_ms()
        page = page_of(
            (
                row
                for row in view.feed_rows(now_ms, served.event_now_ms())
                if asked.state in (None, row.state)
            ),
            key=lambda row: (row.feed.venue, row.feed.subject),
            asked=asked,
            newest_first=False,
        )
        still = [replace(row, age_ms=None) for row in page.items]
        return reply(
            request,
            shapes.FeedsReply(items=page.items, next=page.next),
            same_as=shapes.FeedsReply(items=still, next=page.next),
            now_ms=now_ms,
        )

    @router.get("/gaps", responses=replies(shapes.GapsReply))
    async def gaps(request: Request, asked: Annotated[Paged, Query()]) -> Response:
        """Return the gaps of all feeds, the newest first."""
        page = page_of(
            view.gaps(), key=lambda gap: (gap.from_ms, gap.gap_id, *gap.place), asked=asked
        )
        return reply(
            request, shapes.GapsReply(items=page.items, next=page.next), now_ms=served.now_ms()
        )

    _spending_routes(router, served)
    return router


def _spending_routes(router: APIRouter, served: Served) -> None:
    """Add what was spent, and what operators set."""
    view = served.view
    added_up: list[tuple[int, Money]] = []

    def spent(now_ms: int) -> Money:
        if not added_up or not 0 <= now_ms - added_up[0][0] < MONEY_FRESH_MS:
            added_up[:] = [(now_ms, view.money(now_ms))]
        return added_up[0][1]

    @router.get("/money", responses=replies(shapes.MoneyReply))
    async def money(request: Request) -> Response:
        """Return what was spent on models, what may be, and in what time the cap would be reached."""
        now_ms = served.now_ms()
        found = spent(now_ms)
        still = [replace(budget, to_cap_ms=None) for budget in found.budgets]
        return reply(
            request,
            shapes.MoneyReply(money=found),
            same_as=shapes.MoneyReply(
                money=replace(found, since_ms=0, burn_nano_usd_per_h=0, budgets=tuple(still))
            ),
            now_ms=now_ms,
        )

    @router.get("/controls", responses=replies(shapes.ControlsReply))
    async def controls(request: Request) -> Response:
        """Return operators' acts in force: mutes, acknowledgements, forced breakers, set budgets."""
        now_ms = served.now_ms()
        return reply(request, shapes.ControlsReply(items=view.acts(now_ms)), now_ms=now_ms)
