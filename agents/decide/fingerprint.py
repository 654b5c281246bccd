"""How an asset is, in coarse words without a name or a number: what a state narrative is asked by. PURE.

Assets of which the same can be said have the same words, so that one narrative serves them all, and code writes each
one's numbers in. An asset is as its main instrument is, its posts, and its development.

Each word has hysteresis: it is left only well inside the next, so that a value at an edge does not flap; and each is
taken from one window, once: the slow words from windows of five minutes or an hour, which is their persistence. A gap
keeps a word as it was, but for what the seen data prove. A revision of the window that a word was taken from is looked
at with the word from before that window.

What is not known has no word, nor has what is as usual and need not be there at all: posts, their tone, development. So
the states of a large asset and of one of which nobody writes are one while nothing stands out.
"""

from collections.abc import Callable, Mapping
from math import exp
from typing import cast

from msgspec import Struct

from agents.settings import GateSettings
from topics import Aggregate, DevelopmentValues, Kind, MarketValues, SocialValues

from .context import AssetContext, Labels, Series
from .editions import Edition
from .facts import usual_of
from .findings import HOLD, is_doubtful

UNKNOWN = "unknown"
"""The word of what cannot be said; it is never among the labels."""
STAY_MOVE = 0.5
"""A move is let go below this part of the edge it was found at,"""
STAY_RATIO = 0.7
"""and a ratio below this part of its."""
REGIME_FRACTION = 0.005
"""A move within an hour that is more than sideways."""
VOLATILE_Z = 3.0
"""The robust score of realised volatility that is called high."""
TONE = 0.3
"""The mean tone of posts that is called positive; its negative is called negative."""
TONE_POSTS_MIN = 10
"""Fewer posts in a window have no tone."""
SWITCH_RATIO = 2.0
"""Another instrument becomes the main one when it usually trades this much more."""
LATE_MS = 600_000
"""A window that ended this much longer ago than it is long says nothing of now. The slowest kind, development, is ten
minutes late by its clock."""

Source = tuple[Kind, int]
"""kind, window_ms"""
MINUTE: Source = ("market", 60_000)
FIVE: Source = ("market", 300_000)
HOUR: Source = ("market", 3_600_000)
POSTS: Source = ("social", 300_000)
WORK: Source = ("development", 3_600_000)
SOURCES = (MINUTE, FIVE, HOUR, POSTS, WORK)
Windows = Mapping[Source, Series]
"""The windows of an asset that say something of now: of its main instrument, and its own."""


class Rule(Struct, frozen=True):
    """How one word is found."""

    name: str
    source: Source
    """The windows it is taken from."""
    rest: str
    """What it is while nothing is known; so that coming to know it is no change."""
    word: Callable[[Windows, str, GateSettings], str]
    """Returns the word of the latest windows, given the one before."""
    is_told_at_rest: bool = False
    """Whether it is told that nothing stands out: of what every asset has."""


class Mark(Struct):
    """A word, and the window it was taken from."""

    word: str
    before: str
    start_ms: int
    edition: Edition


