"""What is to be paid for, what came of it, and why not. PURE."""

from typing import Literal

from msgspec import Struct

from topics import Usage
from topics.analysis import Product
from topics.journal import Priority


class Call(Struct, frozen=True, kw_only=True):
    """What is to be paid for."""

    attempt_id: str
    item_key: str
    asset: str
    product: Product
    priority: Priority
    provider: str
    model: str
    prompt_version: str
    schema_version: str
    input_tokens_max: int
    """Bytes of the whole request, and what is added to it."""
    output_tokens_max: int
    """Thinking included."""
    context_tokens_max: int | None = None
    """What the question could tell of its asset: with that it can be asked again, word by word."""


class Told(Struct, frozen=True, kw_only=True):
    """What came back."""

    outcome: str
    usage: Usage
    """All of it, as the provider counted; nothing, where it says that it did not begin."""
    started_ms: int
    ended_ms: int
    stop_reason: str | None = None
    request_id: str | None = None
    answer: str | None = None


class Denied(Struct, frozen=True):
    """Nothing may be sent. `reason` is a word for the analysis; `retry_ms` is set where a wait is all it takes."""

    reason: Literal[
        "budget_spent", "paced", "price_unknown", "ledger_down", "ledger_closed", "not_confirmed"
    ]
    detail: str = ""
    retry_ms: int | None = None


class Settled(Struct, frozen=True):
    """What a call cost, and whether the ledger knows already; if not, `Books.tend` tells it."""

    cost_nano_usd: int
    told: bool
    overrun: bool = False
