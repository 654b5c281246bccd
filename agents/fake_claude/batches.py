"""Message batches: taken at once, answered when they end.

A batch ends ``batch_s`` after its creation, or ``CANCELING_S`` after it was cancelled. Time is an argument; whoever
asks first after the end makes it end. A request that is not right does not stop its batch: its result is an error.
"""

from math import inf
from typing import Any

from msgspec import Struct, structs

from . import answers, dialect, rules
from .batch_faults import RequestFault
from .errors import ApiError, refuse, refuse_unknown
from .ids import Ids
from .models import Model
from .rfc3339 import rfc3339
from .spoiling import is_spoiling
from .usage import Usage

BATCHES_MAX = 1_000
"""Batches kept; beyond it the oldest that has ended is forgotten, and if none has, a new one is refused."""
REQUESTS_MAX = 10_000
"""Requests of one batch. The API takes ten times as many; the fake answers them all in one go."""
CANCELING_S = 1.0
EXPIRES_S = 24 * 3600
CUSTOM_ID_CHARS_MAX = 64

_COUNTS = ("processing", "succeeded", "errored", "canceled", "expired")


class Used(Struct, frozen=True):
    """What one request of a batch used: for the bill."""

    custom_id: str
    message_id: str
    model: str
    usage: Usage
    cost_nano_usd: int
    charged: bool
    user_id: str | None
    """The client's own name for it, if it gave one."""


class Batch(Struct, kw_only=True):
    """One batch. Its results are there once it has ended."""

    id: str
    requests: list[dict[str, Any]]
    created_s: float
    ends_s: float
    cancelled_s: float | None = None
    results: list[dict[str, Any]] | None = None
    used: list[Used] = []
    faults: dict[int, RequestFault] = {}
    """What goes wrong with its requests, by their place."""

    @property
    def status(self) -> str:
        """Its ``processing_status``."""
        if self.results is not None:
            return "ended"
        return "in_progress" if self.cancelled_s is None else "canceling"

    def view(self, origin: str) -> dict[str, Any]:
        """Return it as the API's ``MessageBatch``. ``origin`` is the server's own URL."""
        results = self.results
        counts = dict.fromkeys(_COUNTS, 0)
        for result in results or []:
            counts[result["result"]["type"]] += 1
        if results is None:
            counts["processing"] = len(self.requests)
        url = f"{origin}/v1/messages/batches/{self.id}/results"
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self.status,
            "request_counts": counts,
            "created_at": rfc3339(self.created_s),
            "expires_at": rfc3339(self.created_s + EXPIRES_S),
            "ended_at": None if results is None else rfc3339(self.ends_s),
            "cancel_initiated_at": None if self.cancelled_s is None else rfc3339(self.cancelled_s),
            "archived_at": None,
            "results_url": None if results is None else url,
        }


