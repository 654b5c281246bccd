"""An hour of raw events of every kind, with any text in every field that takes one, through the real folds."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from math import sin
from random import Random

import msgspec
from msgspec import Struct
from msgspec import inspect as seen

from streams.processors.aggregate import AggregateProgram
from streams.windows.intake import Logged
from topics import (
    BY_NAME,
    KINDS,
    Aggregate,
    GapDetected,
    GapPermanent,
    Heartbeat,
    Kind,
    Post,
    RepositoryEvent,
    Trade,
    VolumeFlow,
    VolumeLevel,
    encode,
    raw_topic,
)
from topics.settings import BrokerSettings

BROKER = BrokerSettings(partitions=1)
START_MS = 1_800_000_000_000
MINUTE_MS = 60_000
MINUTES = 75
ASSET, INSTRUMENT = "SOL", "SOL/USDT"
SOURCE = {"market": "exchange", "volume": "exchange", "social": "posts", "development": "forge"}
IDENTITIES = ("trade_id", "post_id", "event_id", "instrument", "gap_id")
"""Free texts that tell events apart: an attack stands before what tells them apart."""

Tell = Callable[[str, str], str]
"""Is given a field and what it holds, and returns what it is to hold."""


def untouched(_field: str, text: str) -> str:
    """Return the text as it is."""
    return text


def attacked(texts: Sequence[str], seed: int) -> Tell:
    """Return what puts the next of these texts into every field; one that stands for a thing always the same."""
    dice, given = Random(seed), dict[tuple[str, str], str]()

    def tell(field: str, text: str) -> str:
        if field not in IDENTITIES:
            return dice.choice(texts)
        if (field, text) not in given:
            given[field, text] = f"{dice.choice(texts)[: 127 - len(text)]} {text}"
        return given[field, text]

    return tell


def free_fields(contract: type[Struct]) -> tuple[tuple[str, int | None], ...]:
    """Return the fields of a contract that take any text, each with the most characters it takes."""
    info = msgspec.inspect.type_info(contract)
    assert isinstance(info, seen.StructType)
    return tuple(
        (field.name, inner.max_length)
        for field in info.fields
        if isinstance(inner := _bare(field.type), seen.StrType)
        and inner.pattern is None
        and field.name != "subject"  # the fold holds it against a pattern of its own
    )


def _bare(info: seen.Type) -> seen.Type:
    return _bare(info.type) if isinstance(info, seen.Metadata) else info


def told(event: Struct, tell: Tell) -> Struct:
    """Return an event with what ``tell`` says in every field that takes any text."""
    changes = {
        name: tell(name, getattr(event, name))[:most] or "x" for name, most in _free(type(event))
    }
    return msgspec.structs.replace(event, **changes)


@cache
def _free(contract: type[Struct]) -> tuple[tuple[str, int | None], ...]:
    return free_fields(contract)


def hour() -> Iterator[tuple[Kind, Struct]]:
    """Yield what happened, minute by minute: calm, then a fall on heavy volume with a surge of posts."""
    for number in range(MINUTES):
        at_ms = START_MS + number * MINUTE_MS
        fall = number == MINUTES - 2
        for place in range(6):
            yield "market", _trade(number, place, at_ms + 9_000 * place, fall=fall)
        if number == MINUTES // 2:
            yield from _gap(at_ms)
        for place in range(30 if number >= MINUTES - 5 else 2):
            yield "social", _post(number, place, at_ms + 1_700 * place)
        yield "development", _act(number, at_ms + 5_000)
        if number % 5 == 0:
            yield from _reports(number, at_ms + 1_000)
        for kind in KINDS:
            through_ms = at_ms + MINUTE_MS
            yield kind, Heartbeat(source=SOURCE[kind], epoch=1, through_ms=through_ms)


def _trade(number: int, place: int, at_ms: int, *, fall: bool) -> Trade:
    calm = 100 + sin(number + place / 6) / 10
    return Trade(
        subject=INSTRUMENT,
        source="exchange",
        venue="exchange",
        trade_id=f"{number}-{place}",
        event_ms=at_ms,
        received_ms=at_ms + 20,
        price=Decimal(f"{calm * (1 - place / 100 if fall else 1):.4f}"),
        size=Decimal(40 if fall else 2 + place),
        side="sell" if fall or place % 2 else "buy",
    )


def _gap(at_ms: int) -> Iterator[tuple[Kind, Struct]]:
    place = {
        "gap_id": "exchange/SOL/USDT/7",
        "subject": INSTRUMENT,
        "source": "exchange",
        "venue": "exchange",
        "from_ms": at_ms,
        "to_ms": at_ms + 100,
    }
    yield "market", GapDetected(**place)  # type: ignore[arg-type]
    yield "market", GapPermanent(**place, reason="the venue does not say")  # type: ignore[arg-type]


def _post(number: int, place: int, at_ms: int) -> Post:
    return Post(
        subject=ASSET,
        source="posts",
        platform="platform",
        post_id=f"{number}-{place}",
        event_ms=at_ms,
        received_ms=at_ms + 300,
        author=f"{number * 100 + place:016x}",
        text="Watching SOL.",
        language="en",
        tone=round(sin(number * place), 2),
        tone_version="tone-1",
        engagement=place,
        simhash=f"{(number * 7919 + place) << 40:016x}",
        bot=place % 9 == 8,
    )


def _act(number: int, at_ms: int) -> RepositoryEvent:
    return RepositoryEvent(
        subject=ASSET,
        source="forge",
        repository="owner/name",
        event_id=f"{number}",
        event_ms=at_ms,
        received_ms=at_ms + 900,
        act="commit" if number % 3 else "release",
        author=f"{number % 5:016x}",
    )


def _reports(number: int, at_ms: int) -> Iterator[tuple[Kind, Struct]]:
    for instrument in ("SOLUSDT", "SOLUSDC"):
        report = {
            "subject": ASSET,
            "source": "exchange",
            "venue": "exchange",
            "instrument": instrument,
            "event_ms": at_ms,
            "received_ms": at_ms + 50,
            "span_ms": 300_000,
            "volume": Decimal(900 + number),
        }
        yield "volume", VolumeFlow(**report)  # type: ignore[arg-type]
        yield "volume", VolumeLevel(**report | {"span_ms": 86_400_000})  # type: ignore[arg-type]


class Folded(Struct, frozen=True):
    """What the streams role writes."""

    aggregates: list[Aggregate]
    topics: list[str]
    """The topic of every record."""
    written: bytes
    """All of it: topic, key and value of every record."""


def folded(tell: Tell = untouched) -> Folded:
    """Return what the folds make of the hour."""
    program = AggregateProgram(BROKER, 0, {}, subjects_max=100)
    decode = BY_NAME["aggregates"].decoder().decode
    offsets = dict.fromkeys(KINDS, 0)
    records = []
    for kind, event in hour():
        value = encode(event if isinstance(event, Heartbeat) else told(event, tell))
        at_ms = getattr(event, "through_ms", 0) or getattr(event, "to_ms", 0) or event.event_ms  # type: ignore[attr-defined]
        key = None if isinstance(event, Heartbeat) else ASSET.encode()
        program.feed(
            BROKER.topic(raw_topic(kind)), [Logged(offsets[kind], at_ms + 1_000, key, value)]
        )
        offsets[kind] += 1
        if isinstance(event, Heartbeat) and (made := program.take()) is not None:
            records += made.outputs
    return Folded(
        aggregates=[
            decode(record.value or b"")
            for record in records
            if record.topic == BROKER.topic("aggregates")
        ],
        topics=[record.topic for record in records],
        written=b"\n".join(
            b"%b %b %b" % (r.topic.encode(), r.key or b"", r.value or b"") for r in records
        ),
    )
