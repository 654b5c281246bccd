"""``/v1/messages`` on HTTP: ask for a message, or for what one would cost."""

import time
from collections.abc import Iterable

from aiohttp import web

from . import answers, delivery, dialect, rules
from .bill import Bill, Entry
from .envelope import headers_of, id_of, read_json, reply_json
from .faults import Player, Step
from .ids import Ids
from .limits import Limits, headers
from .models import Model
from .settings import FakeClaudeSettings


class MessageApi:
    """Answers, bills and delivers, or fails as the script says."""

    def __init__(
        self,
        settings: FakeClaudeSettings,
        models: dict[str, Model],
        ids: Ids,
        bill: Bill,
        player: Player,
    ) -> None:
        """Take what it shares with the other paths."""
        self._settings = settings
        self._models = models
        self._ids = ids
        self._bill = bill
        self._player = player
        self._limits = Limits()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.post("/v1/messages", self._create),
            web.post("/v1/messages/count_tokens", self._count),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        arrived_s = time.time()
        asked = rules.judge(dialect.check_message(await read_json(request)), self._models)
        step = self._player.next(time.monotonic())
        wait_s = delivery.wait_s(self._settings, self._player.requests, step)
        if (error := delivery.refusal_of(step, streams=asked.streams)) is not None:
            await delivery.pause(wait_s)
            raise error
        reply = self._reply(asked, step)
        entry = self._charge(request, asked, reply, step, arrived_s)
        parcel = delivery.Parcel(
            message=answers.message(reply, asked, entry.message_id),
            usage=reply.usage,
            entry=entry,
            headers=headers_of(request) | headers(self._limits, reply.usage, arrived_s),
            request_id=id_of(request),
            wait_s=wait_s,
            streams=asked.streams,
        )
        return await delivery.deliver(request, parcel)

    async def _count(self, request: web.Request) -> web.Response:
        body = dialect.check_count(await read_json(request))
        asked = rules.judge(body, self._models, counts=True)
        return reply_json({"input_tokens": asked.prompt_tokens})

    def _reply(self, asked: rules.Asked, step: Step | None) -> answers.Answer:
        if step is not None and step.fault == "refusal":
            return answers.refusal(asked, step.category)
        return answers.answer(asked)

    def _charge(
        self,
        request: web.Request,
        asked: rules.Asked,
        reply: answers.Answer,
        step: Step | None,
        arrived_s: float,
    ) -> Entry:
        entry = Entry(
            at_ms=int(arrived_s * 1000),
            model=asked.model.id,
            usage=reply.usage,
            message_id=self._ids.make("msg", id_of(request)),
            charged=reply.charged,
            request_id=id_of(request),
            user_id=(asked.body.get("metadata") or {}).get("user_id"),
            fault=None if step is None else step.fault,
        )
        self._bill.charge(entry)
        return entry
