"""A log in memory behind an invented view: it answers what `Lookup` answers."""

from typing import Any

import msgspec
from msgspec import Struct

from streams.serving.found import Found, Missing, RawRange, Whole
from streams.serving.ids import window_of
from streams.serving.letters import letter_of
from streams.serving.raw_range import Sieve
from streams.serving.redrive import Letter
from streams.serving.shown import Place
from streams.serving.view import View
from topics import (
    Aggregate,
    Analysis,
    encode,
)
from topics.deadletter import DeadLetter, from_record, to_record


class Log:
    """The records behind a view, by topic and place: it answers what `Lookup` answers."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._records: dict[str, list[Whole]] = {}

    def put(self, name: str, event: Struct, at_ms: int, value: bytes | None = None) -> Place:
        """Write a record, and let the view take it."""
        kept = self._records.setdefault(name, [])
        place = Place(name, 0, len(kept))
        data = encode(event) if value is None else value
        kept.append(Whole(place=place, at_ms=at_ms, key=b"SOL", value=data, headers=[]))
        self.view.take(event, place, at_ms)
        return place

    def put_letter(self, letter: DeadLetter, at_ms: int) -> None:
        """Write a dead letter."""
        key, value, headers = to_record(letter)
        kept = self._records.setdefault("deadletters", [])
        place = Place("deadletters", 0, len(kept))
        kept.append(Whole(place=place, at_ms=at_ms, key=key, value=value, headers=headers))
        self.view.take_dead_letter(letter_of(key, value, headers, at_ms=at_ms, place=place))

    def letters(self) -> list[Letter]:
        """Return all dead letters, the oldest first."""
        return [
            Letter(letter=from_record(one.key, one.value or b"", one.headers, one.at_ms), partition=0, offset=one.place.offset, logged_ms=one.at_ms)
            for one in self._records.get("deadletters", [])
        ]  # fmt: skip

    async def record(self, place: Place) -> Whole | Missing:
        """Return the record at a place."""
        return self._records[place.topic][place.offset]

    async def editions(self, aggregate_id: str) -> list[Found[Aggregate]] | Missing:
        """Return every edition of a window."""
        begin = window_of(aggregate_id)
        if begin is None:
            return Missing(why="not_found", words="the id is not one of this pipeline's")
        found = [
            Found(event=msgspec.json.decode(one.value or b"", type=Aggregate), whole=one)
            for one in self._records["aggregates"]
            if begin.encode() in (one.value or b"")
        ]
        return found or Missing(why="not_found", words="the log has no edition of it")

    async def analysis(self, analysis_id: str) -> Found[Analysis] | Missing:
        """Return what only the log still has: nothing here."""
        del analysis_id
        return Missing(why="not_found", words="the log has no such record")

    async def raw(
        self,
        kind: Any,
        subject: str,
        from_ms: int,
        to_ms: int,
        *,
        after: int | None = None,
        beats: bool = False,
    ) -> RawRange | Missing:
        """Return a subject's raw events of a span."""
        sieve = Sieve(kind, subject, from_ms, to_ms, beats=beats)
        for one in self._records.get(f"raw.{kind}", [])[after or 0 :]:
            taken = sieve.take(_Record(one))
            if not taken:
                break
        return sieve.result()


class _Record:
    def __init__(self, whole: Whole) -> None:
        self.partition, self.offset = whole.place.partition, whole.place.offset
        self.timestamp, self.value = whole.at_ms, whole.value
