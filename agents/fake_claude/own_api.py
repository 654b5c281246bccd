"""``/_fake/`` on HTTP: the fake's own paths, to read its bill and to change its script."""

from collections.abc import Callable, Iterable

from aiohttp import web

from .bill import IDS
from .envelope import reply_json
from .errors import ScriptError, refuse
from .faults import load
from .organization import Organization


class OwnApi:
    """What no real API has."""

    def __init__(self, organization: Organization, before_bill: Callable[[], object]) -> None:
        """Take what it shares with the other paths. ``before_bill`` brings the bill up to date."""
        self._organization = organization
        self._before_bill = before_bill

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.get("/_fake/bill", self._show_bill),
            web.delete("/_fake/bill", self._clear_bill),
            web.get("/_fake/script", self._show_script),
            web.put("/_fake/script", self._put_script),
            web.post("/_fake/reset", self._reset),
        ]

    async def _show_bill(self, request: web.Request) -> web.Response:
        """Show the whole bill, or the entries of the ids that the query names."""
        if unknown := request.query.keys() - set(IDS):
            refuse(f"{min(unknown)}: a bill is searched by {', '.join(IDS)}")
        self._before_bill()
        return reply_json(self._organization.bill.view(**request.query))

    async def _clear_bill(self, _: web.Request) -> web.Response:
        self._before_bill()
        self._organization.bill.clear()
        return web.Response(status=204)

    async def _show_script(self, _: web.Request) -> web.Response:
        player = self._organization.player
        shown = {
            "steps": player.script,
            "requests": player.requests,
            "began_ms": player.began_ms,
        }
        return reply_json(shown)

    async def _reset(self, _: web.Request) -> web.Response:
        """Begin as after the start."""
        self._before_bill()
        self._organization.reset()
        return web.Response(status=204)

    async def _put_script(self, request: web.Request) -> web.Response:
        """Play another script from its beginning: the next request is its first."""
        try:
            self._organization.player.restart(load(await request.read()))
        except ScriptError as error:
            refuse(str(error))
        return web.Response(status=204)
