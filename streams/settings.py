"""What an operator may turn in this package. Each branch is read by one role."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from topics import Kind

_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
_Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9.-]{1,24}/[A-Z0-9.-]{1,24}(:[A-Z0-9.-]{1,24})?$")]


class _Branch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamsSettings(_Branch):
    """The streams role: windows out of raw events."""

    subjects_max: int = Field(default=20_000, ge=1, le=1_000_000)
    """Subjects of one kind in one partition; an event of a further one is a dead letter."""
    slice_records_max: int = Field(default=5_000, ge=1, le=100_000)
    """Records folded without giving way to checkpoints and other partitions; more by what is left of a batch."""
    session_timeout_s: float = Field(default=6.0, ge=1.0, le=300.0)
    """How long the group waits for a silent worker before another takes its partitions."""
    epoch: int = Field(default=0, ge=0, le=1_000_000)
    """Of the state, and in the ids of aggregates. `tapereader streams rebuild` says when to raise it."""
    stalled_s: float = Field(default=60.0, ge=5.0, le=3_600.0)
    """A worker that is behind in a partition and folds nothing of it for this long ends, to be started again."""


class PaceSettings(_Branch):
    """Event time as a straight line of wall time, shared by every source of one run."""

    wall_ms: int | None = Field(default=None, ge=0)
    """None: when the collector starts."""
    event_ms: int | None = Field(default=None, ge=0)
    """The event time at `wall_ms`. None: the same, so that the market is of today."""
    speed: float = Field(default=1.0, gt=0, le=1_000_000)
    """Event seconds for each second of wall time."""


class RecordedSettings(_Branch):
    """Events of the past: files, or a range of a raw topic."""

    type: Literal["recorded"]
    files: tuple[Path, ...] = ()
    """JSON lines, plain or .gz, oldest first."""
    format: Literal["raw", "binance.aggtrades"] = "raw"
    """Of the files: our own raw events, or Binance's aggregate trades as its REST gives them."""
    venue: _Name = "recorded"
    subject: _Symbol | None = None
    """Of every trade, where the format does not say it."""
    topic: Kind | None = None
    """Read the raw topic of this kind instead of files."""
    from_ms: int | None = Field(default=None, ge=0)
    to_ms: int | None = Field(default=None, ge=0)
    """Event times to keep: from this one on, before that one."""
    shift_ms: int = 0
    """Added to every event time."""

    @model_validator(mode="after")
    def _one_origin(self) -> "RecordedSettings":
        if bool(self.files) == (self.topic is not None):
            msg = "give either files or topic"
            raise ValueError(msg)
        if self.format != "raw" and self.subject is None:
            msg = f"format {self.format} needs a subject"
            raise ValueError(msg)
        return self


class SyntheticSettings(_Branch):
    """An invented market with its chatter, told apart from a real one by its names."""

    type: Literal["synthetic"]
    seed: int = Field(default=1, ge=0)
    kinds: tuple[Kind, ...] = ("market", "volume", "social", "development")
    hours: float = Field(default=60.0, gt=0, le=24 * 365)
    """Of event time."""
    trades_per_minute: float = Field(default=60.0, gt=0, le=1_000_000)
    """Over all assets, in event time."""
    incidents: bool = True
    """Plant flash crash, volume spike, wash trading, social pump, developer exodus."""
    disorder: bool = True
    """Plant late, corrected, duplicate, missing and malformed events."""


class ExchangeSettings(_Branch):
    """Trades of one venue, live."""

    type: Literal["exchange"]
    venue: Literal["binance"]
    symbols: tuple[_Symbol, ...] = Field(min_length=1, max_length=200)
    lateness_ms: int = Field(default=2_000, ge=0, le=600_000)
    """How far behind the venue's time the source's promises stay."""
    silence_s: float = Field(default=30.0, gt=0, le=3_600)
    """Without any frame for this long the connection is taken for dead."""
    url: str | None = None
    """Another websocket address than the venue's own: a proxy, a local server."""


SourceSettings = Annotated[
    RecordedSettings | SyntheticSettings | ExchangeSettings, Field(discriminator="type")
]


class CollectSettings(_Branch):
    """The collect role: where raw events come from."""

    sources: dict[_Name, SourceSettings] = {}
    """By a name of yours, which is the source's name in heartbeats and status."""
    pace: PaceSettings | None = None
    """For recorded and synthetic sources; without it they go as fast as they can."""
