"""What an operator may turn in this package."""

from math import inf
from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, model_validator

from topics.journal import Priority

from .endpoints import (
    CONTEXT_TOKENS_MAX,
    UNCACHED_CALLS_MAX,
    Branch,
    EndpointSettings,
    ModelSettings,
    SpareSettings,
    is_loopback,
)
from .excerpt_settings import ExcerptSettings

__all__ = [
    "CONTEXT_TOKENS_MAX",
    "UNCACHED_CALLS_MAX",
    "AgentSettings",
    "BreakerSettings",
    "BudgetSettings",
    "GateSettings",
    "LimitSettings",
    "ModelSettings",
    "PacingSettings",
    "QualitySettings",
    "SpareSettings",
    "is_loopback",
]

TELLING_S, TELLING_SHARE = 1.0, 0.1
"""Of a candidate's deadline, kept for what is not asking: to read the record, to book the call, to tell the answer."""

SPARES_MAX = 8
"""Each is another prompt cache to fill, and another account that an outage of the first falls upon."""
SpareName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class GateSettings(Branch):
    """What makes an asset worth an analysis. Ratios compare with the median of the windows before."""

    move_fraction: float = Field(default=0.03, gt=0, lt=1)
    """A fall or rise from the open within one minute; twice as much is critical."""
    volume_ratio: float = Field(default=6.0, gt=1)
    wash_ratio: float = Field(default=4.0, gt=1)
    """Volume this much above usual, while the price stands still, may be wash trading."""
    still_fraction: float = Field(default=0.001, gt=0, lt=1)
    """A minute whose high is at most this much above its low stands still."""
    flat_fraction: float = Field(default=0.002, gt=0, lt=1)
    high_volume_ratio: float = Field(default=2.0, gt=1)
    market_n_min: int = Field(default=5, ge=1, le=30)
    """Windows needed before volume is compared at all."""
    social_ratio: float = Field(default=5.0, gt=1)
    social_n_min: int = Field(default=1, ge=1, le=30)
    posts_min: int = Field(default=20, ge=1)
    development_drop_ratio: float = Field(default=0.25, gt=0, lt=1)
    development_n_min: int = Field(default=3, ge=1, le=30)
    development_min: float = Field(default=10.0, gt=0)
    """Events an hour below which a drop means nothing."""
    cool_down_s: float = Field(default=300.0, ge=0)
    """Of event time, before the same asset is dived into again for nothing worse."""
    state_valid_s: float = Field(default=900.0, ge=60)
    """Of event time: how long an analysis is valid, how late a window may still ask, when an unchanged state is said again."""
    baseline_s: float = Field(default=14_400.0, ge=60, le=30 * 86_400)
    """Of event time, that what is usual is worked out of: the hours of development need four."""
    memory_s: float = Field(default=3_600.0, ge=60, le=86_400)
    """Of event time, after which an asset's cool-down, state and held findings begin anew."""


def _check_open(open_s: float, open_s_max: float) -> None:
    """Refuse a first time beyond the longest: it would be cut in silence."""
    if open_s > open_s_max:
        msg = f"open_s = {open_s:g}: at most open_s_max, which is {open_s_max:g}"
        raise ValueError(msg)


class BreakerSettings(Branch):
    """When to stop calling a model, and when to try it again."""

    window_s: float = Field(default=60.0, gt=0)
    slices: int = Field(default=6, ge=1, le=60)
    """The window is counted in this many slices, the oldest dropped whole."""
    calls_min: int = Field(default=5, ge=1)
    """Calls in the window below which no rate means anything.

    A model that hangs gives few: four at once, fewer after each time-out, are six in 40 s.
    """
    failure_rate: float = Field(default=0.5, gt=0, le=1)
    slow_rate: float = Field(default=0.8, gt=0, le=1)
    slow_s: float = Field(default=10.0, gt=0)
    """A call longer than this is slow. No call is given more than `agent.deadline_s` or `agent.model.timeout_s`."""
    open_s: float = Field(default=15.0, gt=0)
    """How long it stays open the first time; twice as long after each failed trial."""
    open_s_max: float = Field(default=300.0, gt=0)
    probes: int = Field(default=3, ge=1)
    """Calls let through at once in a trial; all must succeed."""
    jitter: float = Field(default=0.2, ge=0, lt=1)
    lost_s: float = Field(default=120.0, gt=0)
    """A probe not reported for this long has been lost, and gives its place back. Above any call's time."""
    hold_s_max: float = Field(default=86_400.0, gt=0)
    """A provider that says from when on it may be asked again is believed for at most this long."""

    @model_validator(mode="after")
    def _is_longest_at_its_longest(self) -> "BreakerSettings":
        _check_open(self.open_s, self.open_s_max)
        return self


