"""All that a run leaves behind, as plain records: what the judge is given, and nothing else."""

from typing import NamedTuple

from msgspec import Struct, field

from agents.account.budget import State as Booked
from agents.ask.breaker import State


class Row(NamedTuple):
    """One record of a topic."""

    partition: int
    offset: int
    time_ms: int
    """Its log time: when it was handed to the producer."""
    value: bytes


class Place(NamedTuple):
    """Where a record of the aggregates stands."""

    partition: int
    offset: int


class Billed(Struct, frozen=True, kw_only=True):
    """One answer on the fake's bill."""

    attempt_id: str
    cost_nano_usd: int
    charged: bool
    """False for a refusal that the provider does not charge."""
    fault: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """One attempt in the ledger."""

    state: Booked
    reserved_nano_usd: int
    used_nano_usd: int


class Sample(Struct, frozen=True, kw_only=True):
    """The account of the ledger that was nearest to its cap at one moment."""

    account: str
    used: int
    """Settled, reserved and charged."""
    cap: int
    overrun: int = 0
    """What calls cost beyond their reservations, in all accounts."""


class Change(Struct, frozen=True, kw_only=True):
    """A breaker's change of state, told by the process itself as it happens."""

    agent: str
    breaker: str
    at_s: float
    state: State


class Send(Struct, frozen=True, kw_only=True):
    """A request on the wire."""

    agent: str
    at_s: float
    """When its first bytes came."""
    ended_s: float
    """When the last bytes of the answer came, or the connection was given up without any."""
    attempt_id: str
    """Empty where the connection ended before it was told."""


class Terms(Struct, frozen=True, kw_only=True):
    """What the run's settings promise, and what it is held to."""

    deadline_s: float
    probes: int
    """Of each breaker, at once."""
    recovery_s: float
    late_share: float = 0.01
    paid_max: int = 3
    growth: float = 0.25
    """Of an agent's memory, from half of the time to its end."""


class Evidence(Struct, kw_only=True):
    """One run."""

    terms: Terms
    aggregates: list[Row] = field(default_factory=list)
    analyses: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    journal: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)
    letters: list[Place] = field(default_factory=list)
    """Where the records of the agents' dead letters stand."""
    bill: list[Billed] = field(default_factory=list)
    booked: dict[str, Account] = field(default_factory=dict)
    """By attempt, at the end."""
    samples: list[Sample] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    healed_s: float = 0.0
    """When the fake's last fault ended."""
    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    """By agent, at the start, a quarter, half, and the end."""
