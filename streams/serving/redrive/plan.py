"""Which dead letters can go again, what would be written for them, and why the others stay. PURE.

A redriven record is a new record of its raw topic, so it is counted once there as every other: applied, as a
duplicate, as late, or as a dead letter of attempt n + 1.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import Struct

from topics import BY_NAME, ContractError, DeadLetter, Heartbeat, Redrive, asset_of, partition_of
from topics.deadletter import (
    ATTEMPT_MAX,
    ORIGINAL_BYTES_MAX,
    ORIGINAL_CHARS_MAX,
    Redriven,
    redriven_headers,
)
from topics.record import OutRecord
from topics.settings import BrokerSettings

from .explaining import COLLECTED, DERIVED, RAW, remedy_of
from .letters import Letter

ATTEMPTS_MAX = 3
"""A letter of this attempt is not redriven: by then it is known that it does not help."""
LETTERS_MAX = 1_000
"""Of one redrive: it can be looked through, and is over in seconds."""
FOLDED = "fold"
"""The stage of the streams role."""
PARTITION_MAX, OFFSET_MAX = 2**31 - 1, 2**63 - 1
STRANGE = (
    "the streams role did not write it: its stage, place, attempt or size is none of its letters'. Find who writes to the"
    " dead letters"
)


class Going(Struct, frozen=True, kw_only=True):
    """A letter that can go again, and where to."""

    letter: Letter
    topic: str
    """As the catalog names it."""
    partition: int
    key: bytes
    attempt: int
    """Of the letter that comes of it if it is refused again."""

    @property
    def letter_id(self) -> str:
        """The letter's."""
        return self.letter.letter_id


class Staying(Struct, frozen=True, kw_only=True):
    """A letter that does not, and why, in words."""

    letter: Letter
    why: str


class Plan(Struct, frozen=True, kw_only=True):
    """What a redrive would do. Nothing has been written."""

    redrive_id: str
    """A digest of the letters that go, so that the same redrive asked for again is the same act; empty of none."""
    going: list[Going]
    staying: list[Staying]
    left_out: int = 0
    """Letters that were meant and are too many for one redrive: the next one takes them."""


def planned(
    letters: Iterable[Letter],
    *,
    partitions: int,
    attempts_max: int = ATTEMPTS_MAX,
    taken: Mapping[str, str] | None = None,
    letters_max: int = LETTERS_MAX,
) -> Plan:
    """Return which of these letters, each of another id, go again; records of one partition in their order.

    ``taken`` says in words, by letter id, which have gone already.
    """
    going: list[Going] = []
    staying: list[Staying] = []
    left_out = 0
    for letter in sorted(letters, key=_in_order):
        judged = _judged(letter, partitions, min(attempts_max, ATTEMPT_MAX), taken or {})
        if isinstance(judged, str):
            staying.append(Staying(letter=letter, why=judged))
        elif len(going) < letters_max:
            going.append(judged)
        else:
            left_out += 1
    return Plan(redrive_id=id_of(going), going=going, staying=staying, left_out=left_out)


def record_of(going: Going, broker: BrokerSettings, redrive_id: str, at_ms: int) -> OutRecord:
    """Return the raw record of a letter that goes again. ``at_ms`` becomes its log timestamp."""
    letter = going.letter.letter
    told = Redriven(
        attempt=going.attempt,
        original=letter.original or letter.letter_id,
        letter_id=letter.letter_id,
        redrive_id=redrive_id,
    )
    return OutRecord(
        broker.topic(going.topic),
        going.partition,
        going.key,
        letter.value,
        redriven_headers(told),
        at_ms,
    )


def _judged(
    found: Letter, partitions: int, attempts_max: int, taken: Mapping[str, str]
) -> Going | str:
    letter = found.letter
    if (why := _unfit(letter) or _spent(letter, attempts_max, taken)) is not None:
        return why
    topic = letter.topic or ""
    try:
        event = BY_NAME[topic].decoder().decode(letter.value)
    except ContractError as error:
        return f"this version cannot read it either: {error}. {remedy_of(letter.reason).todo}"
    if isinstance(event, Heartbeat):
        return "a heartbeat is of its moment; later ones have said more"
    asset = asset_of(event.subject)
    return Going(
        letter=found,
        topic=topic,
        partition=partition_of(asset, partitions),
        key=asset.encode(),
        attempt=letter.attempt + 1,
    )


def _unfit(letter: DeadLetter) -> str | None:
    """Return why what a letter holds is nothing to be written again."""
    if letter.stage == "collect":
        return COLLECTED
    remedy = remedy_of(letter.reason)
    if remedy.cure == "never":
        return f"{letter.reason}: {remedy.cause} {remedy.todo}"
    if letter.topic not in RAW:
        return DERIVED.format(letter.topic)
    if letter.truncated:
        return f"its bytes were cut: {len(letter.value)} of {letter.length} are kept"
    return None if _is_ours(letter) else STRANGE


def _is_ours(letter: DeadLetter) -> bool:
    """Return whether a letter says what the streams role says of its letters: anybody may write to the topic."""
    return (
        letter.stage == FOLDED
        and letter.origin is None
        and letter.partition is not None
        and 0 <= letter.partition <= PARTITION_MAX
        and letter.offset is not None
        and 0 <= letter.offset <= OFFSET_MAX
        and 1 <= letter.attempt <= ATTEMPT_MAX
        and 1 <= len(letter.original or "-") <= ORIGINAL_CHARS_MAX
        and len(letter.value) <= ORIGINAL_BYTES_MAX
    )


def _spent(letter: DeadLetter, attempts_max: int, taken: Mapping[str, str]) -> str | None:
    """Return why a letter has gone often enough."""
    if letter.attempt >= attempts_max:
        return f"it is attempt {letter.attempt} already, of at most {attempts_max}"
    return taken.get(letter.letter_id)


def _in_order(found: Letter) -> tuple[str, int, int, str]:
    letter = found.letter
    return letter.topic or "", letter.partition or 0, letter.offset or 0, found.letter_id


def id_of(going: list[Going]) -> str:
    """Return the id of a redrive of these: the same letters of the same attempts have the same."""
    if not going:
        return ""
    told = "\n".join(sorted(f"{one.letter_id} {one.attempt}" for one in going))
    return sha256(told.encode(errors="replace")).hexdigest()[:16]


def rival_of(act: Redrive, told: Iterable[Redrive]) -> Redrive | None:
    """Return the redrive that one which has just begun must give way to; None: it may write.

    ``told`` is whatever recent redrives say on the log, this one's begin among it; those of one id in their order.
    One of the same id counts if it stands before ours, one of another if it has a letter in common.
    """
    first: Redrive | None = None
    begun = False
    last_words: dict[str, Redrive] = {}
    for one in told:
        if one.redrive_id != act.redrive_id:
            last_words[one.redrive_id] = one
        elif one == act:
            begun = True
        elif not begun and one.letters:
            first = one
    meant = set(act.letters)
    others = (one for one in last_words.values() if not meant.isdisjoint(one.letters))
    return first or next(others, None)
