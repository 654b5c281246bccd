"""What the pages of dead letters tell: which there are, why, their bytes as escapes, and what a redrive would do. PURE."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Amount,
    Column,
    Fact,
    Instant,
    Line,
    Mark,
    Row,
    Rows,
    Words,
)
from streams.serving.redrive import Chosen, Plan
from streams.serving.redrive.explaining import remedy_of
from streams.serving.shown import Letter
from streams.serving.view import View
from topics import KINDS
from topics.deadletter import REASONS
from topics.units import ASSET_PATTERN, INSTRUMENT_PATTERN

from .option import Option

ROWS_MAX = 100
"""Letters in the list; of more it is said how many, and filters help."""
LOOKED_AT_MAX = 5_000
PLANNED_SHOWN_MAX = 50
OPTIONS_MAX = 12
"""Words offered to filter by: the frequent ones; an address may name any."""

LETTER_COLUMNS = (
    Column("When"),
    Column("Letter", main=True),
    Column("Reason"),
    Column("What it said"),
    Column("Refused by"),
    Column("Attempt", numeric=True),
    Column("Bytes", numeric=True),
)
PLAN_COLUMNS = (Column("Letter"), Column("What becomes of it", main=True))


REDRIVE_WORDS = (
    "A dry run says for each letter whether it can be written again, and why not. A redrive writes just those of the dry run,"
    " once each, to where their records belong; it is written down who did it and why."
)
UNKNOWN: tuple[Line, ...] = (
    (Mark("warning", "Not known"), Words("No dead letter of this address is known here.")),
    (
        Words(
            "It may be older than what this view reaches back to, or the address may be cut short.",
            tone="quiet",
        ),
    ),
    (Words("All dead letters", href=links.LETTERS),),
)


AROUND_MS = 30_000
"""Before and behind a record: what stood around it."""
_ASSET, _INSTRUMENT = re.compile(ASSET_PATTERN), re.compile(INSTRUMENT_PATTERN)


class _Subject(Struct):
    """What of an original says where it belongs, if anything does."""

    subject: str


class Filter(Struct, frozen=True, kw_only=True):
    """Which letters are listed; empty: any."""

    reason: str = ""
    stage: str = ""
    topic: str = ""

    @property
    def href(self) -> str:
        """Its address."""
        query = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name)}  # fmt: skip
        return f"{links.LETTERS}?{urlencode(query)}" if query else links.LETTERS

    def fits(self, letter: Letter) -> bool:
        """Return whether a letter is listed."""
        topic = letter.origin.topic if letter.origin else ""
        return (
            self.reason in ("", letter.reason)
            and self.stage in ("", letter.stage)
            and self.topic in ("", topic)
        )


class Offered(Struct, frozen=True, kw_only=True):
    """What may be filtered by: what there are letters of, with how many, and any."""

    reasons: tuple[Option, ...]
    stages: tuple[Option, ...]
    topics: tuple[Option, ...]


class LettersTold(Struct, frozen=True, kw_only=True):
    """The list."""

    lead: Line
    offered: Offered
    rows: Rows


class LetterTold(Struct, frozen=True, kw_only=True):
    """One letter."""

    lead: Line
    about: tuple[Fact, ...]


class PlanTold(Struct, frozen=True, kw_only=True):
    """What a redrive would do."""

    lead: Line
    rows: Rows
    goes: int


def filter_of(query: Mapping[str, str]) -> Filter:
    """Return the filter that an address asks for."""
    return Filter(**{name: query.get(name, "")[:64] for name in Filter.__struct_fields__})


def letters_of(view: View, wanted: Filter) -> LettersTold:
    """Return the letters that fit, the newest first."""
    known = view.letters(most=LOOKED_AT_MAX)
    found = [letter for letter in known if wanted.fits(letter)]
    lead: Line = (Words(f"{len(known):,} dead letters are remembered;"), Words(f"{len(found):,} fit.", tone="strong"))  # fmt: skip
    if not known:
        lead = (Words("No dead letter: every record could be used.", tone="good"),)
    empty = "No letter fits this filter." if known else "Records that nobody could use would stand here, with their bytes and the reason."  # fmt: skip
    rows = tuple(_row(letter) for letter in found[:ROWS_MAX])
    return LettersTold(
        lead=lead,
        offered=Offered(
            reasons=_options(wanted, "reason", [letter.reason for letter in known]),
            stages=_options(wanted, "stage", [letter.stage for letter in known]),
            topics=_options(
                wanted, "topic", [place.topic for letter in known if (place := letter.origin)]
            ),
        ),
        rows=Rows(rows, more=max(0, len(found) - len(rows)), empty=empty),
    )


def letter_of(letter: Letter) -> LetterTold:
    """Return what is known of a letter without its bytes."""
    remedy = remedy_of(letter.reason)
    origin: Line = (Words("a collector refused it before it stood in a topic", tone="quiet"),)
    if letter.origin is not None:
        place = letter.origin
        origin = (Words(f"{place.topic}, partition {place.partition}, offset {place.offset:,}"),)
    size = f"{letter.bytes:,}" + (f" of {letter.length:,}, cut" if letter.truncated else "")
    return LetterTold(
        lead=(
            Words(letter.reason, tone="bad"),
            Words(REASONS.get(letter.reason, "not known to this version")),
        ),
        about=(
            Fact("It said", (Words(letter.message),)),
            Fact("Cause", (Words(remedy.cause),)),
            Fact("What to do", (Words(remedy.todo, tone="strong"),)),
            Fact("Refused by", (Words(f"{letter.role} ({letter.stage})"), Words(f"attempt {letter.attempt}"))),
            Fact("Out of", origin),
            Fact("Its key", (Words(letter.key or "none"), *_way(letter))),
            Fact("Record's time", (Instant(letter.time_ms),)),
            Fact("Became a letter", (Instant(letter.at_ms), Age(letter.at_ms))),
            Fact("Size", (Amount(size, "bytes"),)),
            Fact("Stands in the log", (Words(f"{letter.place.topic}, partition {letter.place.partition}, offset {letter.place.offset:,}"),)),
        ),
    )  # fmt: skip


def _way(letter: Letter) -> Line:
    """Return the link to the asset, where the key is one."""
    is_asset = _ASSET.fullmatch(letter.key) is not None
    return (Words(f"all of {letter.key}", href=links.asset(letter.key)),) if is_asset else ()


def around(letter: Letter, value: bytes) -> Line:
    """Return the link to the raw events around a record whose bytes still say of what subject it was."""
    kind = letter.origin.topic.partition(".")[2] if letter.origin else ""
    try:
        subject = msgspec.json.decode(value, type=_Subject).subject
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    if kind not in KINDS or not (_ASSET.fullmatch(subject) or _INSTRUMENT.fullmatch(subject)):
        return ()
    begin, end = max(0, letter.time_ms - AROUND_MS), letter.time_ms + AROUND_MS
    return (Words(f"Raw events of {subject} around it", href=links.raw(kind, subject, begin, end)),)


def plan_of(plan: Plan, attempts_max: int) -> PlanTold:
    """Return what a redrive would do, in words; nothing has been written."""
    going = [
        Row(
            key=f"go/{one.letter_id}",
            cells=(
                (Words(one.letter_id, href=links.letter(one.letter_id)),),
                (Words(f"would be written to {one.topic}, partition {one.partition}, as attempt {one.attempt} of at most {attempts_max}", tone="good"),),
            ),
        )
        for one in plan.going
    ]  # fmt: skip
    staying = [
        Row(
            key=f"stay/{one.letter.letter_id}",
            cells=(
                (Words(one.letter.letter_id, href=links.letter(one.letter.letter_id)),),
                (Words("stays:", tone="doubt"), Words(one.why)),
            ),
        )
        for one in plan.staying
    ]
    rows = (*going, *staying)
    lead: list[Words] = [Words(f"{len(going):,} would go again, {len(staying):,} would stay. Nothing has been written.", tone="strong")]  # fmt: skip
    if plan.left_out:
        lead.append(Words(f"{plan.left_out:,} more were not looked at: there are too many for one redrive.", tone="doubt"))  # fmt: skip
    return PlanTold(
        lead=tuple(lead),
        rows=Rows(rows[:PLANNED_SHOWN_MAX], more=max(0, len(rows) - PLANNED_SHOWN_MAX), empty="No letter was meant."),
        goes=len(going),
    )  # fmt: skip


def chosen_of(wanted: Filter) -> Chosen:
    """Return which letters a redrive of what is listed means."""
    return Chosen(
        reason=wanted.reason or None, stage=wanted.stage or None, topic=wanted.topic or None
    )


def outcome_of(written: int, before: int) -> str:
    """Return what a redrive did, in a sentence."""
    went = f" {before:,} had gone before." if before else ""
    many = "record was" if written == 1 else "records were"
    return f"{written:,} {many} written again.{went} What is refused again comes back here as its next attempt."


def _row(letter: Letter) -> Row:
    place = letter.place
    return Row(
        key=f"{place.partition}/{place.offset}",
        cells=(
            (Instant(letter.at_ms),),
            (Words(letter.letter_id, href=links.letter(letter.letter_id)),),
            (Words(letter.reason, tone="strong", hint=REASONS.get(letter.reason, "")),),
            (Words(letter.message),),
            (Words(letter.role), Words(f"({letter.stage})", tone="quiet")),
            (Amount(str(letter.attempt)),),
            (Amount(f"{letter.bytes:,}"),),
        ),
    )


def _options(wanted: Filter, name: str, found: Sequence[str]) -> tuple[Option, ...]:
    """Return `any`, and each word there is with how often, the most frequent first."""
    chosen = getattr(wanted, name)
    any_of = replace(wanted, **{name: ""})
    options = [Option(words="any", href=any_of.href, chosen=chosen == "")]
    for word, count in Counter(found).most_common(OPTIONS_MAX):
        href = replace(wanted, **{name: word}).href
        options.append(Option(words=f"{word} ({count:,})", href=href, chosen=chosen == word))
    return tuple(options)