class LimitSettings(Branch):
    """Caps of one account; None is none. A window is a whole UTC minute, hour or day."""

    usd_per_minute: float | None = Field(default=None, ge=0, le=100_000)
    usd_per_hour: float | None = Field(default=None, ge=0, le=100_000)
    usd_per_day: float | None = Field(default=None, ge=0, le=100_000)
    tokens_per_minute: int | None = Field(default=None, ge=0, le=10**12)
    tokens_per_hour: int | None = Field(default=None, ge=0, le=10**12)
    tokens_per_day: int | None = Field(default=None, ge=0, le=10**12)


class BudgetSettings(LimitSettings):
    """What the model may cost: all of a scope together, and each model and class apart."""

    redis_url: str | None = None
    """The ledger: redis://, rediss://, or redis+sentinel://HOST:PORT,HOST:PORT/NAME. Without it nothing is sent."""
    scope: str = Field(default="default", pattern=r"^[a-z][a-z0-9_]{0,31}$")
    """Workers that name the same scope share its caps."""
    usd_per_day: float = Field(default=1.0, ge=0, le=100_000)
    models: dict[str, LimitSettings] = Field(default={})
    """By provider/model."""
    classes: dict[Priority, LimitSettings] = Field(default={})
    alert_floor: float = Field(default=0.2, ge=0, lt=1)
    """The last part of each shared cap, which only alerts may use."""
    lease_s: float = Field(default=120.0, ge=5, le=3_600)
    """From the reservation: what is not reported by then is charged in full. Longer than any call with its waits."""
    open_max: int = Field(default=10_000, ge=1, le=100_000)
    """Attempts without an outcome, of all workers; each takes half a kilobyte of the ledger."""


class PacingSettings(Branch):
    """How fast each model may be asked, by all workers of a scope; None: only as the provider's answers tell."""

    requests_per_minute: int | None = Field(default=None, ge=1, le=100_000_000)
    input_tokens_per_minute: int | None = Field(default=None, ge=1, le=100_000_000)
    output_tokens_per_minute: int | None = Field(default=None, ge=1, le=100_000_000)
    burst: float = Field(default=0.1, gt=0, le=1)
    """Of a minute's worth, that may be used at once: providers enforce shorter intervals than the minute."""


class CacheSettings(Branch):
    """What the model said of a state, said again of the same state."""

    redis_url: str | None = None
    """As of the budget, or redis+cluster://HOST:PORT,... Not the ledger's. Without it each process has its own."""
    ttl_s: float = Field(default=3_600.0, ge=1, le=30 * 86_400)
    """How long a value is said, ten percent more or less."""
    stale_s: float = Field(default=21_600.0, ge=0, le=30 * 86_400)
    """After that, how long it is said while the model cannot be asked."""
    local_bytes_max: int = Field(default=8_388_608, ge=65_536, le=2**40)
    lease_s: float = Field(default=5.0, ge=0.1, le=60)
    """A worker that asks and does not say so for this long has died: one of those who wait asks in its place."""
    declined_s: float = Field(default=60.0, ge=1, le=3_600)
    """How long nobody asks again after a refusal or an answer that cannot be used."""
    flights_max: int = Field(default=256, ge=1, le=100_000)
    """Values that one process may wait for at once."""


class QualitySettings(Branch):
    """When to stop asking with a prompt whose answers are rejected, and when to try it again."""

    window_s: float = Field(default=900.0, gt=0)
    """Longer than a breaker's: answers are judged only of calls that went well, and there are fewer."""
    slices: int = Field(default=9, ge=1, le=60)
    verdicts_min: int = Field(default=10, ge=1)
    """Verdicts in the window below which no rate means anything."""
    rejection_rate: float = Field(default=0.5, gt=0, le=1)
    """Above this, more than half of what is paid for is thrown away."""
    open_s: float = Field(default=120.0, gt=0)
    """A prompt does not heal as fast as a server; twice as long after each failed trial."""
    open_s_max: float = Field(default=3_600.0, gt=0)
    probes: int = Field(default=3, ge=1)
    jitter: float = Field(default=0.2, ge=0, lt=1)
    lost_s: float = Field(default=120.0, gt=0)
    """As a breaker's."""

    @model_validator(mode="after")
    def _is_longest_at_its_longest(self) -> "QualitySettings":
        _check_open(self.open_s, self.open_s_max)
        return self

    def as_breaker(self) -> BreakerSettings:
        """Return the same as a circuit breaker has it. An answer is never slow here: that is the model's breaker's."""
        return BreakerSettings(
            window_s=self.window_s,
            slices=self.slices,
            calls_min=self.verdicts_min,
            failure_rate=self.rejection_rate,
            slow_rate=1.0,
            slow_s=inf,
            open_s=self.open_s,
            open_s_max=self.open_s_max,
            probes=self.probes,
            jitter=self.jitter,
            lost_s=self.lost_s,
        )


