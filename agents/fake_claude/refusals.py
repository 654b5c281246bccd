"""What the script of faults answers a request with before the model sees it. PURE."""

from .errors import ApiError, overloaded, rate_limited, spend_limited
from .faults import RETRY_AFTER_S, Step


def refusal_of(step: Step | None, *, streams: bool) -> ApiError | None:
    """Return the error, or None where the model is asked."""
    match step:
        case Step(fault="overloaded"):
            return overloaded()
        case Step(fault="overloaded_stream"):
            return None if streams else overloaded()
        case Step(fault="error"):
            return ApiError(step.status or 500, "api_error", "Internal server error")
        case Step(fault="rate_limited" | "ramp_limited" | "spend_limited"):
            return _limited(step)
        case _:
            return None


def _limited(step: Step) -> ApiError:
    after_s = RETRY_AFTER_S if step.retry_after_s is None else step.retry_after_s
    match step.fault:
        case "spend_limited":
            return spend_limited(step.code or "enforced_spend_limit_reached", after_s)
        case "ramp_limited":
            message = "Your organization's usage grows too fast"
            return rate_limited(message, after_s, code="ramp_limit_exceeded")
        case _:
            message = "This request would exceed your organization's rate limit"
            return rate_limited(message, after_s)
