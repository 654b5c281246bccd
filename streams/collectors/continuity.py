"""Holes in a venue's sequence numbers, found and closed: PURE.

A venue that numbers an instrument's trades without holes proves by a jump that trades are missing, and by
their arrival that they are not any more. A source that has asked for them, and cannot have them, says so.
"""

from msgspec import Struct

from topics import GapDetected, GapFilled, GapMark, GapPermanent, Trade

from .port import Lost

GAPS_MAX = 64
"""Open gaps of one instrument; beyond it the oldest is given up as permanent."""
GIVE_UP_MS = 600_000
"""A gap this much event time behind its instrument is permanent: no window could take its trades any more."""
RANGES_MAX = 1_000
"""Ranges a gap may be split into while it is being filled; a number that would split it further is not noted,
so the gap ends as permanent."""
INSTRUMENTS_MAX = 100_000
"""Instruments watched; a further one's holes are not found."""


class _Gap(Struct):
    mark: GapDetected
    missing: list[tuple[int, int]]
    """Ranges of numbers that may still come, both ends included."""
    lost: str | None = None
    """Why some that are not missing any more did not come either."""


class _Instrument(Struct):
    last: int
    last_ms: int
    gaps: list[_Gap] = []


Place = tuple[str, str]
"""Venue and subject."""