class Batches:
    """All batches of one server, newest last."""

    def __init__(
        self, models: dict[str, Model], ids: Ids, *, batch_s: float, examples: frozenset[str]
    ) -> None:
        """Begin without any. ``examples`` are ids that always name a batch that never ends."""
        self._models = models
        self._ids = ids
        self._batch_s = batch_s
        self._examples = examples
        self._batches: dict[str, Batch] = {}
        self._created = 0

    def create(
        self, body: object, now_s: float, faults: dict[int, RequestFault] | None = None
    ) -> Batch:
        """Take a batch.

        Raises:
            ApiError: 400 for a body that is not a list of named requests; 429 when too many batches are open.
        """
        requests = _requests(body)
        self._make_room()
        self._created += 1
        batch = Batch(
            id=self._ids.make("msgbatch", self._created),
            requests=requests,
            created_s=now_s,
            ends_s=now_s + self._batch_s,
            faults=faults or {},
        )
        self._batches[batch.id] = batch
        return batch

    def end(self, now_s: float) -> list[Batch]:
        """End the batches whose time has come and return them, to be billed."""
        ended = [
            batch
            for batch in self._batches.values()
            if batch.results is None and batch.ends_s <= now_s
        ]
        for batch in ended:
            self._answer(batch)
        return ended

    def find(self, batch_id: str, now_s: float) -> Batch:
        """Return a batch.

        Raises:
            ApiError: 404.
        """
        if batch_id in self._examples:
            return Batch(id=batch_id, requests=[], created_s=now_s, ends_s=inf)
        if batch_id not in self._batches:
            refuse_unknown(f"Message batch {batch_id} was not found")
        return self._batches[batch_id]

    def newest_first(self) -> list[Batch]:
        """Return all batches."""
        return list(reversed(self._batches.values()))

    def cancel(self, batch_id: str, now_s: float) -> Batch:
        """Cancel a batch that has not ended.

        Raises:
            ApiError: 404, or 400 where it has ended.
        """
        batch = self.find(batch_id, now_s)
        if batch.results is not None:
            refuse(f"Message batch {batch_id} has ended and cannot be canceled")
        if batch.cancelled_s is None:
            batch.cancelled_s = now_s
            batch.ends_s = min(batch.ends_s, now_s + CANCELING_S)
        return batch

    def delete(self, batch_id: str, now_s: float) -> dict[str, Any]:
        """Forget a batch that has ended.

        Raises:
            ApiError: 404, or 400 where it has not ended.
        """
        batch = self.find(batch_id, now_s)
        if batch.results is None and batch_id not in self._examples:
            refuse(f"Message batch {batch_id} has not ended: cancel it first")
        self._batches.pop(batch_id, None)
        return {"id": batch_id, "type": "message_batch_deleted"}

    def _make_room(self) -> None:
        if len(self._batches) < BATCHES_MAX:
            return
        oldest = next(
            (batch for batch in self._batches.values() if batch.results is not None), None
        )
        if oldest is None:
            raise ApiError(429, "rate_limit_error", f"At most {BATCHES_MAX} batches may be open")
        del self._batches[oldest.id]

    def _answer(self, batch: Batch) -> None:
        batch.results, batch.used = [], []
        for place, request in enumerate(batch.requests):
            result, used = self._result(batch, request, batch.faults.get(place))
            batch.results.append({"custom_id": request["custom_id"], "result": result})
            batch.used += used

    def _result(
        self, batch: Batch, request: dict[str, Any], fault: RequestFault | None
    ) -> tuple[dict[str, Any], list[Used]]:
        if batch.cancelled_s is not None:
            return {"type": "canceled"}, []
        if fault in {"canceled", "expired"}:
            return {"type": fault}, []
        custom_id = request["custom_id"]
        try:
            asked = self._judged(request["params"], fault)
        except ApiError as error:
            name = f"{batch.id}/{custom_id}"
            return {"type": "errored", "error": error.body(self._ids.make("req", name))}, []
        if fault == "refusal":
            reply = answers.refusal(asked, None)
        else:
            spoiling = fault if fault is not None and is_spoiling(fault) else None
            reply = answers.answer(asked, spoiling)
        reply = structs.replace(reply, usage=structs.replace(reply.usage, service_tier="batch"))
        message_id = self._ids.make("msg", f"{batch.id}/{custom_id}")
        cost = answers.cost_nano_usd(reply, asked)
        user_id = (asked.body.get("metadata") or {}).get("user_id")
        model_id = asked.model.id
        used = Used(custom_id, message_id, model_id, reply.usage, cost, reply.charged, user_id)
        return {"type": "succeeded", "message": answers.message(reply, asked, message_id)}, [used]

    def _judged(self, params: object, fault: RequestFault | None) -> rules.Asked:
        if fault == "errored":
            raise ApiError(500, "api_error", "Internal server error")
        asked = rules.judge(dialect.check_message(params), self._models)
        if asked.streams:
            refuse("stream: a batch's answers cannot be streamed")
        return asked


def _requests(body: object) -> list[dict[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not 1 <= len(requests) <= REQUESTS_MAX:
        refuse(f"requests: a list of 1 to {REQUESTS_MAX} requests is required")
    seen: set[str] = set()
    for at, request in enumerate(requests):
        if not isinstance(request, dict) or request.keys() != {"custom_id", "params"}:
            refuse(f"requests.{at}: custom_id and params are required, and nothing else")
        custom_id = request["custom_id"]
        if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= CUSTOM_ID_CHARS_MAX:
            refuse(f"requests.{at}.custom_id: a string of 1 to {CUSTOM_ID_CHARS_MAX} characters")
        if custom_id in seen:
            refuse(f"requests.{at}.custom_id: {custom_id!r} is not unique in this batch")
        seen.add(custom_id)
    return requests
