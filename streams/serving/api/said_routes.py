"""What was said of assets: analyses with their paths, decisions, alerts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from streams.serving.found import Missing
from streams.serving.shown import AlertShown, AnalysisShown, DecisionShown
from topics import Alert, Analysis

from . import links, shapes
from .asking import AlertsAsked, AnalysesAsked, DecisionsAsked, Id
from .documenting import replies
from .paging import page_of
from .refusing import RefusedError, missing, unknown
from .replying import reply
from .served import Served


def analysis_routes(served: Served) -> APIRouter:
    """Return the routes of analyses."""
    router = APIRouter(tags=["analyst"])
    view = served.view

    @router.get("/analyses", responses=replies(shapes.AnalysesReply))
    async def analyses(request: Request, asked: Annotated[AnalysesAsked, Query()]) -> Response:
        """Return analyses by the end of the newest window they read, the newest first."""
        page = page_of(
            (analysis for analysis in view.analyses if _is_asked(analysis, asked)),
            key=lambda analysis: (analysis.as_of_ms, analysis.analysis_id),
            asked=asked,
        )
        shown = [found for a in page.items if (found := view.analysis(a.analysis_id)) is not None]
        told = shapes.AnalysesReply(items=[analysis_item(one) for one in shown], next=page.next)
        return reply(request, told, now_ms=served.now_ms())

    @router.get("/analyses/{analysis_id:path}/path", responses=replies(shapes.PathReply, 404))
    async def path(request: Request, analysis_id: Id) -> Response:
        """Return how an analysis came to be: aggregates, gate, inbox, cache or call, verdict, tokens, cost."""
        found = view.path(analysis_id)
        if found is None:
            allowed = "the ids of /analyses and /decisions"
            raise RefusedError(unknown("analysis or candidate", analysis_id, allowed))
        told = shapes.PathReply(
            path=found,
            links={
                "self": links.of_api(links.analysis(analysis_id)) + "/path",
                "analysis": links.analysis(analysis_id),
                "aggregates": [links.aggregate(i) for i, _ in found.aggregates],
                "alerts": [links.alert(i) for i in found.alerts],
            },
        )
        return reply(request, told, now_ms=served.now_ms())

    @router.get("/analyses/{analysis_id:path}", responses=replies(shapes.AnalysisItem, 404, 410))
    async def analysis(request: Request, analysis_id: Id) -> Response:
        """Return an analysis as it stands: what took its place, and what people think of it."""
        shown = view.analysis(analysis_id)
        if shown is None:
            found = await served.lookup.analysis(analysis_id)
            if isinstance(found, Missing):
                allowed = "product/asset/as_of_ms/count of supersessions, of the last 90 days"
                raise RefusedError(missing("analysis", analysis_id, found, allowed))
            shown = AnalysisShown(
                analysis=found.event,
                place=found.whole.place,
                at_ms=found.whole.at_ms,
                standing=found.event.status,
            )
        return reply(request, analysis_item(shown), now_ms=served.now_ms())

    return router


def decision_routes(served: Served) -> APIRouter:
    """Return the routes of decisions."""
    router = APIRouter(tags=["analyst"])
    view = served.view

    @router.get("/decisions", responses=replies(shapes.DecisionsReply))
    async def decisions(request: Request, asked: Annotated[DecisionsAsked, Query()]) -> Response:
        """Return what became of candidates, the newest first."""
        page = page_of(
            (
                kept
                for kept in view.analyst.decisions
                if asked.asset in (None, kept.item.asset)
                and asked.outcome in (None, kept.item.outcome)
            ),
            key=lambda kept: (kept.item.decided_ms, kept.item.decision_id),
            asked=asked,
        )
        items = [
            _decision_item(DecisionShown(decision=kept.item, place=kept.place, at_ms=kept.at_ms))
            for kept in page.items
        ]
        return reply(
            request, shapes.DecisionsReply(items=items, next=page.next), now_ms=served.now_ms()
        )

    @router.get("/decisions/{decision_id:path}", responses=replies(shapes.DecisionItem, 404, 410))
    async def decision(request: Request, decision_id: Id) -> Response:
        """Return a decision by its id, which is its candidate's analysis id."""
        shown = view.decision_of(decision_id)
        if shown is None:
            found = await served.lookup.decision(decision_id)
            if isinstance(found, Missing):
                raise RefusedError(missing("decision", decision_id, found, "the ids of /decisions"))
            shown = DecisionShown(
                decision=found.event, place=found.whole.place, at_ms=found.whole.at_ms
            )
        return reply(request, _decision_item(shown), now_ms=served.now_ms())

    return router


