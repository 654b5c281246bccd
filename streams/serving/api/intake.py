"""Records of the log on their way to the streams: which are told, and as what. PURE but for the hub it feeds."""

from typing import Any

from msgspec import Struct

from streams.serving.feed import LogRecord
from streams.serving.letters import letter_of
from streams.serving.shown import Place
from topics import BY_NAME, ContractError, Decoder

from .events import STREAMED, Head, asset_in, data_of
from .hub import Hub
from .tail import Happening


class Intake:
    """Takes what the feed read to the hub, and makes the same of what is read again."""

    def __init__(self, hub: Hub, *, prefix: str) -> None:
        """``prefix`` is that of the topics' names on the broker."""
        self._hub, self._prefix = hub, prefix
        self._decoders: dict[str, Decoder[Any]] = {
            name: BY_NAME[name].decoder() for name in STREAMED if BY_NAME[name].events
        }

    def seen(self, topic: str, record: LogRecord, event: object) -> None:
        """Take a record that the feed read, and what it read in it."""
        if topic not in STREAMED:
            return
        if not self._hub.tail.begun:
            self._hub.tail.pass_over(topic, record.partition, record.offset)
            return
        told = self._letter(record) if topic == "deadletters" else event
        if not isinstance(told, Struct):
            return
        data = data_of(_head(topic, record), told)
        if data is not None:
            self._hub.put(topic, record.partition, record.offset, asset=asset_in(told), data=data)

    def happening(self, topic: str, record: LogRecord) -> Happening | None:
        """Return a record that is read again; None: it is not told."""
        told = self._letter(record) if topic == "deadletters" else self._event(topic, record)
        if not isinstance(told, Struct):
            return None
        data = data_of(_head(topic, record), told)
        if data is None:
            return None
        return Happening(topic, record.partition, record.offset, asset_in(told), data, "")

    def _event(self, topic: str, record: LogRecord) -> object:
        try:
            return self._decoders[topic].decode(record.value or b"")
        except ContractError:
            return None

    def _letter(self, record: LogRecord) -> object:
        try:
            return letter_of(
                record.key,
                record.value or b"",
                record.headers,
                at_ms=record.timestamp,
                place=Place("deadletters", record.partition, record.offset),
                prefix=self._prefix,
            )
        except ValueError:
            return None


def _head(topic: str, record: LogRecord) -> Head:
    return Head(topic, record.partition, record.offset, record.timestamp)
