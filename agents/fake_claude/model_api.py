"""``/v1/models`` on HTTP."""

from collections.abc import Iterable

from aiohttp import web

from .envelope import reply_json
from .errors import refuse_unknown
from .models import MODELS, Model, model_info
from .pages import page


class ModelApi:
    """Shows the models there are."""

    def __init__(self, models: dict[str, Model]) -> None:
        """Take the models by every id they answer to."""
        self._models = models

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.get("/v1/models", self._list),
            web.get("/v1/models/{id}", self._find),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        stages = query.getall("lifecycle[]", query.getall("lifecycle", ["active", "deprecated"]))
        infos = [model_info(model) for model in MODELS.values()]
        return reply_json(page([info for info in infos if info["lifecycle"] in stages], query))

    async def _find(self, request: web.Request) -> web.Response:
        model = self._models.get(request.match_info["id"])
        if model is None:
            refuse_unknown(f"model: {request.match_info['id']}")
        return reply_json(model_info(model))