class Continuity:
    """Watches the sequence numbers of every (venue, subject) of one source."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._instruments: dict[Place, _Instrument] = {}
        self._by_time: dict[Place, dict[str, GapDetected]] = {}
        """Open gaps that no number proves, which a source has told."""

    def open_gaps(self, venue: str, subject: str) -> int:
        """Return how many gaps of an instrument are open."""
        place = (venue, subject)
        instrument = self._instruments.get(place)
        by_number = 0 if instrument is None else len(instrument.gaps)
        return by_number + len(self._by_time.get(place, ()))

    def open_marks(self) -> list[GapDetected]:
        """Return the mark of every gap that is open."""
        marks = [gap.mark for i in self._instruments.values() for gap in i.gaps]
        return marks + [mark for told in self._by_time.values() for mark in told.values()]

    def apply(self, mark: GapMark) -> None:
        """Take a mark that was told by somebody else, the source itself or the log: what it says is so."""
        place = (mark.venue, mark.subject)
        if not isinstance(mark, GapDetected):
            self.forget(mark)
        elif mark.first_missing is not None and mark.ids_missing:
            self._open(place, mark, mark.first_missing, mark.ids_missing)
        elif place in self._by_time or len(self._by_time) < INSTRUMENTS_MAX:
            told = self._by_time.setdefault(place, {})
            told[mark.gap_id] = mark
            if len(told) > GAPS_MAX:  # only their number is of interest, and it is great enough
                del told[next(iter(told))]

    def forget(self, mark: GapMark) -> None:
        """Let go of a gap: it was ended, or there never was one."""
        place = (mark.venue, mark.subject)
        if (told := self._by_time.get(place)) is not None:
            told.pop(mark.gap_id, None)
            if not told:
                del self._by_time[place]
        if (instrument := self._instruments.get(place)) is not None:
            instrument.gaps = [gap for gap in instrument.gaps if gap.mark.gap_id != mark.gap_id]

    def _open(self, place: Place, mark: GapDetected, first: int, missing: int) -> None:
        """Know a gap that was told; the trade that showed it stands before the mark."""
        shown = first + missing
        instrument = self._instruments.get(place)
        if instrument is None:
            if len(self._instruments) >= INSTRUMENTS_MAX:
                return
            instrument = self._instruments[place] = _Instrument(shown, mark.to_ms)
        if all(gap.mark.gap_id != mark.gap_id for gap in instrument.gaps):
            instrument.gaps.append(_Gap(mark, [(first, shown - 1)]))
        instrument.last = max(instrument.last, shown)
        instrument.last_ms = max(instrument.last_ms, mark.to_ms)

    def observe(self, trade: Trade) -> list[GapMark]:
        """Take a trade, in the order sent, and return the marks to send behind it.

        A trade without a number says nothing.
        """
        number = trade.sequence
        if number is None:
            return []
        place = (trade.venue, trade.subject)
        instrument = self._instruments.get(place)
        if instrument is None:
            if len(self._instruments) < INSTRUMENTS_MAX:
                self._instruments[place] = _Instrument(number, trade.event_ms)
            return []
        if number == instrument.last + 1 and not instrument.gaps:  # as nearly always
            instrument.last = number
            if trade.event_ms > instrument.last_ms:  # noqa: PLR1730 - `max` costs thrice as much
                instrument.last_ms = trade.event_ms
            return []
        if number <= instrument.last:
            return _fill(instrument, number)
        marks: list[GapMark] = []
        if number > instrument.last + 1:
            gap = _Gap(_detected(trade, instrument, number), [(instrument.last + 1, number - 1)])
            instrument.gaps.append(gap)
            marks.append(gap.mark)
        instrument.last = number
        instrument.last_ms = max(instrument.last_ms, trade.event_ms)
        return marks + _give_up(instrument)

    def lose(self, lost: Lost) -> list[GapMark]:
        """Take that numbers will not come, and return the marks of the gaps that end by it."""
        instrument = self._instruments.get((lost.venue, lost.subject))
        marks: list[GapMark] = []
        if instrument is None:
            return marks
        for gap in list(instrument.gaps):
            left = _without(gap.missing, lost.first_missing, lost.last_missing)
            if left == gap.missing:
                continue
            gap.missing, gap.lost = left, lost.reason
            if not left:
                instrument.gaps.remove(gap)
                marks.append(_permanent(gap.mark, lost.reason))
        return marks


def _detected(trade: Trade, instrument: _Instrument, number: int) -> GapDetected:
    first = instrument.last + 1
    return GapDetected(
        gap_id=f"{trade.venue}/{trade.subject}/{first}",
        subject=trade.subject,
        source=trade.source,
        venue=trade.venue,
        from_ms=min(instrument.last_ms, trade.event_ms),
        to_ms=max(instrument.last_ms, trade.event_ms),
        ids_missing=number - first,
        first_missing=first,
    )


def _fill(instrument: _Instrument, number: int) -> list[GapMark]:
    for gap in instrument.gaps:
        if not _take_out(gap.missing, number):
            continue
        if gap.missing:
            return []
        instrument.gaps.remove(gap)
        mark = gap.mark
        if gap.lost is not None:
            return [_permanent(mark, gap.lost)]
        filled = GapFilled(
            gap_id=mark.gap_id,
            subject=mark.subject,
            source=mark.source,
            venue=mark.venue,
            from_ms=mark.from_ms,
            to_ms=mark.to_ms,
        )
        return [filled]
    return []  # seen before


def _take_out(missing: list[tuple[int, int]], number: int) -> bool:
    """Take a number out of the ranges and return whether it was in one."""
    for at, (first, last) in enumerate(missing):
        if first <= number <= last:
            around = [(first, number - 1), (number + 1, last)]
            left = [(low, high) for low, high in around if low <= high]
            if len(missing) + len(left) - 1 <= RANGES_MAX:
                missing[at : at + 1] = left
            return True
    return False


def _give_up(instrument: _Instrument) -> list[GapMark]:
    marks: list[GapMark] = []
    while instrument.gaps:
        oldest = instrument.gaps[0].mark
        too_many = len(instrument.gaps) > GAPS_MAX
        if not too_many and instrument.last_ms - oldest.to_ms <= GIVE_UP_MS:
            break
        instrument.gaps.pop(0)
        reason = f"not filled within {GIVE_UP_MS // 1000} s"
        marks.append(
            _permanent(oldest, f"more than {GAPS_MAX} gaps are open" if too_many else reason)
        )
    return marks


def _without(missing: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Return the ranges without the numbers from the first to the last."""
    return [
        part
        for low, high in missing
        for part in ((low, min(high, first - 1)), (max(low, last + 1), high))
        if part[0] <= part[1]
    ]


def _permanent(mark: GapDetected, reason: str) -> GapPermanent:
    return GapPermanent(
        gap_id=mark.gap_id,
        subject=mark.subject,
        source=mark.source,
        venue=mark.venue,
        from_ms=mark.from_ms,
        to_ms=mark.to_ms,
        reason=reason[:200],
    )
