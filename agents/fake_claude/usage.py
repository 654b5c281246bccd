"""What a request used, as the API reports it and as the bill adds it up."""

from typing import Any, Literal

from msgspec import Struct

STARTED_TOKENS = 1
"""Output tokens a stream's first event reports: the count so far, not the count to come."""


class Usage(Struct, frozen=True, kw_only=True):
    """The tokens of one request. Its whole input is the sum of the three input fields."""

    input_tokens: int
    """Those neither written to nor read from the prompt cache."""
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int
    """Thinking included."""
    thinking_tokens: int = 0
    service_tier: Literal["standard", "batch"] = "standard"
    speed: Literal["standard", "fast"] = "standard"
    inference_geo: str = "global"

    @property
    def total_input_tokens(self) -> int:
        """The whole prompt, cached or not."""
        written = self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.input_tokens + written + self.cache_read_tokens

    def of_message(self) -> dict[str, Any]:
        """Return it as a message carries it: the SDK's ``Usage``."""
        return {
            **self._input(),
            "cache_creation": {
                "ephemeral_5m_input_tokens": self.cache_write_5m_tokens,
                "ephemeral_1h_input_tokens": self.cache_write_1h_tokens,
            },
            **self._output(),
            "service_tier": self.service_tier,
            "speed": self.speed,
            "inference_geo": self.inference_geo,
        }

    def of_start(self) -> dict[str, Any]:
        """Return it as a stream's first event carries it: the input is known, the output has begun."""
        started = {"output_tokens": min(STARTED_TOKENS, self.output_tokens)}
        whole = self.of_message() | started
        return {key: value for key, value in whole.items() if key != "output_tokens_details"}

    def of_end(self) -> dict[str, Any]:
        """Return it as a stream's last count carries it: cumulative, the SDK's ``MessageDeltaUsage``."""
        return {**self._input(), **self._output()}

    def _input(self) -> dict[str, Any]:
        return {
            "input_tokens": self.input_tokens,
            "cache_creation_input_tokens": self.cache_write_5m_tokens + self.cache_write_1h_tokens,
            "cache_read_input_tokens": self.cache_read_tokens,
        }

    def _output(self) -> dict[str, Any]:
        return {
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"thinking_tokens": self.thinking_tokens},
        }
