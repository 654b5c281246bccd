"""THE table of topics, in the order an event walks them. Everything else about topics comes from it."""

import re
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from . import (
    aggregate,
    alert,
    analysis,
    control,
    decision,
    development,
    feed,
    journal,
    late,
    market,
    marks,
    notification,
    social,
    status,
    volume,
)
from .codec import Decoder, decoder_of, tag_of
from .units import Kind

Cleanup = Literal["delete", "compact", "compact,delete"]
KINDS: tuple[Kind, ...] = ("market", "volume", "social", "development")

_DAY_MS = 86_400_000
RECORD_BYTES_MAX = 1024 * 1024
"""Of one record, on every topic."""


class Topic(Struct, frozen=True, kw_only=True):
    """One topic: what is in it, how it is keyed and kept, who writes and who reads it."""

    name: str
    summary: str
    events: tuple[type, ...]
    """The contracts of its values; none where the value is somebody's original bytes, or state."""
    key: str
    cleanup: Cleanup
    retention_ms: int | None
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    enveloped: bool = True
    """Whether records carry CloudEvents headers."""
    config: dict[str, str] = {}
    """Further settings of the topic on the broker."""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of its events."""
        return tuple(tag_of(event) for event in self.events)

    def decoder(self) -> Decoder[Any]:
        """Return a decoder of its values."""
        return decoder_of(*self.events)


_RAW_EVENTS: dict[Kind, tuple[type, ...]] = {
    "market": (market.Trade,),
    "volume": (volume.VolumeFlow, volume.VolumeLevel),
    "social": (social.Post, social.PostDeleted),
    "development": (development.RepositoryEvent,),
}
_RAW_SUMMARY: dict[Kind, str] = {
    "market": "Trades as venues print them.",
    "volume": "Closed candles and rolling turnovers.",
    "social": "Posts that name an asset, and which of them were taken back.",
    "development": "Acts in an asset's repositories.",
}
_MARKS = (marks.Heartbeat, marks.GapDetected, marks.GapFilled, marks.GapPermanent)


def raw_topic(kind: Kind) -> str:
    """Return the name of a kind's raw topic."""
    return f"raw.{kind}"


