"""What can be set of the fake, each with its bound."""

from ipaddress import ip_address
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

LATENCY_MS_MAX = 600_000
"""The SDK's own read timeout; slower than this nobody waits."""


class FakeClaudeSettings(BaseModel):
    """Where the fake listens, how fast it answers, and what it plays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """A loopback address. Any other is refused: the fake takes any key and must not be met by others."""

    port: int = Field(default=0, ge=0, le=65_535)
    """0 takes a free port; ``ready`` is told which."""

    script: Path | None = None
    """A JSON file of faults (see ``faults``), played from the first request."""

    latency_ms: int = Field(default=0, ge=0, le=LATENCY_MS_MAX)
    """Milliseconds before an answer's first byte."""

    jitter_ms: int = Field(default=0, ge=0, le=LATENCY_MS_MAX)
    """An answer comes up to this much earlier or later than ``latency_ms``."""

    seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    """Seeds the jitter and the script's probabilities. Answers depend on the request alone."""

    requests_per_minute: int = Field(default=60_000, ge=1, le=10**9)
    """Of one line of models. By default more than the fake can answer: who wants to meet the limits sets them."""

    input_tokens_per_minute: int = Field(default=400_000_000, ge=1, le=10**12)
    """Without those read from the prompt cache."""

    output_tokens_per_minute: int = Field(default=80_000_000, ge=1, le=10**12)

    reserves_max_tokens: bool = False
    """Whether a request needs room for its ``max_tokens`` in the minute's output, or only for what it gets."""

    batch_s: float = Field(default=0.0, ge=0, le=86_400)
    """Seconds until a batch ends. 0: it has ended when it is first looked at."""

    body_bytes_max: int = Field(default=32 * 1024 * 1024, gt=0)
    """A larger body is answered 413. 32 MiB is the real API's limit for messages."""

    bill_entries_max: int = Field(default=100_000, gt=0)
    """Entries the bill keeps; beyond it the oldest are dropped and counted."""

    in_flight_max: int = Field(default=1_000, gt=0)
    """Requests at once; one more is answered 529. 1,000 is the SDK's own limit of connections."""

    plain: bool = False
    """Whether it is as a local server that only speaks the dialect: any model, no schema, no limits, no price."""

    sdk_examples: bool = False
    """Also know the ids the SDK's own tests ask for, which no API has: see ``examples``."""

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        try:
            loopback = ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            msg = f"{host!r} is not a loopback address, such as 127.0.0.1 or ::1"
            raise ValueError(msg)
        return host
