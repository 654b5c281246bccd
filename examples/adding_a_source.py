"""A source of your own: rolling turnovers from a service that answers JSON. docs/adding-a-source.md walks through it.

The service: `GET /turnover?asset=BTC` answers `{"asset": "BTC", "time_ms": 1700000000000, "base_24h": "1234.5"}`.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from pydantic import Field

from streams.collectors.asking import Answer, Http
from streams.collectors.coverage import Coverage
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import (
    Context,
    Link,
    Observation,
    Refused,
    Source,
    SourceError,
    SourceSettings,
    SourceType,
    Through,
)
from topics import Kind, VolumeLevel

DAY_MS = 86_400_000
HOLD_MS = 180_000
"""An asset that cannot be had for so long is told as a gap, and holds the others back no more."""


class TurnoverSettings(SourceSettings):
    """What stands under `[collect.sources.NAME]` with `type = "turnover"`."""

    type: Literal["turnover"]
    assets: tuple[Annotated[str, Field(pattern=r"^[A-Z0-9]{1,24}$")], ...] = Field(min_length=1)
    url: str = "https://turnover.example"
    every_s: float = Field(default=60.0, gt=0, le=3_600)


class _Turnover(msgspec.Struct):
    """What the service answers; the rest of it is nobody's business."""

    asset: str
    time_ms: int
    base_24h: Decimal


class TurnoverSource:
    """Asks for one asset after the other, round after round."""

    kind: Kind = "volume"

    def __init__(self, name: str, settings: TurnoverSettings, context: Context) -> None:
        """Prepare; nothing is asked before the first observation is."""
        self.name = name
        self._settings, self._now_ms = settings, context.now_ms
        self._http = Http(now_ms=context.now_ms, per_minute=600)
        self._coverage = Coverage(
            name, "turnover", hold_ms=HOLD_MS, lateness_ms=LATENESS_MS["volume"]
        )
        for asset in settings.assets:
            self._coverage.follow(asset, (asset,), context.now_ms())

    async def observations(self) -> AsyncIterator[Observation]:
        """Yield what is seen, for ever: the runner stops us.

        Raises:
            SourceError: Not one asset of a round could be had.
        """
        try:
            while True:
                failures = []
                for asset in self._settings.assets:
                    try:
                        answer = await self._http.get(
                            f"{self._settings.url}/turnover", params={"asset": asset}
                        )
                    except SourceError as error:
                        failures.append(error)  # the next asset may do better
                        continue
                    yield Link(state="connected")
                    for observation in self._read(asset, answer):
                        yield observation
                marks, through_ms = self._coverage.advance(self._now_ms())
                for mark in marks:
                    yield mark
                if through_ms is not None:
                    yield Through(through_ms)
                if len(failures) == len(self._settings.assets):
                    raise failures[0]
                await asyncio.sleep(self._settings.every_s)
        finally:
            await self._http.close()

    def _read(self, asset: str, answer: Answer) -> list[Observation]:
        """Return the event in an answer, or what is wrong with it, and the marks that follow from it."""
        try:
            told = msgspec.json.decode(answer.body, type=_Turnover)
            level = VolumeLevel(
                subject=asset,
                source=self.name,
                venue="turnover",
                instrument=asset,
                event_ms=told.time_ms,
                received_ms=answer.received_ms,
                span_ms=DAY_MS,
                volume=told.base_24h,
            )
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            return [self._refused(asset, answer, str(error))]
        if told.asset != asset:
            return [self._refused(asset, answer, "told of another asset")]
        return [level, *self._coverage.covered(asset, told.time_ms)]

    def _refused(self, asset: str, answer: Answer, why: str) -> Refused:
        return Refused(
            reason="invalid",
            message=why,
            original=answer.body,
            origin=f"{self.name}/{asset}/{answer.received_ms}",
            received_ms=answer.received_ms,
        )


def create(name: str, settings: TurnoverSettings, context: Context) -> list[Source]:
    """Return the sources of an entry, one a kind."""
    return [TurnoverSource(name, settings, context)]


TYPE = SourceType(
    name="turnover",
    about="rolling turnovers of assets, from a service that answers JSON",
    kinds=("volume",),
    settings=TurnoverSettings,
    create=create,
    limits="600 questions a minute",
)