def alert_routes(served: Served) -> APIRouter:
    """Return the routes of alerts."""
    router = APIRouter(tags=["alerts"])
    view = served.view

    @router.get("/alerts", responses=replies(shapes.AlertsReply))
    async def alerts(request: Request, asked: Annotated[AlertsAsked, Query()]) -> Response:
        """Return alerts by when they began, the newest first, with their transitions."""
        now_ms = served.now_ms()
        found = (kept.alert for kept in view.alert_book if _fits(kept.alert, asked))
        if asked.asking:
            found = (
                alert
                for alert in found
                if (as_shown := view.alert(alert.alert_id, now_ms)) is not None and as_shown.asks
            )
        page = page_of(found, key=lambda alert: (alert.since_ms, alert.alert_id), asked=asked)
        shown = [s for a in page.items if (s := view.alert(a.alert_id, now_ms)) is not None]
        told = shapes.AlertsReply(items=[alert_item(one) for one in shown], next=page.next)
        return reply(request, told, now_ms=now_ms)

    @router.get("/alerts/{alert_id:path}", responses=replies(shapes.AlertItem, 404))
    async def alert(request: Request, alert_id: Id) -> Response:
        """Return an alert: its transitions, who acknowledged or muted it, and whom it was told to."""
        now_ms = served.now_ms()
        found = view.alert(alert_id, now_ms)
        if found is None:
            raise RefusedError(unknown("alert", alert_id, "the ids of /alerts"))
        return reply(request, alert_item(found), now_ms=now_ms)

    return router


def _is_asked(analysis: Analysis, asked: AnalysesAsked) -> bool:
    return (
        asked.asset in (None, analysis.asset)
        and asked.product in (None, analysis.product)
        and asked.severity in (None, analysis.severity)
        and asked.origin in (None, analysis.origin)
        and asked.since_ms <= analysis.as_of_ms <= asked.until_ms
    )


def _fits(alert: Alert, asked: AlertsAsked) -> bool:
    return (
        asked.asset in (None, alert.asset)
        and asked.rule in (None, alert.rule)
        and asked.state in (None, alert.state)
        and asked.severity in (None, alert.severity)
        and alert.since_ms >= asked.since_ms
    )


def analysis_item(shown: AnalysisShown) -> shapes.AnalysisItem:
    """Return an analysis with its links."""
    analysis = shown.analysis
    page = links.analysis(analysis.analysis_id)
    found: shapes.Links = {
        "self": links.of_api(page),
        "page": page,
        "path": links.of_api(page) + "/path",
        "asset": links.asset(analysis.asset),
        "aggregates": [
            links.aggregate(i) for i in dict.fromkeys(f.aggregate_id for f in analysis.facts)
        ],
    }
    if analysis.trigger.alert_id is not None:
        found["alert"] = links.alert(analysis.trigger.alert_id)
    if shown.replaced_by is not None:
        found["replaced_by"] = links.analysis(shown.replaced_by)
    return shapes.AnalysisItem(shown=shown, words=shown.words, links=found)


def alert_item(shown: AlertShown) -> shapes.AlertItem:
    """Return an alert with its links."""
    alert = shown.alert
    page = links.alert(alert.alert_id)
    return shapes.AlertItem(
        shown=shown,
        fires=shown.fires,
        asks=shown.asks,
        links={
            "self": links.of_api(page),
            "page": page,
            "asset": links.asset(alert.asset),
            "aggregates": [links.aggregate(i) for i in alert.aggregate_ids],
            "analyses": [links.analysis(i) for i in shown.analysis_ids],
        },
    )


def _decision_item(shown: DecisionShown) -> shapes.DecisionItem:
    decision = shown.decision
    found: shapes.Links = {
        "self": links.decision(decision.decision_id),
        "asset": links.asset(decision.asset),
        "aggregates": [links.aggregate(i) for i in decision.aggregate_ids],
    }
    if decision.analysis_id is not None:
        found["analysis"] = links.analysis(decision.analysis_id)
    if decision.alert_id is not None:
        found["alert"] = links.alert(decision.alert_id)
    return shapes.DecisionItem(shown=shown, links=found)
