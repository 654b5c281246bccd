"""What may be asked: the parameters of each route, with their bounds. What is none of them is refused by its name."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from topics import Kind, Severity
from topics.units import EPOCH_MS_MAX

from .paging import CURSOR_CHARS_MAX, LIMIT_MAX, LIMIT_USUAL

ID_CHARS_MAX = 400
"""Of any id: a dead letter's may name a source and a frame."""
WINDOW_MS_MAX = 86_400_000
FEED_STATES = ("connecting", "connected", "stale", "disconnected", "closed", "not heard from")

Id = Annotated[
    str, Path(min_length=1, max_length=ID_CHARS_MAX, description="Its id, slashes and all.")
]
AssetName = Annotated[str, Path(min_length=1, max_length=24, description="An asset: BTC.")]
SubjectName = Annotated[
    str, Path(min_length=1, max_length=74, description="An instrument (BTC/USDT), or an asset.")
]


def _is_number(given: object) -> object:
    """Refuse what pydantic would make a number of: in JSON a text is none."""
    if isinstance(given, str | bool):
        msg = "it is no number"
        raise ValueError(msg)  # noqa: TRY004 - pydantic's
    return given


TimeInBody = Annotated[
    int,
    Field(ge=0, le=EPOCH_MS_MAX, description="Epoch milliseconds."),
    BeforeValidator(_is_number),
]
Stage = Literal["collect", "fold", "analyse"]
_Time = Annotated[int, Field(ge=0, le=EPOCH_MS_MAX, description="Epoch milliseconds.")]
_Asset = Annotated[str | None, Field(max_length=24, description="An asset: BTC.")]


class Asked(BaseModel):
    """Parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paged(Asked):
    """A page of a list."""

    limit: int = Field(default=LIMIT_USUAL, ge=1, le=LIMIT_MAX, description="Items of one page.")
    cursor: str | None = Field(
        default=None,
        max_length=CURSOR_CHARS_MAX,
        description="`next` of the page before, of the same question.",
    )

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked, whatever the page."""
        told = self.model_dump(exclude={"limit", "cursor"})
        return (type(self).__name__, *told.items())


class FeedsAsked(Paged):
    """Which feeds."""

    state: str | None = Field(
        default=None, max_length=20, description=f"One of {', '.join(FEED_STATES)}."
    )


class AnalysesAsked(Paged):
    """Which analyses."""

    asset: _Asset = None
    product: Literal["state", "deep_dive"] | None = None
    severity: Severity | None = None
    origin: str | None = Field(default=None, max_length=64, description="model, cache, rules, ...")
    since_ms: _Time = 0
    until_ms: _Time = EPOCH_MS_MAX


class DecisionsAsked(Paged):
    """Which decisions."""

    asset: _Asset = None
    outcome: Literal["called", "cached", "coalesced", "shed", "rules"] | None = None


class AlertsAsked(Paged):
    """Which alerts."""

    asset: _Asset = None
    rule: str | None = Field(default=None, max_length=64, description="The rule's name.")
    state: Literal["firing", "cleared", "retracted"] | None = None
    severity: Severity | None = None
    asking: bool = Field(
        default=False, description="Only those that fire, not acknowledged and not muted."
    )
    since_ms: _Time = 0


class SeriesAsked(Paged):
    """Which row of windows, and which of them."""

    kind: Kind
    subject: str = Field(
        min_length=1, max_length=74, description="An instrument (BTC/USDT), or an asset."
    )
    window_ms: int = Field(ge=1, le=WINDOW_MS_MAX, description="60000: a minute.")
    step_ms: int | None = Field(
        default=None, ge=1, le=WINDOW_MS_MAX, description="Of windows that hop."
    )
    since_ms: _Time = 0
    until_ms: _Time = EPOCH_MS_MAX


class RawAsked(Asked):
    """Which span of event time."""

    from_ms: _Time
    to_ms: Annotated[int, Field(ge=0, le=EPOCH_MS_MAX, description="Before this event time.")]
    after: int | None = Field(
        default=None, ge=0, le=2**63 - 1, description="`next_offset` of a range that was cut."
    )


class LettersAsked(Paged):
    """Which dead letters."""

    stage: Stage | None = None
    reason: str | None = Field(default=None, max_length=200, description="invalid, malformed, ...")