class Fingerprint(Struct):
    """What is remembered of an asset's state."""

    main: str | None = None
    """The instrument it is told by."""
    marks: dict[str, Mark] = {}
    now_ms: int = 0
    """The end of the newest window it was looked at for."""

    @property
    def labels(self) -> Labels:
        """What is known and stands out, each word with what it is of, in one order."""
        return tuple(
            (rule.name, mark.word)
            for rule in RULES
            if (mark := self.marks.get(rule.name)) is not None and _is_told(rule, mark.word)
        )

    def take(self, aggregate: Aggregate, context: AssetContext, settings: GateSettings) -> None:
        """Look at an asset again, now that this window of it is folded."""
        now_ms = self.now_ms = max(self.now_ms, aggregate.window_end_ms)
        main = self._main_of(aggregate, context, now_ms)
        if main != self.main:
            self.main = main
            self.marks = {
                rule.name: self.marks[rule.name]
                for rule in RULES
                if rule.source[0] != "market" and rule.name in self.marks
            }
        windows = _windows_of(context, main, now_ms)
        for rule in RULES:
            self._mark(rule, windows, settings)

    def _mark(self, rule: Rule, windows: Windows, settings: GateSettings) -> None:
        if rule.source not in windows:
            self.marks.pop(rule.name, None)
            return
        latest, mark = windows[rule.source].latest, self.marks.get(rule.name)
        place = latest.window_start_ms, latest.edition
        if mark is not None and (mark.start_ms, mark.edition) == place:
            return
        before = UNKNOWN
        if mark is not None:
            before = mark.word if latest.window_start_ms != mark.start_ms else mark.before
        word = rule.word(windows, rule.rest if before == UNKNOWN else before, settings)
        self.marks[rule.name] = Mark(word, before, *place)

    def _main_of(self, aggregate: Aggregate, context: AssetContext, now_ms: int) -> str | None:
        """Return the instrument that usually trades most, where another than before does by far.

        The one before is kept while it is only a little behind: two alike would take turns.
        """
        held = None if self.main is None else _minutes_of(context, self.main, now_ms)
        if held is not None and (aggregate.kind != "market" or aggregate.subject == self.main):
            return self.main
        rivals = (
            {aggregate.subject} if held is not None else {family[1] for family in context.series}
        )
        sizes = {
            subject: _size(series)
            for subject in rivals
            if (series := _minutes_of(context, subject, now_ms)) is not None
        }
        best = max(sizes, key=lambda subject: (sizes[subject], subject), default=None)
        if held is not None and (best is None or sizes[best] < SWITCH_RATIO * _size(held)):
            return self.main
        return best


def differs(now: Labels, said: Labels) -> bool:
    """Return whether a state is another than was said. To know more of it, or less, is no change by itself."""
    return _rested(now) != _rested(said)


def _is_told(rule: Rule, word: str) -> bool:
    return word != UNKNOWN and (rule.is_told_at_rest or word != rule.rest)


def _rested(labels: Labels) -> dict[str, str]:
    return {rule.name: rule.rest for rule in RULES} | dict(labels)


def _windows_of(context: AssetContext, main: str | None, now_ms: int) -> Windows:
    found: dict[Source, Series] = {}
    for source in SOURCES:
        subject = main if source[0] == "market" else context.asset
        if subject is not None and (series := _series_of(context, source, subject, now_ms)):
            found[source] = series
    return found


def _minutes_of(context: AssetContext, subject: str, now_ms: int) -> Series | None:
    return _series_of(context, MINUTE, subject, now_ms)


def _series_of(context: AssetContext, source: Source, subject: str, now_ms: int) -> Series | None:
    """Return windows that tumble, if the latest says something of now."""
    kind, size_ms = source
    series = context.series.get((kind, subject, size_ms, size_ms))
    if series is None or series.latest.window_end_ms < now_ms - size_ms - LATE_MS:
        return None
    return series


def _size(minutes: Series) -> float:
    """Return what an instrument usually trades in a minute, in the asset: so all of an asset compare."""
    usual = minutes.baseline("volume")
    return _market(minutes).volume if usual is None else usual.median


def _direction(windows: Windows, before: str, settings: GateSettings) -> str:
    move, edge = _move(windows[MINUTE]), settings.flat_fraction
    return _side(move, edge, before, ("down", "flat", "up"), STAY_MOVE)


def _regime(windows: Windows, before: str, _: GateSettings) -> str:
    words = ("falling", "sideways", "rising")
    return _side(_move(windows[HOUR]), REGIME_FRACTION, before, words, STAY_MOVE)