class AgentSettings(Branch):
    """The agent role: analyses out of aggregates."""

    gate: GateSettings = GateSettings()
    breaker: BreakerSettings = BreakerSettings()
    quality: QualitySettings = QualitySettings()
    model: ModelSettings = ModelSettings()
    spares: dict[SpareName, SpareSettings] = Field(default={}, max_length=SPARES_MAX)
    """Models to ask where the first cannot be, by a name of the operator's own, in the order of preference."""
    budget: BudgetSettings = BudgetSettings()
    pacing: PacingSettings = PacingSettings()
    cache: CacheSettings = CacheSettings()
    excerpts: ExcerptSettings | None = None
    inbox_max: int = Field(default=5_000, ge=1, le=1_000_000)
    """Assets that may wait for their analysis."""
    deadline_s: float = Field(default=20.0, gt=0)
    """Within this a candidate has its answer, by rules where the model has none in time."""
    warm_up_s: float = Field(default=28_800.0, ge=0)
    """How far before its committed offset a worker folds without deciding, in log time.

    The gate's memory, the last hour of development before it, the baselines before that, and an hour for windows that
    come late.
    """
    fresh_s: float = Field(default=3_600.0, ge=0)
    """A group without a committed offset decides on what was logged at most this long ago."""
    alerts_reach_s: float = Field(default=3_600.0, ge=0)
    """An alert logged longer ago than this before a start needs no analysis any more."""
    paid_reach_s: float = Field(default=600.0, ge=0)
    """A call that was paid for this long ago at most, and never told, counts among its candidate's: its answer is used.

    The deadline of a candidate, and a supervisor that waits a few minutes between starts.
    """
    tally_s: float = Field(default=10.0, gt=0)
    """Between tallies of what made no candidate."""

    @property
    def models(self) -> dict[tuple[str, str], EndpointSettings]:
        """Every model by provider and name, the first one to ask first."""
        endpoints: tuple[EndpointSettings, ...] = (self.model, *self.spares.values())
        return {(one.provider, one.name): one for one in endpoints}

    def key_of(self, spare: SpareSettings) -> SecretStr | None:
        """Return a spare's key: its own, or that of the first model, if both have the same provider and address."""
        at, first = (spare.provider, spare.base_url), self.model
        return spare.api_key or (first.api_key if at == (first.provider, first.base_url) else None)

    @property
    def asking_s(self) -> float:
        """How long a candidate may wait for the model; then rules answer, and there is time left to tell it."""
        return self.deadline_s - min(TELLING_S, TELLING_SHARE * self.deadline_s)

    @model_validator(mode="after")
    def _a_call_ends_before_it_is_given_up(self) -> "AgentSettings":
        for name, lost_s in (("breaker", self.breaker.lost_s), ("quality", self.quality.lost_s)):
            if lost_s <= self.model.timeout_s:
                msg = f"{name}.lost_s = {lost_s:g}: above model.timeout_s, which is {self.model.timeout_s:g}"
                raise ValueError(msg)
        if self.budget.lease_s <= self.model.timeout_s:
            msg = (
                f"budget.lease_s = {self.budget.lease_s:g}: above model.timeout_s, which is"
                f" {self.model.timeout_s:g}; what comes later stays charged in full"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _spares_are_others(self) -> "AgentSettings":
        known = {(self.model.provider, self.model.name): "model"}
        for name, spare in self.spares.items():
            at = f"spares.{name}"
            if (other := known.get((spare.provider, spare.name))) is not None:
                msg = (
                    f"{at}.provider: {spare.provider}/{spare.name} is {other} already; name this provider"
                    " otherwise, and in prices_of whose prices it has"
                )
                raise ValueError(msg)
            if spare.products is not None and not set(spare.products) <= set(self.model.products):
                msg = (
                    f"{at}.products: of model.products, which are {', '.join(self.model.products)}"
                )
                raise ValueError(msg)
            known[spare.provider, spare.name] = at
        return self
