"""What an operator may turn of the collect role."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Self, Union

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from .pace import Pace
from .port import Context, Source, SourceName, SourceSettings
from .table import TYPES

if TYPE_CHECKING:
    _AnySource = SourceSettings
else:
    _AnySource = Annotated[
        Union[tuple(source.settings for source in TYPES.values())],  # noqa: UP007 - made of the table
        Field(discriminator="type"),
    ]


class PaceSettings(BaseModel):
    """Event time as a straight line of wall time, shared by every source of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall_ms: int | None = Field(default=None, ge=0)
    """None: when the collector starts."""
    event_ms: int | None = Field(default=None, ge=0)
    """The event time at `wall_ms`. None: the same, so that the market is of today."""
    speed: float = Field(default=1.0, gt=0, le=1_000_000)
    """Event seconds for each second of wall time."""

    def pace(self, now_ms: int) -> Pace:
        """Return the pace all sources of a run that begins now share."""
        wall_ms = now_ms if self.wall_ms is None else self.wall_ms
        event_ms = wall_ms if self.event_ms is None else self.event_ms
        return Pace(event_ms=event_ms, wall_ms=wall_ms, speed=self.speed)


class LeaseSettings(BaseModel):
    """Two or more processes with the same entries: one of them collects, and another takes over when it is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: SecretStr
    """redis://, rediss://, redis+sentinel://HOST:PORT,.../NAME or redis+cluster://HOST:PORT,... It must drop no key."""
    length_s: float = Field(default=3.0, ge=1, le=60)
    """How long a process that is gone is waited for. (Then the log is read, and the venue dialled.)"""
    renew_s: float = Field(default=0.75, ge=0.1, le=20)
    """Between two renewals; three must have room in the length."""

    @model_validator(mode="after")
    def _room_for_three(self) -> Self:
        if 3 * self.renew_s > self.length_s:
            msg = "length_s must be at least three times renew_s"
            raise ValueError(msg)
        return self


class CollectSettings(BaseModel):
    """The collect role: where raw events come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: dict[SourceName, _AnySource] = {}
    """By a name of yours, which is the source's name in heartbeats and status."""
    pace: PaceSettings | None = None
    """For recorded and synthetic sources; without it they go as fast as they can."""
    lease: LeaseSettings | None = None
    """Without it this process takes itself for the only one."""
    spill_bytes_max: int = Field(default=256 * 1024 * 1024, ge=0, le=2**40)
    """On disk, under `state_dir`, of all sources of a process that cannot be held back while Kafka is away. 0: none."""

    def create(self, name: str, context: Context) -> Sequence[Source]:
        """Return the sources of the entry of that name, one a kind.

        Raises:
            SettingsError: What the entry says cannot be had.
        """
        entry = self.sources[name]
        return TYPES[entry.type].create(name, entry, context)
