"""``/v1/messages`` on HTTP, and what Bedrock and Vertex have for it: ask for a message, or for what one would cost."""

import time
from collections.abc import Iterable

from aiohttp import web
from msgspec import structs

from . import answers, delivery, dialect, plain, platforms, refusals, rules
from .bill import Entry
from .envelope import headers_of, id_of, platform_of, read_json, reply_json
from .faults import Step
from .ids import Ids
from .models import Model
from .organization import Organization
from .platforms import Platform
from .prompt import pieces
from .settings import FakeClaudeSettings
from .spoiling import is_spoiling


class MessageApi:
    """Answers, bills and delivers, or fails as the script says."""

    def __init__(
        self,
        settings: FakeClaudeSettings,
        models: dict[str, Model],
        ids: Ids,
        organization: Organization,
    ) -> None:
        """Take what it shares with the other paths."""
        self._settings = settings
        self._models = models
        self._ids = ids
        self._organization = organization

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the paths and who answers them."""
        return [
            web.post("/v1/messages", self._create),
            web.post(platforms.BEDROCK_PATH, self._create),
            web.post(platforms.VERTEX_PATH, self._create),
            web.post("/v1/messages/count_tokens", self._count),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        asked = self._asked(platform_of(request), await read_json(request), request)
        arrived_s, started_s = time.time(), time.monotonic()  # no await until it is billed
        step = self._organization.player.next(started_s, asked.model.id, int(arrived_s * 1000))
        wait_s = delivery.wait_s(self._settings, self._organization.player.requests, step)
        if (error := refusals.refusal_of(step, streams=asked.streams)) is not None:
            await delivery.pause(wait_s)
            raise error
        split = self._organization.prompt_cache.split(asked.model, pieces(asked.body), started_s)
        reply = _reply(asked, step)
        reply = structs.replace(reply, usage=split.of(reply.usage))
        told = self._organization.buckets.take(
            asked.model.line, reply.usage, asked.max_tokens, arrived_s
        )
        if wait_s is not None:
            self._organization.prompt_cache.keep(split, started_s, started_s + wait_s)
        entry = self._charge(request, asked, reply, step, arrived_s)
        platform = platform_of(request)
        message = answers.message(reply, asked, entry.message_id)
        told = platforms.headers_of(platform, limits=told, usage=reply.usage)
        parcel = delivery.Parcel(
            message=plain.message_of(message) if platform == "plain" else message,
            usage=reply.usage,
            entry=entry,
            headers=headers_of(request) | told,
            request_id=id_of(request),
            wait_s=wait_s,
            streams=asked.streams,
            spread_s=delivery.spread_s(step),
        )
        return await delivery.deliver(request, parcel)

    def _asked(self, platform: Platform, body: object, request: web.Request) -> rules.Asked:
        """Return a request that is fit to be answered, whoever's words it is in."""
        body = platforms.message_body(platform, body, request.match_info.get("model"))
        checked = dialect.check_message(body)
        if platform != "plain":
            return rules.judge(checked, self._models)
        name = checked["model"]
        return rules.judge(plain.heard(checked), {name: plain.model_of(name)})

    async def _count(self, request: web.Request) -> web.Response:
        body = dialect.check_count(await read_json(request))
        asked = rules.judge(body, self._models, counts=True)
        return reply_json({"input_tokens": asked.prompt_tokens})

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
            cost_nano_usd=answers.cost_nano_usd(reply, asked),
            message_id=self._ids.make("msg", id_of(request)),
            charged=reply.charged,
            request_id=id_of(request),
            user_id=(asked.body.get("metadata") or {}).get("user_id"),
            fault=None if step is None else step.fault,
        )
        self._organization.bill.charge(entry)
        return entry


def _reply(asked: rules.Asked, step: Step | None) -> answers.Answer:
    if step is None:
        return answers.answer(asked)
    if step.fault == "refusal":
        return answers.refusal(asked, step.category)
    return answers.answer(asked, step.fault if is_spoiling(step.fault) else None)
