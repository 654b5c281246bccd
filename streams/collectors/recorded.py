"""Events of the past as a source: files, or a range of a raw topic.

This is a collector whose world is the past: its events go out anew, with new partitions, heartbeats and gap
marks of its own, under its own name. So they can be moved in time, mixed with other sources and given to
another pipeline. `tapereader replay` is the other thing: it copies whole records, marks included, so that the
same windows come out again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import Literal

from msgspec.structs import replace
from pydantic import Field, model_validator

from topics import (
    ContractError,
    Decoder,
    GapMark,
    Heartbeat,
    Kind,
    PostDeleted,
    RawEvent,
    RepositoryEvent,
    SettingsError,
    decoder_of,
    kind_of,
)
from topics.catalog import RAW

from .lateness import LATENESS_MS
from .lines import Frame, frames_of
from .market.venues.binance import parse_agg_trade
from .pace import Pace
from .playback import GIVE_WAY_EVERY, rest
from .port import (
    Clock,
    Context,
    Link,
    Observation,
    Refused,
    Source,
    SourceName,
    SourceSettings,
    SourceType,
    Symbol,
    Through,
)
from .promise import Promise

Seen = RawEvent | PostDeleted | Refused

_Record = RawEvent | PostDeleted | Heartbeat | GapMark

_RAW: Decoder[_Record] = decoder_of(
    *dict.fromkeys(event for topic in RAW for event in topic.events)
)


class RecordedSettings(SourceSettings):
    """Events of the past: files, or a range of a raw topic."""

    type: Literal["recorded"]
    files: tuple[Path, ...] = ()
    """JSON lines, plain or .gz, oldest first."""
    format: Literal["raw", "binance.aggtrades"] = "raw"
    """Of the files: our own raw events, or Binance's aggregate trades as its REST gives them."""
    venue: SourceName = "recorded"
    subject: Symbol | None = None
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


def create_recorded(name: str, settings: RecordedSettings, context: Context) -> list[Source]:
    """Return the source that replays what the settings name.

    Events keep their ids, venues and digits; ``source`` becomes ``name``, since a source's events and its
    clock must have one name. (An act in a repository, whose source is part of its id, keeps the old one at
    the head of its ``event_id``.) ``shift_ms`` moves event and receipt.

    With a pace an event comes when its time has come; without one all come as fast as they are taken.
    Promises follow the rule of `Promise`, with the lateness of the kind, so what is further out of order than
    that is a correction. Behind the last event the promise is past it.

    Raises:
        SettingsError: A file is missing, or no event in the files says of what kind they are.
    """
    reader = _Reader(name, _kind_of(name, settings), settings, context.now_ms)
    if settings.topic is not None:
        from .topic_range import TopicRange  # noqa: PLC0415 - Kafka's client, for those who read the table only

        topic_range = TopicRange(context.broker, settings.topic, settings.from_ms)
        return [Recorded(reader, lambda: topic_range.merged(reader.timed), context.pace)]
    return [Recorded(reader, lambda: _from_files(settings.files, reader), context.pace)]


class Recorded:
    """One recording. Asked again it begins again: who has seen its events drops them by their ids."""

    def __init__(
        self, reader: "_Reader", events: Callable[[], AsyncIterator[Seen]], pace: Pace | None
    ) -> None:
        """Prepare; nothing is read before it is asked for."""
        self.name = reader.name
        self.kind: Kind = reader.kind
        self._events, self._pace, self._now_ms = events, pace, reader.now_ms

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield the events and promises, each when its time has come, until the recording's end.

        Raises:
            SourceError: The broker that holds the topic failed.
        """
        yield Link(state="connected", reason="recorded")
        promise = Promise(LATENESS_MS[self.kind])
        async with aclosing(self._events()) as events:  # type: ignore[type-var]  # a generator in fact
            async for seen in events:
                if not isinstance(seen, Refused):
                    promise.read(seen.event_ms)
                    async for through in self._until(seen.event_ms, promise):
                        yield through
                yield seen
        if promise.reached_ms is not None:
            end_ms = promise.reached_ms + 1
            async for through in self._until(end_ms, promise):
                yield through
            yield Through(end_ms)

    async def _until(self, event_ms: int, promise: Promise) -> AsyncIterator[Through]:
        """Wait for an event's time, making promises meanwhile, and at least once."""
        waiting = True
        while waiting:
            waiting = await rest(self._pace, event_ms, self._now_ms)
            present_ms = None if self._pace is None else self._pace.event_at(self._now_ms())
            if (through := promise.next(present_ms)) is not None:
                yield through


