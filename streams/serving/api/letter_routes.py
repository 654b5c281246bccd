"""Dead letters: the index, one with its bytes, what a redrive would do, and the redrive."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from streams.serving.acts.making import REASON_CHARS_MAX
from streams.serving.found import Missing
from streams.serving.guard import access_of
from streams.serving.guard.problem import Problem
from streams.serving.redrive import Chosen, Plan
from streams.serving.redrive.explaining import remedy_of
from streams.serving.shown import Letter

from . import deed_shapes, links, shapes
from .asking import ID_CHARS_MAX, Id, LettersAsked, Stage, TimeInBody
from .documenting import replies
from .escaping import escaped_bytes
from .paging import page_of
from .refusing import RefusedError, missing, unknown
from .replying import reply
from .served import Served

TOLD_BYTES_MAX = 64 * 1024
"""Of a dead letter's value in a reply; escaped it is at most four times as long."""
IDS_MAX = 1_000


class Which(BaseModel):
    """Which letters are meant: those that fit all that is given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: list[Annotated[str, Field(max_length=ID_CHARS_MAX)]] = Field(
        default=[], max_length=IDS_MAX
    )
    """Empty: any."""
    reason: str | None = Field(default=None, max_length=64)
    stage: Stage | None = None
    topic: str | None = Field(default=None, max_length=64)
    since_ms: TimeInBody | None = None
    until_ms: TimeInBody | None = None

    @property
    def chosen(self) -> Chosen:
        """The same for the redriver."""
        told = self.model_dump(include=set(Which.model_fields) - {"ids"})
        return Chosen(ids=frozenset(self.ids), **told)


class RedriveBody(Which):
    """Which letters go again, and why."""

    redrive_id: str = Field(min_length=1, max_length=64)
    """Of the plan that was looked at; if other letters are meant by now, nothing is written."""
    why: str = Field(min_length=1, max_length=REASON_CHARS_MAX)
    """For the record of the act."""


def letter_routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["dead letters"])

    @router.get("/deadletters", responses=replies(deed_shapes.LettersReply))
    async def letters(request: Request, asked: Annotated[LettersAsked, Query()]) -> Response:
        """Return dead letters of the view's time without their bytes, the newest first."""
        page = page_of(
            (
                kept.item
                for kept in served.view.kept_letters
                if asked.stage in (None, kept.item.stage)
                and asked.reason in (None, kept.item.reason)
            ),
            key=lambda letter: (letter.at_ms, *letter.place),
            asked=asked,
        )
        items = [deed_shapes.LetterItem(letter=one, links=_links_of(one)) for one in page.items]
        told = deed_shapes.LettersReply(items=items, next=page.next)
        return reply(request, told, now_ms=served.now_ms())

    @router.get(
        "/deadletters/{letter_id:path}", responses=replies(deed_shapes.LetterReply, 404, 410)
    )
    async def letter(request: Request, letter_id: Id) -> Response:
        """Return a dead letter with its bytes, escaped: they are whatever somebody sent."""
        shown = served.view.letter(letter_id)
        if shown is None:
            raise RefusedError(unknown("dead letter", letter_id, "the ids of /deadletters"))
        whole = await served.lookup.record(shown.place)
        if isinstance(whole, Missing):
            raise RefusedError(missing("dead letter", letter_id, whole))
        remedy = remedy_of(shown.reason)
        bytes_kept = whole.value or b""
        value = bytes_kept[:TOLD_BYTES_MAX]
        told = deed_shapes.LetterReply(
            letter=shown,
            cause=remedy.cause,
            todo=remedy.todo,
            bytes_escaped=escaped_bytes(value),
            bytes_left_out=len(bytes_kept) - len(value),
            key_escaped=None if whole.key is None else escaped_bytes(whole.key[:TOLD_BYTES_MAX]),
            links=_links_of(shown),
        )
        return reply(request, told, now_ms=served.now_ms())

    _redrive_routes(router, served)
    return router


def _redrive_routes(router: APIRouter, served: Served) -> None:
    """Add what sends letters again."""

    @router.post("/redrives/plan", responses=replies(deed_shapes.PlanReply, body=True))
    async def plan(request: Request, which: Which) -> Response:
        """Return what a redrive of these letters would do; nothing is written."""
        actor = access_of(request.scope).actor
        found = await served.redriver.plan(which.chosen, actor=actor)
        return reply(request, _plan_reply(found), now_ms=served.now_ms())

    @router.post("/redrives", responses=replies(deed_shapes.RedriveReply, 409, body=True))
    async def redrive(request: Request, body: RedriveBody) -> Response:
        """Write these letters' records again, each once; the act is on `control`. Needs an operator's token."""
        found = await served.redriver.plan(body.chosen)
        if found.redrive_id != body.redrive_id:
            raise RefusedError(
                Problem(
                    status=409,
                    code="conflict",
                    detail="other letters are meant by now than when the plan was made; nothing was written",
                    allowed=f"redrive_id {found.redrive_id}"
                    if found.redrive_id
                    else "letters that go",
                )
            )
        done = await served.redriver.redrive(
            found, actor=access_of(request.scope).actor, reason=body.why
        )
        told = deed_shapes.RedriveReply(
            redrive_id=done.redrive_id,
            written=done.written,
            before=done.before,
        )
        return reply(request, told, now_ms=served.now_ms())


def _plan_reply(plan: Plan) -> deed_shapes.PlanReply:
    return deed_shapes.PlanReply(
        redrive_id=plan.redrive_id,
        going=[
            deed_shapes.GoingItem(
                letter_id=one.letter_id,
                topic=one.topic,
                partition=one.partition,
                attempt=one.attempt,
            )
            for one in plan.going
        ],
        staying=[
            deed_shapes.StayingItem(letter_id=one.letter.letter_id, why=one.why)
            for one in plan.staying
        ],
        left_out=plan.left_out,
    )


def _links_of(letter: Letter) -> shapes.Links:
    page = links.letter(letter.letter_id)
    return {"self": links.of_api(page), "page": page}
