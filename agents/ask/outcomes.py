"""What can come of a call, by name, and what each name means for all who have to hear of it. PURE.

An error is told by its status, its type and its code, in this order of trust: code, type, status, class of status.
Texts are not read, with one exception (`USAGE_LIMITS_TEXT`). What is none of these is told by its class.
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import msgspec
from msgspec import Struct

from agents.ask.breaker import Outcome


class Limiter(Enum):
    """What the pacing of this model does."""

    NONE = "none"
    PAUSE = "pause"
    """Nothing is sent until the time that `retry-after` says."""
    HALVE = "halve"
    """The same: we grew too fast. What is halved is the number of calls at once, which then grows slowly."""


class Concurrency(Enum):
    """What the number of calls at once does."""

    NONE = "none"
    UP = "up"
    DOWN = "down"
    HALVE = "halve"


class Retry(Enum):
    """Whether the same candidate is worth another send."""

    NEVER = "never"
    NOW_ONCE = "now_once"
    """The model answers otherwise when it is asked again; a second time it would have done so already."""
    LATER = "later"
    """Back to the inbox with a `not_before`."""
    LATER_ONCE = "later_once"
    """The same, but the first send may have been paid for nothing."""
    OTHER_MODEL = "other_model"


class Money(Enum):
    """What becomes of the reservation."""

    USED = "used"
    """The answer says what it used: settle."""
    RELEASE = "release"
    """Known not to have been sent, or refused by the API before any model read it."""
    UNKNOWN = "unknown"
    """Nobody knows: charged in full."""


class CallOutcome(Struct, frozen=True):
    """One name with all that it means."""

    name: str
    breaker: Outcome
    opens: bool
    """It stays so until somebody acts or a time is over: the breaker opens at once (`open_until`)."""
    limiter: Limiter
    concurrency: Concurrency
    retry: Retry
    money: Money


_OK, _ILL, _NA = Outcome.SUCCESS, Outcome.FAILURE, Outcome.IGNORED
_OPENS, _STAYS = True, False
_PAUSE, _SLOWER = Limiter.PAUSE, Limiter.HALVE
_UP, _DOWN, _HALF = Concurrency.UP, Concurrency.DOWN, Concurrency.HALVE
_NEVER, _NOW_ONCE, _LATER = Retry.NEVER, Retry.NOW_ONCE, Retry.LATER
_LATER_ONCE, _OTHER = Retry.LATER_ONCE, Retry.OTHER_MODEL
_USED, _FREE, _FULL = Money.USED, Money.RELEASE, Money.UNKNOWN
_L, _C = Limiter.NONE, Concurrency.NONE

# fmt: off
_TABLE = (
    # name                  breaker opens   limiter  concur. retry        money
    ("answered",            _OK,    _STAYS, _L,      _UP,    _NEVER,      _USED),
    ("truncated",           _NA,    _STAYS, _L,      _C,     _NOW_ONCE,   _USED),
    ("broken_schema",       _NA,    _STAYS, _L,      _C,     _NOW_ONCE,   _USED),
    ("rejected",            _NA,    _STAYS, _L,      _C,     _NOW_ONCE,   _USED),
    ("render_rejected",     _NA,    _STAYS, _L,      _C,     _NEVER,      _USED),
    ("refused",             _NA,    _STAYS, _L,      _C,     _NEVER,      _USED),
    ("context_exceeded",    _NA,    _STAYS, _L,      _C,     _NEVER,      _USED),
    ("unexpected_stop",     _NA,    _STAYS, _L,      _C,     _NEVER,      _USED),
    ("malformed",           _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _USED),
    ("unreadable",          _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FULL),
    ("oversized",           _ILL,   _STAYS, _L,      _DOWN,  _NEVER,      _FULL),
    ("cut",                 _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FULL),
    ("overloaded_midway",   _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FULL),
    ("overloaded",          _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FREE),
    ("server_error",        _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FULL),
    ("unreachable",         _ILL,   _STAYS, _L,      _DOWN,  _LATER,      _FREE),
    ("timeout",             _ILL,   _STAYS, _L,      _DOWN,  _LATER_ONCE, _FULL),
    ("gateway_timeout",     _ILL,   _STAYS, _L,      _DOWN,  _LATER_ONCE, _FULL),
    ("given_up",            _NA,    _STAYS, _L,      _DOWN,  _LATER_ONCE, _FULL),
    ("rate_limited",        _NA,    _STAYS, _PAUSE,  _DOWN,  _LATER,      _FREE),
    ("ramp_limited",        _NA,    _STAYS, _SLOWER, _HALF,  _LATER,      _FREE),
    ("spend_limit",         _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("billing",             _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("on_hold",             _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("unauthenticated",     _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("forbidden",           _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("redirected",          _ILL,   _OPENS, _L,      _C,     _NEVER,      _FREE),
    ("model_not_found",     _ILL,   _OPENS, _L,      _C,     _OTHER,      _FREE),
    ("conflict",            _NA,    _STAYS, _L,      _C,     _LATER,      _FREE),
    ("too_large",           _NA,    _STAYS, _L,      _C,     _NEVER,      _FREE),
    ("bad_request",         _NA,    _STAYS, _L,      _C,     _NEVER,      _FREE),
    ("unexpected_status",   _ILL,   _STAYS, _L,      _DOWN,  _NEVER,      _FULL),
    ("cancelled",           _NA,    _STAYS, _L,      _C,     _NEVER,      _FULL),
)
# fmt: on
OUTCOMES: Mapping[str, CallOutcome] = {row[0]: CallOutcome(*row) for row in _TABLE}

_BY_CODE = {
    (400, "organization_on_hold"): "on_hold",
    (402, "linked_organization_billing_unavailable"): "billing",
    (402, "linked_organization_spend_limit_reached"): "spend_limit",
    (429, "contract_spend_limit_reached"): "spend_limit",
    (429, "enforced_spend_limit_reached"): "spend_limit",
    (429, "ramp_limit_exceeded"): "ramp_limited",
}
_BY_TYPE = {
    # By this pair the API itself says that it had no room. Another's 529 may have come after the model.
    (529, "overloaded_error"): "overloaded",
}
_BY_STATUS = {
    401: "unauthenticated",
    402: "billing",
    403: "forbidden",
    404: "model_not_found",
    408: "given_up",  # somebody between gave up waiting; the model may have answered
    409: "conflict",
    413: "too_large",
    424: "server_error",  # Bedrock: the model failed, or what it depends on
    429: "rate_limited",
    499: "given_up",
    504: "gateway_timeout",
}
_BY_CLASS = {3: "redirected", 4: "bad_request", 5: "server_error"}
_BY_STOP_REASON = {
    "end_turn": "answered",
    "max_tokens": "truncated",
    "refusal": "refused",
    "model_context_window_exceeded": "context_exceeded",
    None: "cut",  # the end of a stream never came, and the SDK says nothing of it
}
USAGE_LIMITS_TEXT = "You have reached your specified API usage limits"
"""The one text that is read: this spend limit comes as a plain 400 `invalid_request_error`, without a code of its own.

