"""Why a record became a dead letter, and what can be done: in words. PURE.

docs/operating/dead-letters.md says the same, and a test holds the two together.
"""

from typing import Literal

from msgspec import Struct

from topics.catalog import KINDS, raw_topic
from topics.deadletter import REASONS

from .letters import Letter

Cure = Literal["never", "route", "bound", "version"]
"""What may cure it: nothing; being written where it belongs; room below a bound; a version that can read it."""
RAW = frozenset(map(raw_topic, KINDS))


class Remedy(Struct, frozen=True):
    """What is behind a reason, and what to do."""

    cause: str
    todo: str
    cure: Cure


REMEDIES: dict[str, Remedy] = {
    "malformed": Remedy(
        "Something wrote bytes into the topic that are not JSON in UTF-8, or are nested too deep.",
        "Find the writer by the record's place and time, and stop it. The bytes will never be read.",
        "never",
    ),
    "invalid": Remedy(
        "A field is missing, of the wrong type or out of its range; or a name is not written as one.",
        "Mend the writer. If it follows a newer contract, upgrade the streams role, then redrive.",
        "version",
    ),
    "unknown_type": Remedy(
        "The record is of a type that this version does not know: its writer is newer.",
        "Upgrade the streams role, then redrive.",
        "version",
    ),
    "misrouted": Remedy(
        "The record stood under another asset's key, or in a partition that is not its asset's: its writer"
        " counts partitions otherwise.",
        "Mend the writer (murmur2 of the asset), then redrive: it is written where it belongs.",
        "route",
    ),
    "absurd_time": Remedy(
        "The event is older than any chain or much later than its own receipt; or a heartbeat promised the future.",
        "Look at the clocks of the venue and of the collector's host. The record's times will not change.",
        "never",
    ),
    "out_of_range": Remedy(
        "Price times size, or a span, is beyond what exact sums hold: a venue's mistake, most likely.",
        "Look at what the venue says. The record's numbers will not change.",
        "never",
    ),
    "too_large": Remedy(
        "The event is larger than a record of a raw topic may be.",
        "Look at what the source sends. It cannot be written as it is.",
        "never",
    ),
    "subjects_max": Remedy(
        "The partition had as many subjects as streams.subjects_max allows.",
        "Follow fewer assets, or raise streams.subjects_max; then redrive.",
        "bound",
    ),
    "venues_max": Remedy(
        "The subject had as many sources, venues or instruments as one may have.",
        "Follow fewer of them. When the subject has been forgotten, or none is too many any more, redrive.",
        "bound",
    ),
    "sources_max": Remedy(
        "A heartbeat came of one source more than a partition may have.",
        "Find who writes under so many names. A heartbeat is of its moment: it is not redriven.",
        "never",
    ),
    "venue_error": Remedy(
        "The venue itself said that something is wrong.",
        "Read what it says. There is no event in it.",
        "never",
    ),
    "undeliverable": Remedy(
        "A receiver of notifications refused an alert, or did not answer, however often it was tried.",
        "Mend the receiver, or its settings. The alert itself stands in its topic and on the dashboard; what is"
        " old news by now is not sent again.",
        "never",
    ),
}
"""One for each of `topics.deadletter.REASONS`."""

_UNKNOWN = Remedy(
    "A later version of this program made the letter: this one does not know the reason.",
    "Look at it with that version.",
    "never",
)
COLLECTED = (
    "A collector refused it before it had a place in a raw topic: its bytes are a source's frame or row, not a"
    " record, so there is nowhere to write them. Mend what reads the source; what a source still has of that time"
    " comes again when its collector starts and reads back"
)

DERIVED = (
    "It is out of {}: only raw topics take records again. What follows from them is made by the streams role and the"
    " agent; `tapereader audit` tells whether it is as it must be"
)


def remedy_of(reason: str) -> Remedy:
    """Return what is behind a reason; of one that only a later version knows, that."""
    return REMEDIES.get(reason, _UNKNOWN)


def explained(found: Letter) -> list[str]:
    """Return what is known of a letter, in sentences of ours and words of others: print them as plain text."""
    letter, remedy = found.letter, remedy_of(found.letter.reason)
    where = (
        f"{letter.topic}/{letter.partition} at {letter.offset}" if letter.topic else letter.origin
    )
    lines = [
        f"{found.letter_id}, in the dead letters at {found.partition}/{found.offset}",
        f"refused by {letter.role} ({letter.stage}), attempt {letter.attempt}, out of {where}",
        f"reason: {letter.reason}: {REASONS.get(letter.reason, 'not known to this version')}",
        f"it said: {letter.message}",
        f"cause: {remedy.cause}",
        f"what to do: {remedy.todo}",
    ]
    if letter.original is not None:
        lines.insert(2, f"redriven before; the first letter of it is {letter.original}")
    if letter.truncated:
        lines.append(f"its bytes were cut: {len(letter.value)} of {letter.length} are kept")
    return lines
