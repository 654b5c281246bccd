"""What is to be paid for, what came of it, and why not. PURE."""

from typing import Any, Literal

from msgspec import Struct

from topics import Intent, Result, Usage
from topics.analysis import Product
from topics.journal import Priority

from .pricing import Quote, Tariff, quote


class Call(Struct, frozen=True, kw_only=True):
    """What is to be paid for."""

    attempt_id: str
    item_key: str
    asset: str
    product: Product
    priority: Priority
    provider: str
    model: str
    tariff: Tariff | None = None
    """Whose price is paid; None: the provider's, for the model's own name."""
    prompt_version: str
    schema_version: str
    input_tokens_max: int
    """Bytes of the whole request, and what is added to it."""
    output_tokens_max: int
    """Thinking included."""
    context_tokens_max: int | None = None
    """What the question could tell of its asset: with that it can be asked again, word by word."""
    excerpts: int | None = None
    """How many strangers' posts it is about, where it is about them."""
    lease_ms: int | None = None
    """How long its outcome may be unknown before it is charged; None: as the ledger's terms say."""
    batch: str | None = None
    """The digest of the batch that it is sent in; None: it is sent by itself."""

    def quoted(self, at_ms: int) -> Quote:
        """Return the most it can cost, by the prices of a moment.

        Raises:
            UnknownPriceError: The model has no price.
        """
        return quote(
            self.tariff or Tariff(self.provider, self.model),
            input_tokens=self.input_tokens_max,
            output_tokens_max=self.output_tokens_max,
            at_ms=at_ms,
        )


def intent_of(call: Call, quoted: Quote, *, scope: str, at_ms: int) -> Intent:
    """Return what the journal is told before a call that was reserved at a time."""
    return Intent(
        attempt_id=call.attempt_id,
        item_key=call.item_key,
        asset=call.asset,
        product=call.product,
        scope=scope,
        provider=call.provider,
        model=call.model,
        prompt_version=call.prompt_version,
        schema_version=call.schema_version,
        price_version=quoted.price_version,
        reserved_nano_usd=quoted.nano_usd,
        reserved_tokens=quoted.input_tokens + quoted.output_tokens,
        at_ms=at_ms,
        priority=call.priority,
        context_tokens_max=call.context_tokens_max,
        excerpts=call.excerpts,
        lease_ms=call.lease_ms,
        batch=call.batch,
    )


def result_of(call: Call, **came: Any) -> Result:  # noqa: ANN401 - the result's own fields
    """Return what the journal is told after a call; ``came`` is what came of it, by the result's own names."""
    return Result(
        attempt_id=call.attempt_id,
        item_key=call.item_key,
        asset=call.asset,
        provider=call.provider,
        model=call.model,
        excerpts=call.excerpts,
        batch=call.batch,
        **came,
    )


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
    of_model: bool = False
    """It is said of this model: another may be paid for still."""


class Settled(Struct, frozen=True):
    """What a call cost, and whether the ledger knows already; if not, `Books.tend` tells it."""

    cost_nano_usd: int
    told: bool
    overrun: bool = False
