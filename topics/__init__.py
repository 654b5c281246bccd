"""The contracts: every event, the table of topics, and the way in and out of bytes.

Standard library and msgspec only, so that anybody can import it. `topics.broker` (Kafka itself) and
`topics.schema` (documents out of the catalog) are imported by name by those who need them.
"""

from .aggregate import (
    Aggregate,
    Completeness,
    DevelopmentValues,
    MarketValues,
    Score,
    SocialValues,
    VolumeValues,
)
from .alert import Alert
from .analysis import Analysis, DataQuality, Fact, Outlook, Trigger
from .catalog import BY_NAME, KINDS, TOPICS, Topic, raw_topic
from .codec import Decoder, decoder_of, encode
from .control import Control, Feedback, Redrive
from .deadletter import DeadLetter
from .decision import Decision, Tally
from .development import RepositoryEvent
from .errors import ContractError, PipelineError, SettingsError, TopicsError
from .feed import FeedStatus
from .identity import RawEvent, asset_of, event_id, kind_of, partition_of
from .journal import Intent, Result, Usage
from .late import Late
from .market import Trade
from .marks import GapDetected, GapFilled, GapMark, GapPermanent, Heartbeat
from .notification import Notification
from .social import Post, PostDeleted
from .status import Status
from .units import Kind, Severity, Side
from .volume import VolumeFlow, VolumeLevel

__all__ = [
    "BY_NAME",
    "KINDS",
    "TOPICS",
    "Aggregate",
    "Alert",
    "Analysis",
    "Completeness",
    "ContractError",
    "Control",
    "DataQuality",
    "DeadLetter",
    "Decision",
    "Decoder",
    "DevelopmentValues",
    "Fact",
    "FeedStatus",
    "Feedback",
    "GapDetected",
    "GapFilled",
    "GapMark",
    "GapPermanent",
    "Heartbeat",
    "Intent",
    "Kind",
    "Late",
    "MarketValues",
    "Notification",
    "Outlook",
    "PipelineError",
    "Post",
    "PostDeleted",
    "RawEvent",
    "Redrive",
    "RepositoryEvent",
    "Result",
    "Score",
    "SettingsError",
    "Severity",
    "Side",
    "SocialValues",
    "Status",
    "Tally",
    "Topic",
    "TopicsError",
    "Trade",
    "Trigger",
    "Usage",
    "VolumeFlow",
    "VolumeLevel",
    "VolumeValues",
    "asset_of",
    "decoder_of",
    "encode",
    "event_id",
    "kind_of",
    "partition_of",
    "raw_topic",
]
