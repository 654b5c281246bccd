"""``/_fake/`` on HTTP: the fake's own paths, to read its bill and to change its script."""

from collections.abc import Callable, Iterable

from aiohttp import web

from .bill import Bill
from .envelope import reply_json
from .errors import ScriptError, refuse
from .faults import Player, load


class OwnApi:
    """What no real API has."""

    def __init__(self, bill: Bill, player: Player, before_bill: Callable[[], object]) -> None:
        """Take what it shares with the other paths. ``before_bill`` brings the bill up to date."""
        self._bill = bill
        self._player = player
        self._before_bill = before_bill

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.get("/_fake/bill", self._show_bill),
            web.delete("/_fake/bill", self._clear_bill),
            web.get("/_fake/script", self._show_script),
            web.put("/_fake/script", self._put_script),
        ]

    async def _show_bill(self, _: web.Request) -> web.Response:
        self._before_bill()
        return reply_json(self._bill.view())

    async def _clear_bill(self, _: web.Request) -> web.Response:
        self._before_bill()
        self._bill.clear()
        return web.Response(status=204)

    async def _show_script(self, _: web.Request) -> web.Response:
        return reply_json({"steps": self._player.script, "requests": self._player.requests})

    async def _put_script(self, request: web.Request) -> web.Response:
        """Play another script from its beginning: the next request is its first."""
        try:
            self._player.restart(load(await request.read()))
        except ScriptError as error:
            refuse(str(error))
        return web.Response(status=204)