def _volume(windows: Windows, before: str, settings: GateSettings) -> str:
    """Return how much is traded. Of a holed window only that it is much is proven."""
    minutes = windows[MINUTE]
    usual = usual_of(minutes, "volume", "volume")
    if usual is None or usual.n < settings.market_n_min or usual.median <= 0:
        return UNKNOWN
    edge, ratio = settings.high_volume_ratio, _market(minutes).volume / usual.median
    if ratio >= edge * (STAY_RATIO if before == "high" else 1.0):
        return "high"
    if is_doubtful(minutes.latest):
        return before
    return "low" if ratio <= 1 / edge / (STAY_RATIO if before == "low" else 1.0) else "usual"


def _volatility(windows: Windows, before: str, _: GateSettings) -> str:
    """Return how the price swings against the instrument's own past; without a score of that nothing is said."""
    latest = windows[FIVE].latest
    score = latest.scores.get("realised_volatility")
    if score is None or _market(windows[FIVE]).realised_volatility <= 0:
        return UNKNOWN
    if score.z >= VOLATILE_Z * (HOLD if before == "high" else 1.0):
        return "high"
    return before if is_doubtful(latest) else "usual"


def _posts(windows: Windows, before: str, settings: GateSettings) -> str:
    usual = usual_of(windows[POSTS], "posts", "posts")
    if usual is None or usual.n < settings.social_n_min:
        return UNKNOWN
    edge = max(settings.posts_min, settings.high_volume_ratio * usual.median)
    if _social(windows).posts >= edge * (STAY_RATIO if before == "high" else 1.0):
        return "high"
    return before if is_doubtful(windows[POSTS].latest) else "usual"


def _tone(windows: Windows, before: str, _: GateSettings) -> str:
    posts = _social(windows)
    if posts.posts < TONE_POSTS_MIN:
        return UNKNOWN
    if is_doubtful(windows[POSTS].latest):
        return before
    return _side(posts.tone_mean, TONE, before, ("negative", "neutral", "positive"), STAY_RATIO)


def _development(windows: Windows, before: str, settings: GateSettings) -> str:
    """Return whether work goes on, of an asset on which as a rule there is some."""
    usual = usual_of(windows[WORK], "events", "events")
    if usual is None or usual.n < settings.development_n_min:
        return UNKNOWN
    if usual.median < settings.development_min:
        return UNKNOWN
    if is_doubtful(windows[WORK].latest):
        return before
    edge = settings.development_drop_ratio * usual.median
    events = cast("DevelopmentValues", windows[WORK].latest.values).events
    return "low" if events <= edge / (STAY_RATIO if before == "low" else 1.0) else "usual"


def _data(windows: Windows, _: str, __: GateSettings) -> str:
    """Return whether trades may be missing from the last minute, or from the last five."""
    seen = [windows[source].latest for source in (MINUTE, FIVE) if source in windows]
    return "gaps" if any(is_doubtful(latest) for latest in seen) else "complete"


def _side(value: float, edge: float, before: str, words: tuple[str, str, str], stay: float) -> str:
    """Return on which side of an edge, or its negative, a value is."""
    below, between, above = words
    if value > edge * (stay if before == above else 1.0):
        return above
    return below if value < -edge * (stay if before == below else 1.0) else between


def _move(series: Series) -> float:
    return exp(_market(series).log_return) - 1


def _market(series: Series) -> MarketValues:
    return cast("MarketValues", series.latest.values)


def _social(windows: Windows) -> SocialValues:
    return cast("SocialValues", windows[POSTS].latest.values)


RULES = (
    Rule("direction", MINUTE, "flat", _direction, is_told_at_rest=True),
    Rule("volume", MINUTE, "usual", _volume, is_told_at_rest=True),
    Rule("volatility", FIVE, "usual", _volatility),
    Rule("regime", HOUR, "sideways", _regime, is_told_at_rest=True),
    Rule("posts", POSTS, "usual", _posts),
    Rule("tone", POSTS, "neutral", _tone),
    Rule("development", WORK, "usual", _development),
    Rule("data", MINUTE, "complete", _data),
)
"""All words, in the order in which they are told."""
