"""What goes wrong between venue and collector, planted and counted: PURE.

======================  ==============================================  ========================
plant                   what arrives                                    what it must be counted
======================  ==============================================  ========================
duplicate               a trade again, same id, within a second         duplicates
correction              a trade 30 to 120 s older than the promise,     corrected
                        in a minute that has ended
late                    a trade 13 to 17 min older than the promise     late
hole                    nothing for 3 to 20 numbers of an instrument    gaps_detected
hole, filled            then its trades, 60 to 92 s after it was seen   gaps_filled, corrected
hole, never filled      and no more                                     gaps_permanent
malformed frame         a frame cut off in the middle                   refused
======================  ==============================================  ========================

A correction or late trade is one the venue printed late: it has the next number and an old time, so that it
is no hole. Only the corrections, the late trades and the filled ones break the source's promise, and the
duplicates of trades that were on time.
"""

from msgspec import Struct
from msgspec.structs import replace

from streams.collectors.continuity import GIVE_UP_MS
from streams.collectors.lateness import LATENESS_MS
from streams.collectors.port import Refused
from topics import Trade, asset_of

from .chance import chance
from .run import Run
from .timed import Plant, Timed

_MINUTE_MS = 60_000

DUPLICATE_CHANCE, CORRECTED_CHANCE, LATE_CHANCE = 1 / 500, 1 / 300, 1 / 800
"""Of each trade that is not in a hole."""
FIRST_MS: dict[Plant, int] = {
    "duplicates": 2 * _MINUTE_MS,
    "corrected": 3 * _MINUTE_MS,
    "late": 4 * _MINUTE_MS,
}
"""From the start: the first trade from here on is one, whatever chance says."""
DUPLICATE_MS_MAX = 1_000
CORRECTED_MS_MAX = 120_000
CORRECTED_MS_MIN = 30_000
"""A corrected trade's minute ended so long before the promise: also for a clock that lags this much."""
LATE_MS_MIN, LATE_MS_MAX = 13 * _MINUTE_MS, 17 * _MINUTE_MS
"""Beyond the horizon of 10 minutes also where a busy machine leaves the slower source's promise seconds behind, at 60 times speed."""
HOLED = (("simex", "BTC/USDT"), ("simex", "ETH/USDT"))
"""Where holes are: no incident of the first set is there, and trades are frequent."""
HOLES_MS = (210_000, 480_000)
"""From the start: the first hole, which is filled, and the second, which is not; then one each 10 minutes."""
HOLE_EVERY_MS = 10 * _MINUTE_MS
HOLE_TRADES_MIN, HOLE_TRADES_MAX = 3, 20
HOLE_MS_MAX = 2 * _MINUTE_MS
"""A hole has fewer trades where so many take longer than this."""
FILL_MS = _MINUTE_MS
FILLED_MS_MAX = 8 * _MINUTE_MS
"""A hole whose trades would be older than this is not filled: they would be late. (Where trades are rare.)"""
MALFORMED_MS, MALFORMED_EVERY_MS = 150_000, 5 * _MINUTE_MS
"""From the start: the first malformed frame, then one each 5 minutes."""
SETTLED_MS = 3 * _MINUTE_MS
"""After a crash or a wash: before it, a trade of now would be a lie a minute ago."""


class _Hole(Struct):
    """One run of numbers that do not arrive, from its first trade on."""

    place: tuple[str, str]
    size: int
    filled: bool
    missing: list[Trade] = []
    detected_ms: int = 0
    """Time of the trade that showed it, or of the latest before: from there on the gap's age counts."""


