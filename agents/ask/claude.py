"""The model port on the Anthropic SDK, and the only module that knows the SDK.

The same port speaks to Anthropic and to any server of `/v1/messages`, to Bedrock with an API key of it, and to Vertex
with an access token: each by the SDK's own client, which needs neither boto3 nor google-auth where it is given a token.

The SDK's own retries are off (its retries after a read time-out can be billed twice). The raw body is read and
metered before anything is parsed: an answer that cannot be used has still been paid.

It is given an HTTP client of ours (`transport.py`), which reads no more than `BODY_BYTES_MAX` of what comes back.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
import msgspec
from anthropic.types import OutputConfigParam
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from agents.ask.model import Reply
from agents.ask.outcomes import (
    OUTCOMES,
    CallOutcome,
    Money,
    outcome_of_error,
    outcome_of_stop,
    rate_limits,
    retry_after_s,
)
from agents.ask.prompt import AnswerSchema, Prompt
from agents.ask.transport import OversizedError, http_client
from agents.ask.wire import NOT_JSON, counted, failed, message_of, metered
from agents.endpoints import Dialect
from topics import Usage
from topics.journal import ANSWER_CHARS_MAX

BODY_BYTES_MAX = 1 << 20
"""Of an answer, errors included: twice what 20,000 tokens take with every character escaped."""
CONNECT_S = 5.0
"""A connection that takes longer will not come, and what was never sent costs nothing."""
MESSAGE_CHARS_MAX = 500
"""Of an error's own words, for the log."""

_SCHEMA_TOLD = "Answer with one JSON object and nothing else, neither prose nor a code fence, that conforms to this JSON Schema:\n"
"""The bytes of the schema are a part of every reservation; the sentence is within what is added to it."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


Client = anthropic.AsyncAnthropic | anthropic.AsyncAnthropicBedrock | anthropic.AsyncAnthropicVertex


class Claude:
    """One model behind one address."""

    def __init__(
        self,
        *,
        provider: str,
        name: str,
        base_url: str,
        api_key: str,
        dialect: Dialect = "anthropic",
        model_id: str | None = None,
        region: str | None = None,
        project: str | None = None,
        output_config: bool = True,
    ) -> None:
        """Prepare; the first call connects. Address and key are given, never read from the environment.

        ``model_id`` is what the provider calls the model, its name unless given. ``output_config``: whether the server
        takes a schema for the answer; if not, the model is told of it.
        """
        self.provider, self.name = provider, name
        self._model_id, self._output_config = model_id or name, output_config
        self._client = _client_of(dialect, base_url, api_key, region or "", project or "")

    async def ask(
        self, prompt: Prompt, *, attempt_id: str, output_tokens_max: int, timeout_s: float
    ) -> Reply:
        """Send one request, once, and say what came of it within ``timeout_s`` in all."""
        try:
            # The SDK's time-out is for each read, and a byte now and then would pass it for ever.
            async with asyncio.timeout(timeout_s):
                response = await self._send(prompt, attempt_id, output_tokens_max, timeout_s)
                body = await response.read()
        except anthropic.APIStatusError as error:
            return reply_of_error(error)
        except (anthropic.APIConnectionError, TimeoutError) as error:
            return reply_without_answer(error, timeout_s)
        return reply_of(body, response.headers)

    async def _send(
        self, prompt: Prompt, attempt_id: str, output_tokens_max: int, timeout_s: float
    ) -> Any:  # noqa: ANN401 - the SDK's raw response
        return await self._client.messages.with_raw_response.create(
            **params_of(
                prompt,
                self._model_id,
                attempt_id=attempt_id,
                output_tokens_max=output_tokens_max,
                output_config=self._output_config,
            ),
            timeout=time_out(timeout_s),
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()


def _client_of(dialect: Dialect, base_url: str, api_key: str, region: str, project: str) -> Client:
    """Return the SDK's client of a dialect, on a transport of ours."""
    http = http_client(api_key, BODY_BYTES_MAX)
    match dialect:
        case "bedrock":
            return anthropic.AsyncAnthropicBedrock(
                base_url=base_url,
                api_key=api_key,
                aws_region=region,
                max_retries=0,
                http_client=http,
            )
        case "vertex":
            return anthropic.AsyncAnthropicVertex(
                base_url=base_url,
                access_token=api_key,
                region=region,
                project_id=project,
                max_retries=0,
                http_client=http,
            )
        case "anthropic":
            return anthropic.AsyncAnthropic(
                base_url=base_url, api_key=api_key, max_retries=0, http_client=http
            )


