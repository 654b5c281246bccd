"""Message batches on the Anthropic SDK: create, look, list, read. Each request is sent once, and answered or an error.

Of the provider's dialects only its own has batches. The address of the results is ours to know: the one that an answer
names would be sent the key, whatever host it is on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

import anthropic
import httpx2
from anthropic.types.messages.batch_create_params import Request as BatchRequest

from agents.ask.batch import Batch, Came, Page, Request, batch_of, page_of, results_of
from agents.ask.claude import params_of, reply_of_error, reply_without_answer, time_out
from agents.ask.outcomes import OUTCOMES, Money
from agents.ask.transport import http_client
from agents.ask.wire import NOT_JSON
from topics import PipelineError

BODY_BYTES_MAX = 256 << 20
"""Of what is read at once: the results of the largest batch that is sent, with room."""
CREATE_S = 180.0
"""For the upload of a whole batch and its answer."""
LOOK_S = 30.0
READ_S = 600.0
"""For the results of a whole batch."""
PAGE = 100
"""Batches of one page of the list."""
_T = TypeVar("_T")


class BatchError(PipelineError):
    """A request of batches that came to nothing. ``outcome`` is a name of the table in `outcomes`."""

    def __init__(self, words: str, *, outcome: str, was_refused: bool) -> None:
        """Say what was asked for and what came of it."""
        super().__init__(words)
        self.outcome, self.was_refused = outcome, was_refused
        """Whether it surely had no effect; if not, nobody knows."""


class ClaudeBatches:
    """The batches of one account."""

    def __init__(
        self, *, base_url: str, api_key: str, model_id: str, output_config: bool = True
    ) -> None:
        """Prepare; the first request connects. Address and key are given, never read from the environment."""
        self._model_id, self._output_config = model_id, output_config
        self._client = anthropic.AsyncAnthropic(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            http_client=http_client(api_key, BODY_BYTES_MAX),
        )

    async def create(self, requests: Iterable[Request], *, timeout_s: float = CREATE_S) -> Batch:
        """Create a batch.

        Raises:
            BatchError: There is none if it was refused; else nobody knows.
        """
        params = [
            BatchRequest(
                custom_id=one.prompt.item_key,
                params=params_of(
                    one.prompt,
                    self._model_id,
                    attempt_id=one.attempt_id,
                    output_tokens_max=one.output_tokens_max,
                    output_config=self._output_config,
                ),
            )
            for one in requests
        ]
        raw = self._client.messages.batches.with_raw_response
        return await _asked(
            "the batch was not created",
            lambda: raw.create(requests=params, timeout=time_out(timeout_s)),
            batch_of,
            timeout_s,
        )

    async def find(self, batch_id: str) -> Batch:
        """Return how a batch is.

        Raises:
            BatchError: It is not there, or there is no answer.
        """
        raw = self._client.messages.batches.with_raw_response
        return await _asked(
            f"the batch {batch_id} cannot be looked at",
            lambda: raw.retrieve(batch_id, timeout=time_out(LOOK_S)),
            batch_of,
            LOOK_S,
        )

    async def page(self, after_id: str | None = None) -> Page:
        """Return the next page of all batches, the newest first.

        Raises:
            BatchError: There is no answer.
        """
        raw = self._client.messages.batches.with_raw_response
        after = anthropic.omit if after_id is None else after_id
        return await _asked(
            "the batches cannot be listed",
            lambda: raw.list(after_id=after, limit=PAGE, timeout=time_out(LOOK_S)),
            page_of,
            LOOK_S,
        )

    async def results(self, batch_id: str) -> dict[str, Came]:
        """Return what came of each request of a batch that has ended, by custom id.

        Raises:
            BatchError: It has not ended, or its results are not there any more, or there is no whole answer.
        """
        path = f"/v1/messages/batches/{batch_id}/results"
        return await _asked(
            f"the results of the batch {batch_id} cannot be read",
            lambda: self._client.get(
                path, cast_to=httpx2.Response, options={"timeout": time_out(READ_S)}
            ),
            results_of,
            READ_S,
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()


async def _asked(
    words: str, ask: Callable[[], Awaitable[Any]], read: Callable[[bytes], _T], timeout_s: float
) -> _T:
    """Send one request within a time, and return what its answer says.

    Raises:
        BatchError: There is none.
    """
    try:
        async with asyncio.timeout(timeout_s):
            response = await ask()
            body = response.read()
            body = await body if asyncio.iscoroutine(body) else body
    except anthropic.APIStatusError as error:
        reply = reply_of_error(error)
    except (anthropic.APIConnectionError, httpx2.HTTPError, TimeoutError) as error:
        reply = reply_without_answer(error, timeout_s)
    else:
        try:
            return read(body)
        except NOT_JSON as error:
            msg = f"{words}: an answer that cannot be read: {error}"
            raise BatchError(msg, outcome="unreadable", was_refused=False) from None
    msg = f"{words}: {reply.outcome}: {reply.message}"
    was_refused = OUTCOMES[reply.outcome].money is Money.RELEASE
    raise BatchError(msg, outcome=reply.outcome, was_refused=was_refused)
