"""What became of one notice for one receiver, as records of the log. PURE."""

from typing import Literal

from msgspec import Struct

from streams.serving.words import plain
from topics import DeadLetter, Notification, encode, partition_of
from topics.deadletter import to_record
from topics.envelope import headers
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .notice import Entry

ROLE = "notify"
WORDS_CHARS_MAX = 300
"""The contract's limit."""

NOT_BORNE_OUT = "its analysis found it less severe than this receiver is told of"
"""Words of what is left out for that; a start knows them again."""
End = Literal["sent", "gathered", "digest", "muted", "undeliverable"]


class Outcome(Struct, frozen=True, kw_only=True):
    """The end of a notice on its way to a receiver."""

    entry: Entry
    receiver: str
    end: End
    at_ms: int
    message_id: str | None = None
    attempts: int = 0
    words: str = ""


def records_of(broker: BrokerSettings, outcome: Outcome) -> list[OutRecord]:
    """Return what is written of an outcome: that it was, and a dead letter where the receiver was not told."""
    letters = [_letter(broker, outcome)] if outcome.end == "undeliverable" else []
    return [*letters, _notification(broker, outcome)]


def _partition(broker: BrokerSettings, outcome: Outcome) -> int:
    place = outcome.entry.notice.place
    if place is not None:
        return place.partition
    return partition_of(outcome.entry.notice.alert.asset, broker.partitions)


def _notification(broker: BrokerSettings, outcome: Outcome) -> OutRecord:
    notice, key = outcome.entry.notice, outcome.entry.key
    told = Notification(
        notification_id=key,
        alert_id=notice.alert.alert_id,
        asset=notice.alert.asset,
        receiver=outcome.receiver,
        step=notice.step,
        outcome=outcome.end,
        message_id=outcome.message_id,
        at_ms=outcome.at_ms,
        logged_ms=notice.logged_ms,
        attempts=outcome.attempts,
        words=plain(outcome.words, WORDS_CHARS_MAX)[:WORDS_CHARS_MAX],
    )
    return OutRecord(
        broker.topic("notifications"),
        _partition(broker, outcome),
        f"{outcome.receiver}/{notice.alert.alert_id}".encode(),
        encode(told),
        headers(event_id=key, event_type="notification", source=ROLE, time_ms=outcome.at_ms),
    )


def _letter(broker: BrokerSettings, outcome: Outcome) -> OutRecord:
    notice, key = outcome.entry.notice, outcome.entry.key
    place = notice.place
    letter = DeadLetter(
        reason="undeliverable",
        message=f"{outcome.receiver}: {outcome.words}",
        stage="notify",
        role=ROLE,
        key=notice.alert.asset.encode(),
        value=notice.value or encode(notice.alert),
        time_ms=notice.logged_ms,
        topic=None if place is None else broker.topic(place.topic),
        partition=None if place is None else place.partition,
        offset=None if place is None else place.offset,
        origin=f"{ROLE}/{outcome.receiver}/{key}",
    )
    record_key, value, told = to_record(letter)
    return OutRecord(
        broker.topic("deadletters"), _partition(broker, outcome), record_key, value, told
    )
