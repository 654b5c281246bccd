"""What an operator may turn of the streams role. The collect role's settings stand with its sources."""

from pydantic import BaseModel, ConfigDict, Field

from .alerts.settings import AlertsSettings


class StreamsSettings(BaseModel):
    """The streams role: windows out of raw events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    alerts: AlertsSettings = AlertsSettings()
    """Market alerts out of the windows."""
