"""The model port on the Anthropic SDK, and the only module that knows the SDK.

The SDK's own retries are off (its retries after a read time-out can be billed twice). The raw body is read and
metered before anything is parsed: an answer that cannot be used has still been paid.

The SDK's own HTTP client would take proxies from the environment and follow redirects, and an
`ANTHROPIC_CUSTOM_HEADERS` could replace the key. Ours goes to the given address, with the given key, once.
"""

import asyncio
from collections.abc import Generator
from typing import Annotated, Any

import anthropic
import httpx2
import msgspec
from msgspec import Meta, Struct

from agents.answer.verdict import ANSWER_SCHEMA
from agents.ask.breaker import Outcome
from agents.ask.model import Reply
from agents.ask.prompt import Prompt
from topics import Usage

_Tokens = Annotated[int, Meta(ge=0, le=2**53)]
"""A count below 0 would be paid back by the ledger."""


class _Details(Struct):
    thinking_tokens: _Tokens | None = None


class _Usage(Struct):
    input_tokens: _Tokens
    output_tokens: _Tokens
    cache_creation_input_tokens: _Tokens | None = None
    cache_read_input_tokens: _Tokens | None = None
    output_tokens_details: _Details | None = None


class _Block(Struct):
    type: str
    text: str = ""


class _Metered(Struct):
    usage: _Usage


class _Message(Struct):
    content: list[_Block]
    stop_reason: str


_metered = msgspec.json.Decoder(_Metered).decode
_message = msgspec.json.Decoder(_Message).decode

_OUTCOMES = {
    "max_tokens": "truncated",
    "refusal": "refused",
    "model_context_window_exceeded": "too_long",
}
_CLOSED_DOORS = {401, 402, 403}
"""Answers that stay the same until somebody acts."""
_SERVER_ERROR = 500
_NOT_BEGUN = {(500, "api_error"), (529, "overloaded_error")}
"""Server errors by which the API itself says that it did not answer."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout)
_TIMED_OUT = {408, 499}
"""Somebody between gave up waiting; the model may have answered."""
_ERROR_TYPES = {
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
    "conflict_error",
}
"""Those the API documents; another is told by its status."""


class _KeyAuth(httpx2.Auth):
    """Sends the key that was given, whatever headers the environment adds."""

    def __init__(self, key: str) -> None:
        self._header = f"Bearer {key}"

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers.pop("x-api-key", None)
        request.headers["authorization"] = self._header
        yield request


class Claude:
    """One model behind one address."""

    def __init__(self, *, provider: str, name: str, base_url: str, api_key: str) -> None:
        """Prepare; the first call connects. Address and key are given, never read from the environment."""
        self.provider, self.name = provider, name
        self._client = anthropic.AsyncAnthropic(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            http_client=httpx2.AsyncClient(
                auth=_KeyAuth(api_key), trust_env=False, follow_redirects=False
            ),
        )

    async def ask(self, prompt: Prompt, *, output_tokens_max: int, timeout_s: float) -> Reply:
        """Send one request, once, and say what came of it within ``timeout_s`` in all."""
        try:
            # The SDK's time-out is for each read, and a byte now and then would pass it for ever.
            async with asyncio.timeout(timeout_s):
                response = await self._send(prompt, output_tokens_max, timeout_s)
                body = await response.read()
        except anthropic.APIStatusError as error:
            return refusal_of(error.status_code, error.type, error.response.headers, str(error))
        except (anthropic.APITimeoutError, TimeoutError) as error:
            return _lost("timeout", f"no answer within {timeout_s:g} s", error)
        except anthropic.APIConnectionError as error:
            return _lost("connection", repr(error.__cause__ or error), error)
        return reply_of(body, response.request_id)

    async def _send(self, prompt: Prompt, output_tokens_max: int, timeout_s: float) -> Any:  # noqa: ANN401 - the SDK's raw response
        return await self._client.messages.with_raw_response.create(
            model=self.name,
            max_tokens=output_tokens_max,
            system=[
                {"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}
            ],
            messages=[{"role": "user", "content": prompt.user}],
            output_config={
                "effort": "low",
                "format": {"type": "json_schema", "schema": ANSWER_SCHEMA},
            },
            timeout=timeout_s,
        )

    async def close(self) -> None:
        """Disconnect."""
        await self._client.close()


def reply_of(body: bytes, request_id: str | None) -> Reply:
    """Return what a 200 says: its usage first, then whether it is an answer."""
    try:
        usage = _counted(_metered(body).usage)
    except msgspec.DecodeError as error:
        return Reply(
            outcome="malformed",
            health=Outcome.FAILURE,
            usage=None,
            message=f"a 200 that is no message: {error}",
            request_id=request_id,
        )
    try:
        message = _message(body)
    except msgspec.DecodeError as error:
        return Reply(
            outcome="malformed",
            health=Outcome.FAILURE,
            usage=usage,
            message=str(error),
            request_id=request_id,
        )
    outcome = (
        "answered"
        if message.stop_reason == "end_turn"
        else _OUTCOMES.get(message.stop_reason, "unexpected_stop")
    )
    text = "".join(block.text for block in message.content if block.type == "text")
    return Reply(
        outcome=outcome,
        health=Outcome.SUCCESS if outcome == "answered" else Outcome.IGNORED,
        usage=usage,
        text=text if outcome == "answered" else None,
        message="" if outcome == "answered" else f"stop_reason {message.stop_reason}",
        stop_reason=message.stop_reason,
        request_id=request_id,
    )


def refusal_of(status: int, error_type: str | None, headers: Any, message: str) -> Reply:  # noqa: ANN401 - any mapping
    """Return what an error answer means, by status and type, never by its text.

    A 429 says that we are too fast and a 4xx that we are wrong: neither says that the model is ill. Nothing was
    used if the API itself refused; where a gateway gave up waiting for it, nobody knows.
    """
    not_begun = status < _SERVER_ERROR or (status, error_type) in _NOT_BEGUN
    outcome = error_type if error_type in _ERROR_TYPES else f"status_{status}"
    ill = status >= _SERVER_ERROR or status in _CLOSED_DOORS or error_type == "overloaded_error"
    retry_after = headers.get("retry-after")
    return Reply(
        outcome=outcome,
        health=Outcome.FAILURE if ill else Outcome.IGNORED,
        usage=Usage() if not_begun and status not in _TIMED_OUT else None,
        message=f"{status}: {message}"[:500],
        request_id=headers.get("request-id"),
        retry_after_s=_seconds(retry_after),
    )


def _lost(outcome: str, message: str, error: Exception) -> Reply:
    """Return what a call without an answer means: nobody knows what it cost, unless it was never sent."""
    sent = not isinstance(error.__cause__, _NOT_SENT)
    usage = None if sent else Usage()
    return Reply(outcome=outcome, health=Outcome.FAILURE, usage=usage, message=message)


def _counted(usage: _Usage) -> Usage:
    details = usage.output_tokens_details
    return Usage(
        input_tokens=usage.input_tokens,
        cache_creation_input_tokens=usage.cache_creation_input_tokens or 0,
        cache_read_input_tokens=usage.cache_read_input_tokens or 0,
        output_tokens=usage.output_tokens,
        thinking_tokens=(details.thinking_tokens or 0) if details else 0,
    )


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
