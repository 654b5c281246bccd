"""What operators do: acknowledge, mute, unmute, say what they think of an analysis. The guard asks for their token."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from streams.serving.acts.making import REASON_CHARS_MAX, check_target
from streams.serving.guard import access_of

from . import deed_shapes
from .asking import Id, TimeInBody
from .documenting import replies
from .refusing import RefusedError, unknown
from .replying import reply
from .served import Served

TARGET_CHARS_MAX = 200

Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AcknowledgeBody(_Body):
    """That somebody has seen an alert."""

    reason: Reason = "seen"


class MuteBody(_Body):
    """What is not to be delivered, until when, and why."""

    target: str = Field(min_length=1, max_length=TARGET_CHARS_MAX)
    """`all`, `asset/BTC`, `rule/NAME` or `rule/NAME/SUBJECT`."""
    until_ms: TimeInBody
    """Epoch milliseconds, at most 30 days ahead."""
    reason: Reason


class FeedbackBody(_Body):
    """What somebody thinks of an analysis."""

    verdict: Literal["wrong", "unhelpful"]
    reason: Reason


def act_routes(served: Served) -> APIRouter:
    """Return the routes."""
    router = APIRouter(tags=["acts"])
    acts = served.acts

    @router.post(
        "/alerts/{alert_id:path}/acknowledgement",
        responses=replies(deed_shapes.ActReply, 404, 409, body=True),
    )
    async def acknowledge(request: Request, alert_id: Id, body: AcknowledgeBody) -> Response:
        """Say that somebody has seen an alert. The same again is the same act."""
        if served.view.alert(alert_id, served.now_ms()) is None:
            raise RefusedError(unknown("alert", alert_id, "the ids of /alerts"))
        actor = access_of(request.scope).actor
        act = await acts.acknowledge(alert_id, actor=actor, reason=body.reason)
        return reply(request, deed_shapes.ActReply(act=act), now_ms=served.now_ms())

    @router.post("/mutes", responses=replies(deed_shapes.ActReply, 409, body=True))
    async def mute(request: Request, body: MuteBody) -> Response:
        """Keep alerts of a target from being delivered until a time; they still fire and are shown."""
        act = await acts.mute(
            body.target,
            until_ms=body.until_ms,
            actor=access_of(request.scope).actor,
            reason=body.reason,
        )
        return reply(request, deed_shapes.ActReply(act=act), now_ms=served.now_ms())

    @router.delete(
        "/mutes/{target:path}", responses=replies(deed_shapes.ActReply, 404, 409, body=True)
    )
    async def unmute(
        request: Request,
        target: Annotated[str, Path(min_length=1, max_length=TARGET_CHARS_MAX)],
        reason: Annotated[str, Query(min_length=1, max_length=REASON_CHARS_MAX)],
    ) -> Response:
        """Take a mute of the same target back."""
        check_target(target)
        held = served.view.acts(served.now_ms())
        if not any(act.act == "mute" and act.subject == target for act in held):
            raise RefusedError(unknown("mute", target, "the subjects of mutes among /controls"))
        act = await acts.unmute(target, actor=access_of(request.scope).actor, reason=reason)
        return reply(request, deed_shapes.ActReply(act=act), now_ms=served.now_ms())

    @router.post(
        "/analyses/{analysis_id:path}/feedback",
        responses=replies(deed_shapes.ActReply, 404, 409, body=True),
    )
    async def feedback(request: Request, analysis_id: Id, body: FeedbackBody) -> Response:
        """Say that an analysis is wrong or unhelpful, and why; of one person the last word counts."""
        if served.view.analysis(analysis_id) is None:
            raise RefusedError(unknown("analysis", analysis_id, "the ids of /analyses"))
        act = await acts.feedback(
            analysis_id,
            body.verdict,
            actor=access_of(request.scope).actor,
            reason=body.reason,
        )
        return reply(request, deed_shapes.ActReply(act=act), now_ms=served.now_ms())

    return router