class _Reader:
    """Frames into events of one kind, moved in time and under the source's name."""

    def __init__(self, name: str, kind: Kind, settings: RecordedSettings, now_ms: Clock) -> None:
        self.name, self.kind, self.now_ms = name, kind, now_ms
        self._settings = settings
        self._parse = self._raw if settings.format == "raw" else self._agg_trade

    def read(self, frame: Frame) -> Seen | None:
        """Return what a frame holds; None for what is not wanted: other times, heartbeats and marks."""
        try:
            if frame.fault is not None:
                raise frame.fault
            event = self._parse(frame.data)
        except ContractError as error:
            return Refused(
                reason=error.reason,
                message=str(error),
                original=frame.data,
                origin=f"{self.name}/{frame.origin}",
                received_ms=self.now_ms(),
            )
        return event if event is not None and self._is_wanted(event) else None

    def timed(self, frame: Frame) -> tuple[int, Seen] | None:
        """Return what a frame holds with its event time; what has none comes first."""
        seen = self.read(frame)
        return None if seen is None else (0 if isinstance(seen, Refused) else seen.event_ms, seen)

    def _is_wanted(self, event: RawEvent | PostDeleted) -> bool:
        settings = self._settings
        event_ms = event.event_ms - settings.shift_ms
        return (settings.from_ms is None or event_ms >= settings.from_ms) and (
            settings.to_ms is None or event_ms < settings.to_ms
        )

    def _raw(self, line: bytes) -> RawEvent | PostDeleted | None:
        record = _RAW.decode(line)
        if not isinstance(record, RawEvent | PostDeleted):
            return None
        kind = "social" if isinstance(record, PostDeleted) else kind_of(record)
        if kind != self.kind:
            msg = f"a {kind} event in a recording of kind {self.kind}, as its first one is"
            raise ContractError(msg, reason="invalid")
        shift_ms = self._settings.shift_ms
        if isinstance(record, RepositoryEvent):
            record = replace(record, event_id=f"{record.source}|{record.event_id}")
        return replace(
            record,
            source=self.name,
            event_ms=record.event_ms + shift_ms,
            received_ms=record.received_ms + shift_ms,
        )

    def _agg_trade(self, line: bytes) -> RawEvent:
        trade = parse_agg_trade(
            line,
            subject=self._settings.subject or "",  # the settings refuse this format without one
            source=self.name,
            venue=self._settings.venue,
            received_ms=0,
            shift_ms=self._settings.shift_ms,
        )
        # The venue's line does not say when it was received.
        return replace(trade, received_ms=trade.event_ms)


async def _from_files(files: Iterable[Path], reader: _Reader) -> AsyncIterator[Seen]:
    for number, frame in enumerate(frames_of(files)):
        if number % GIVE_WAY_EVERY == 0:
            await asyncio.sleep(0)
        if (seen := reader.read(frame)) is not None:
            yield seen


def _kind_of(name: str, settings: RecordedSettings) -> Kind:
    """Return the kind of a recording's events, having looked whether its files are there."""
    if settings.topic is not None:
        return settings.topic
    key = f"sources.{name}.files"
    if missing := [str(path) for path in settings.files if not path.is_file()]:
        msg = f"{key}: no file at {', '.join(missing)}"
        raise SettingsError(msg)
    if settings.format == "binance.aggtrades":
        return "market"
    for frame in frames_of(settings.files):
        try:
            record = _RAW.decode(frame.data)
        except ContractError:
            continue  # it will be refused, with its place, when the source is read
        if isinstance(record, RawEvent):
            return kind_of(record)
    msg = f"{key}: no raw event in {', '.join(map(str, settings.files))}"
    raise SettingsError(msg)


TYPE = SourceType(
    name="recorded",
    about="events of the past again: files, or a range of a raw topic",
    kinds=("market", "volume", "social", "development"),
    settings=RecordedSettings,
    create=create_recorded,
    limits="none",
)