RAW: tuple[Topic, ...] = tuple(
    Topic(
        name=raw_topic(kind),
        summary=_RAW_SUMMARY[kind]
        + " With heartbeats and gap marks; lean, without headers but on records that were redriven.",
        events=_RAW_EVENTS[kind] + _MARKS,
        key="asset; none for heartbeats",
        cleanup="delete",
        retention_ms=7 * _DAY_MS,
        written_by=("collect", "serve", "people"),
        # The agent only where a model may be asked about posts.
        read_by=("streams", "replay", "audit", *(("agent",) if kind == "social" else ())),
        enveloped=False,
        config={
            # A replay's copies keep their timestamps, however old those are.
            "message.timestamp.type": "CreateTime",
            "message.timestamp.before.max.ms": str(2**63 - 1),
            # A host whose clock is far ahead must not move the market's time: its broker refuses the records.
            "message.timestamp.after.max.ms": "60000",
        },
    )
    for kind in KINDS
)
_STATE_NAME = re.compile(r"streams(?:-e([1-9][0-9]*))?-state-changelog")
STATE = Topic(
    name="streams-state-changelog",
    summary="The streams role's state, by transactions. Nobody else's business; never edit it.",
    events=(),
    key="partition|kind|subject|size_ms|start_ms",
    cleanup="compact",
    retention_ms=None,
    written_by=("streams",),
    read_by=("streams",),
    enveloped=False,
    config={
        "segment.ms": "30000",
        "segment.bytes": str(16 * 1024 * 1024),
        "min.cleanable.dirty.ratio": "0.1",
        "max.compaction.lag.ms": "60000",
    },
)
TOPICS: tuple[Topic, ...] = (
    *RAW,
    Topic(
        name="feed.status",
        summary="The latest state of each feed: connected, staleness, gaps. For people.",
        events=(feed.FeedStatus,),
        key="venue/subject",
        cleanup="compact",
        retention_ms=None,
        written_by=("collect",),
        read_by=("serve",),
    ),
    STATE,
    Topic(
        name="aggregates",
        summary="One window of one subject, by revision.",
        events=(aggregate.Aggregate,),
        key="asset",
        cleanup="delete",
        retention_ms=30 * _DAY_MS,
        written_by=("streams",),
        read_by=("agent", "streams", "serve"),
    ),
    Topic(
        name="late",
        summary="Raw events too late for every window, with how late.",
        events=(late.Late,),
        key="asset",
        cleanup="delete",
        retention_ms=7 * _DAY_MS,
        written_by=("streams",),
        read_by=("audit", "serve"),
    ),
    Topic(
        name="analyses",
        summary="What the analyst says: the model's words or the rules', with facts and origin.",
        events=(analysis.Analysis,),
        key="asset",
        cleanup="delete",
        retention_ms=90 * _DAY_MS,
        written_by=("agent",),
        read_by=("streams", "notify", "serve", "users"),
    ),
    Topic(
        name="decisions",
        summary="What became of each candidate, and tallies of what made none.",
        events=(decision.Decision, decision.Tally),
        key="asset; none for tallies",
        cleanup="delete",
        retention_ms=90 * _DAY_MS,
        written_by=("agent",),
        read_by=("audit", "replay", "serve"),
    ),
    Topic(
        name="alerts",
        summary="The latest state of each rule for each subject; a data gap's key ends in /data_gap.",
        events=(alert.Alert,),
        key="rule/subject",
        cleanup="compact,delete",
        retention_ms=90 * _DAY_MS,
        written_by=("streams",),
        read_by=("agent", "notify", "serve", "users"),
        # Whoever tells people must see every step of an alert: none is compacted away before it was told.
        config={"min.compaction.lag.ms": str(_DAY_MS)},
    ),
    Topic(
        name="notifications",
        summary="What people were told: what became of each step of an alert for each receiver.",
        events=(notification.Notification,),
        key="receiver/alert id",
        cleanup="delete",
        retention_ms=90 * _DAY_MS,
        written_by=("notify",),
        read_by=("notify", "serve"),
    ),
    Topic(
        name="journal",
        summary="Intents before paid calls and results after: the ledger, and the memory of replays.",
        events=(journal.Intent, journal.Result),
        key="item key/attempt/intent or result",
        cleanup="compact,delete",
        retention_ms=90 * _DAY_MS,
        written_by=("agent",),
        read_by=("agent", "replay"),
    ),
    Topic(
        name="status",
        summary="How each part of each process is.",
        events=(status.Status,),
        key="role/instance/part",
        cleanup="compact,delete",
        retention_ms=_DAY_MS,
        written_by=("collect", "streams", "agent", "notify", "serve"),
        read_by=("serve", "doctor"),
    ),
    Topic(
        name="control",
        summary="What operators do, with who and why.",
        events=(control.Control, control.Feedback, control.Redrive),
        key="subject",
        cleanup="compact,delete",
        retention_ms=90 * _DAY_MS,
        written_by=("serve", "people"),
        read_by=("collect", "streams", "agent", "notify", "serve"),
    ),
    Topic(
        name="deadletters",
        summary="Records nobody could use: the original bytes, with the reason in headers.",
        events=(),
        key="the original's",
        cleanup="delete",
        retention_ms=30 * _DAY_MS,
        written_by=("collect", "streams", "agent", "notify"),
        read_by=("serve", "audit"),
    ),
)
BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def state_topic(epoch: int) -> Topic:
    """Return the topic of the streams role's state in an epoch."""
    return replace(STATE, name=f"streams-e{epoch}-state-changelog") if epoch else STATE


def state_epoch(name: str) -> int | None:
    """Return the epoch whose state has a topic of this name, without the prefix; None for other topics."""
    found = _STATE_NAME.fullmatch(name)
    return found and int(found[1] or 0)


def topics_of(epoch: int) -> tuple[Topic, ...]:
    """Return the topics of a pipeline whose streams role is in an epoch: the table, and that epoch's state."""
    return (*TOPICS, state_topic(epoch)) if epoch else TOPICS