def params_of(
    prompt: Prompt,
    model_id: str,
    *,
    attempt_id: str,
    output_tokens_max: int,
    output_config: bool,
) -> MessageCreateParamsNonStreaming:
    """Return a request's parameters, whether it is sent by itself or in a batch."""
    told = "" if output_config else f"\n\n{_SCHEMA_TOLD}{_text(prompt.schema)}"
    text = f"{prompt.system}{told}"
    params: MessageCreateParamsNonStreaming = {
        "model": model_id,
        "max_tokens": output_tokens_max,
        "system": [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": prompt.user}],
        # Nobody's name: it finds the call in the provider's logs.
        "metadata": {"user_id": attempt_id},
    }
    if output_config:
        params["output_config"] = _output_config(prompt.schema)
    return params


def time_out(timeout_s: float) -> httpx2.Timeout:
    """Return how long the SDK waits for one step of a request."""
    return httpx2.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s))


def _output_config(schema: AnswerSchema) -> OutputConfigParam:
    return {"effort": "low", "format": {"type": "json_schema", "schema": schema.schema}}


def _text(schema: AnswerSchema) -> str:
    return msgspec.json.encode(schema.schema, order="sorted").decode()


def reply_of(body: bytes, headers: Mapping[str, str]) -> Reply:
    """Return what a 200 says: its usage first, then whether it is an answer."""
    try:
        usage = counted(metered(body).usage)
    except NOT_JSON as error:
        return _reply_of_unmetered(body, headers, str(error))
    try:
        message = message_of(body)
    except NOT_JSON as error:
        return _reply(OUTCOMES["malformed"], headers, usage=usage, message=str(error))
    outcome = outcome_of_stop(message.stop_reason)
    if outcome.name != "answered":
        words = f"stop_reason {str(message.stop_reason)[:MESSAGE_CHARS_MAX]}"
        return _reply(outcome, headers, usage=usage, message=words, stop=message.stop_reason)
    text = "".join(block.text for block in message.content if block.type == "text")
    if len(text) > ANSWER_CHARS_MAX:
        # Our schema bounds it far below; the journal could be written with it, and then not be read.
        words = f"an answer of {len(text)} characters"
        outcome, stop = OUTCOMES["broken_schema"], message.stop_reason
        return _reply(outcome, headers, usage=usage, message=words, stop=stop)
    return _reply(outcome, headers, usage=usage, text=text, stop=message.stop_reason)


def reply_of_error(error: anthropic.APIStatusError) -> Reply:
    """Return what an error answer means, or an error in a stream, which the SDK raises with the status 200."""
    outcome = outcome_of_error(
        error.status_code,
        _word(error.type),
        error.error_code,
        message=_word(error.api_message) or "",
        in_stream=error.status_code == httpx2.codes.OK,
    )
    return _reply(outcome, error.response.headers, message=f"{error.status_code}: {error}")


def reply_without_answer(error: Exception, timeout_s: float) -> Reply:
    """Return what a call without an answer means: nobody knows what it cost, unless it was never sent."""
    cause = error.__cause__
    if isinstance(cause, _NOT_SENT):
        return _reply(OUTCOMES["unreachable"], {}, message=repr(cause))
    if isinstance(cause, OversizedError):
        return _reply(OUTCOMES["oversized"], {}, message=str(cause))
    if isinstance(error, anthropic.APITimeoutError | TimeoutError):
        return _reply(OUTCOMES["timeout"], {}, message=f"no answer within {timeout_s:g} s")
    return _reply(OUTCOMES["cut"], {}, message=repr(cause or error))


def _reply_of_unmetered(body: bytes, headers: Mapping[str, str], complaint: str) -> Reply:
    """Return what a 200 without usage is: an error in the place of a message, or no message at all."""
    try:
        error = failed(body).error
    except NOT_JSON:
        words = f"a 200 that is no message: {complaint}"
        return _reply(OUTCOMES["unreadable"], headers, message=words)
    outcome = outcome_of_error(httpx2.codes.OK, error.type, in_stream=True)
    return _reply(outcome, headers, message=f"in a 200: {error.type}: {error.message}")


def _reply(
    outcome: CallOutcome,
    headers: Mapping[str, str],
    *,
    usage: Usage | None = None,
    message: str = "",
    text: str | None = None,
    stop: str | None = None,
) -> Reply:
    """Return a reply. What was used is known if the outcome says so, whatever the body claims."""
    known = {Money.USED: usage, Money.RELEASE: Usage(), Money.UNKNOWN: None}
    return Reply(
        outcome=outcome.name,
        health=outcome.breaker,
        usage=known[outcome.money],
        text=text,
        message=message[:MESSAGE_CHARS_MAX],
        stop_reason=stop,
        request_id=headers.get("request-id") or headers.get("x-amzn-requestid"),
        retry_after_s=retry_after_s(headers),
        limits=rate_limits(headers),
    )


def _word(value: object) -> str | None:
    """Return a text as it is; the SDK does not check what it takes from an error's body."""
    return value if isinstance(value, str) else None