Not seeing it would pay nothing, but ask a closed door for every candidate until the month ends. Reported from
production (BerriAI/litellm #37592). A change of wording makes it a `bad_request`, which is never sent again either.
"""

RETRY_AFTER_S_MAX = 86_400.0
"""A server that asks for more is asked again after a day: one wrong header must not end the work for good."""
_COUNT_MAX = 2**53
_RETRY_AFTER_CHARS_MAX = 32
_DATE_CHARS_MAX = 64


def outcome_of_error(
    status: int,
    error_type: str | None = None,
    error_code: str | None = None,
    *,
    message: str = "",
    in_stream: bool = False,
) -> CallOutcome:
    """Return what an error is called. ``in_stream``: it came in the body of a 200, so a model had begun."""
    if in_stream:
        midway = error_type == "overloaded_error"
        return OUTCOMES["overloaded_midway" if midway else "server_error"]
    if (status, error_type) == (400, "invalid_request_error") and message.startswith(
        USAGE_LIMITS_TEXT
    ):
        return OUTCOMES["spend_limit"]
    name = (
        _BY_CODE.get((status, error_code or ""))
        or _BY_TYPE.get((status, error_type or ""))
        or _BY_STATUS.get(status)
        or _BY_CLASS.get(status // 100, "unexpected_status")
    )
    return OUTCOMES[name]


def outcome_of_stop(stop_reason: str | None) -> CallOutcome:
    """Return what a message is called by the reason it ended: only the end of a turn is an answer."""
    return OUTCOMES[_BY_STOP_REASON.get(stop_reason, "unexpected_stop")]


def named(name: str) -> CallOutcome:
    """Return the outcome of this name. One that is not in the table is the verdict's reason to reject an answer."""
    return OUTCOMES.get(name) or msgspec.structs.replace(OUTCOMES["rejected"], name=name)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait, 0 to `RETRY_AFTER_S_MAX`; None if it says nothing of sense.

    A date (RFC 9110, 10.2.3) is held against the answer's own `Date`: the server's clock, not ours.
    """
    told_ms = _seconds(headers.get("retry-after-ms"))
    told_s = _seconds(headers.get("retry-after")) if told_ms is None else told_ms / 1000
    if told_s is None:
        told_s = _span_s(headers.get("date"), headers.get("retry-after"))
    return None if told_s is None else min(max(told_s, 0.0), RETRY_AFTER_S_MAX)


class RateBucket(Struct, frozen=True):
    """What the headers say of one limit per minute; None where they say nothing or nonsense."""

    limit: int | None = None
    remaining: int | None = None
    """Rounded to thousands for tokens: it corrects an estimate, it does not replace one."""
    reset_ms: int | None = None
    """Since the epoch: when it is full again."""


class RateLimits(Struct, frozen=True):
    """What `anthropic-ratelimit-*` headers say."""

    requests: RateBucket = RateBucket()
    tokens: RateBucket = RateBucket()
    input_tokens: RateBucket = RateBucket()
    output_tokens: RateBucket = RateBucket()


def rate_limits(headers: Mapping[str, str]) -> RateLimits:
    """Return what the rate-limit headers say; ``headers`` are looked up by their names in lower case."""

    def bucket(name: str) -> RateBucket:
        prefix = f"anthropic-ratelimit-{name}-"
        return RateBucket(
            limit=_count(headers.get(prefix + "limit")),
            remaining=_count(headers.get(prefix + "remaining")),
            reset_ms=_epoch_ms(headers.get(prefix + "reset")),
        )

    return RateLimits(
        bucket("requests"), bucket("tokens"), bucket("input-tokens"), bucket("output-tokens")
    )


def _seconds(text: str | None) -> float | None:
    """Return a finite number; a date or nonsense is none."""
    try:
        number = float((text or "")[:_RETRY_AFTER_CHARS_MAX])
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _span_s(begin: str | None, end: str | None) -> float | None:
    """Return the seconds between two dates of HTTP; what is none, or in no zone, is none."""
    try:
        one, other = (
            parsedate_to_datetime((text or "")[:_DATE_CHARS_MAX]) for text in (begin, end)
        )
        return (other - one).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def _count(text: str | None) -> int | None:
    if text is None or not (
        text.isascii() and text.isdigit() and len(text) <= len(str(_COUNT_MAX))
    ):
        return None
    number = int(text)
    return number if number <= _COUNT_MAX else None


def _epoch_ms(text: str | None) -> int | None:
    """Return the instant of an RFC 3339 date with its offset from UTC."""
    try:
        at = datetime.fromisoformat(text or "")
        at_ms = int(at.timestamp() * 1000) if at.tzinfo is not None else -1
    except (ValueError, OverflowError):
        return None
    return at_ms if at_ms >= 0 else None