class Disorder:
    """Takes the trades of all venues in the order printed and returns what arrives of them, and when."""

    def __init__(self, run: Run) -> None:
        """Begin with nothing planted."""
        self._run = run
        self._dice = chance(run.seed, "market", "disorder")
        self._first = {plant: run.start_ms + after_ms for plant, after_ms in FIRST_MS.items()}
        self._reached_ms: dict[tuple[str, str], int] = {}
        """The latest event time that has arrived, by instrument."""
        self._holes = 0
        self._hole: _Hole | None = None
        self._lost: list[_Hole] = []
        """Holes that are never filled and have not been given up."""
        self._frames = 0

    def take(self, trade: Trade) -> list[Timed]:
        """Return what arrives because of this trade, whose own arrival is its ``received_ms``."""
        arriving = self._malformed(trade)
        draw = self._dice.random()  # for each trade, so that a hole moves nothing behind it
        if self._is_lost(trade):
            return arriving
        if self._hole is not None and self._hole.place == _place(trade):
            hole, self._hole = self._hole, None
            return arriving + self._reveal(hole, trade)
        plant = self._plant(trade, draw)
        if plant == "duplicates":
            return [*arriving, self._sent(trade), self._again(trade)]
        if plant is not None:
            trade = replace(trade, event_ms=self._old_ms(plant, trade.received_ms))
            return [*arriving, self._sent(trade, plant)]
        return [*arriving, self._sent(trade)]

    def _sent(self, trade: Trade, *plants: Plant) -> Timed:
        """Return a trade in its place among its instrument's, noting what the collector makes of its time."""
        place = _place(trade)
        reached_ms = max(self._reached_ms.get(place, 0), trade.event_ms)
        self._reached_ms[place] = reached_ms
        given_up = [
            hole
            for hole in self._lost
            if hole.place == place and reached_ms - hole.detected_ms > GIVE_UP_MS
        ]
        self._lost = [hole for hole in self._lost if hole not in given_up]
        permanent: list[Plant] = ["gaps_permanent"] * len(given_up)
        return Timed(trade.received_ms, trade, (*plants, *permanent))

    # One trade at a time

    def _plant(self, trade: Trade, draw: float) -> Plant | None:
        """Return what becomes of a trade: a first one that is due, else what chance says."""
        chosen: Plant | None = next(
            (plant for plant, from_ms in self._first.items() if trade.event_ms >= from_ms), None
        )
        if chosen is None:
            chosen = _drawn(draw)
            if chosen in self._first:
                return None
        if chosen == "corrected" and not self._is_settled(trade):
            return None
        if chosen is not None:
            self._first.pop(chosen, None)
        return chosen

    def _again(self, trade: Trade) -> Timed:
        due_ms = trade.received_ms + self._dice.randint(1, DUPLICATE_MS_MAX)
        return Timed(due_ms, replace(trade, received_ms=due_ms), ("duplicates",))

    def _old_ms(self, plant: Plant, received_ms: int) -> int:
        """Return an event time that makes a trade which arrives now late, or a correction."""
        promised_ms = received_ms - LATENESS_MS["market"]
        if plant == "late":
            return promised_ms - self._dice.randint(LATE_MS_MIN + 1, LATE_MS_MAX)
        ended_ms = (promised_ms - CORRECTED_MS_MIN) // _MINUTE_MS * _MINUTE_MS
        return self._dice.randint(promised_ms - CORRECTED_MS_MAX, ended_ms - 1)

    def _is_settled(self, trade: Trade) -> bool:
        """Return whether the price of now would have been one of two minutes ago."""
        asset = asset_of(trade.subject)
        return not any(
            i.from_ms <= trade.event_ms < i.to_ms + SETTLED_MS
            for i in self._run.incidents
            if i.asset == asset and i.kind in ("flash_crash", "wash_trading")
        )

    # Holes

    def _is_lost(self, trade: Trade) -> bool:
        """Return whether a trade lies in a hole, which begins here if one is due."""
        hole = self._hole
        if hole is None:
            hole = self._begin_hole(trade)
            if hole is None:
                return False
            self._hole = hole
        if hole.place != _place(trade):
            return False
        oldest_ms = hole.missing[0].event_ms if hole.missing else trade.event_ms
        if len(hole.missing) >= hole.size or trade.event_ms - oldest_ms > HOLE_MS_MAX:
            return False
        hole.missing.append(trade)
        return True

    def _begin_hole(self, trade: Trade) -> _Hole | None:
        number = self._holes
        place = HOLED[number // 2 % len(HOLED)]
        if place != _place(trade) or place not in self._reached_ms:
            return None
        if trade.event_ms < self._run.start_ms + _hole_ms(number):
            return None
        self._holes += 1
        size = self._dice.randint(HOLE_TRADES_MIN, HOLE_TRADES_MAX)
        return _Hole(place, size, filled=number % 2 == 0)

    def _reveal(self, hole: _Hole, trade: Trade) -> list[Timed]:
        """Return the trade behind a hole, by which it is seen, and what fills it."""
        shown = self._sent(trade, "gaps_detected")
        ended_ms = (hole.missing[-1].event_ms // _MINUTE_MS + 1) * _MINUTE_MS
        due_ms = max(
            trade.received_ms + FILL_MS, ended_ms + LATENESS_MS["market"] + CORRECTED_MS_MIN
        )
        if not hole.filled or due_ms - hole.missing[0].event_ms > FILLED_MS_MAX:
            hole.detected_ms = self._reached_ms[hole.place]
            self._lost.append(hole)
            return [shown]
        filling = [
            Timed(due_ms, replace(missing, received_ms=due_ms), ("corrected",))
            for missing in hole.missing
        ]
        filling[-1] = filling[-1]._replace(planted=("corrected", "gaps_filled"))
        return [shown, *filling]

    # Frames

    def _malformed(self, trade: Trade) -> list[Timed]:
        due_ms = self._run.start_ms + MALFORMED_MS + self._frames * MALFORMED_EVERY_MS
        if trade.event_ms < due_ms:
            return []
        self._frames += 1
        refused = Refused(
            reason="malformed",
            message="the frame ends in the middle of a trade",
            original=f'{{"channel":"trades","symbol":"{trade.subject}","data":[{{"id":'.encode(),
            origin=f"{self._run.name}/{trade.venue}/{self._run.start_ms}-{self._frames}",
            received_ms=trade.received_ms,
        )
        return [Timed(trade.received_ms, refused, ("refused",))]


def _place(trade: Trade) -> tuple[str, str]:
    return trade.venue, trade.subject


def _drawn(draw: float) -> Plant | None:
    if draw < DUPLICATE_CHANCE:
        return "duplicates"
    if draw < DUPLICATE_CHANCE + CORRECTED_CHANCE:
        return "corrected"
    if draw < DUPLICATE_CHANCE + CORRECTED_CHANCE + LATE_CHANCE:
        return "late"
    return None


def _hole_ms(number: int) -> int:
    """Return when a hole begins, from the start."""
    beyond = max(0, number - len(HOLES_MS) + 1)
    return HOLES_MS[min(number, len(HOLES_MS) - 1)] + beyond * HOLE_EVERY_MS
