"""The model port on the Anthropic SDK, and the only module that knows the SDK.

The SDK's own retries are off (its retries after a read time-out can be billed twice). The raw body is read and
metered before anything is parsed: an answer that cannot be used has still been paid.
"""

from typing import Any

import anthropic
import msgspec
from msgspec import Struct

from agents.answer.verdict import ANSWER_SCHEMA
from agents.ask.breaker import Outcome
from agents.ask.model import Reply
from agents.ask.prompt import Prompt
from topics import Usage


class _Details(Struct):
    thinking_tokens: int | None = None


class _Usage(Struct):
    input_tokens: int
    output_tokens: int
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
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


class Claude:
    """One model behind one address."""

    def __init__(self, *, provider: str, name: str, base_url: str, api_key: str) -> None:
        """Prepare; the first call connects. Address and key are given, never read from the environment."""
        self.provider, self.name = provider, name
        self._client = anthropic.AsyncAnthropic(base_url=base_url, api_key=api_key, max_retries=0)

    async def ask(self, prompt: Prompt, *, output_tokens_max: int, timeout_s: float) -> Reply:
        """Send one request, once, and say what came of it."""
        try:
            response = await self._client.messages.with_raw_response.create(
                model=self.name,
                max_tokens=output_tokens_max,
                system=[
                    {
                        "type": "text",
                        "text": prompt.system,
                        "cache_control": {"type": "ephemeral"},
                    }
                ],
                messages=[{"role": "user", "content": prompt.user}],
                output_config={
                    "effort": "low",
                    "format": {"type": "json_schema", "schema": ANSWER_SCHEMA},
                },
                timeout=timeout_s,
            )
            body = await response.read()
        except anthropic.APIStatusError as error:
            return refusal_of(error.status_code, error.type, error.response.headers, str(error))
        except anthropic.APITimeoutError:
            return _unknown("timeout", f"no answer within {timeout_s:g} s")
        except anthropic.APIConnectionError as error:
            return _unknown("connection", str(error.__cause__ or error))
        return reply_of(body, response.request_id)

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
    """Return what an error answer means, by status and type, never by its text. Nothing was used.

    A 429 says that we are too fast and a 4xx that we are wrong: neither says that the model is ill.
    """
    outcome = error_type if error_type in _ERROR_TYPES else f"status_{status}"
    ill = status >= _SERVER_ERROR or status in _CLOSED_DOORS or error_type == "overloaded_error"
    retry_after = headers.get("retry-after")
    return Reply(
        outcome=outcome,
        health=Outcome.FAILURE if ill else Outcome.IGNORED,
        usage=Usage(),
        message=f"{status}: {message}"[:500],
        request_id=headers.get("request-id"),
        retry_after_s=_seconds(retry_after),
    )


def _unknown(outcome: str, message: str) -> Reply:
    return Reply(outcome=outcome, health=Outcome.FAILURE, usage=None, message=message)


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
