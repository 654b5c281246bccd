"""What the page of one asset tells: how it stands, its numbers, its windows, and what was said and fired. PURE."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from streams.serving.pages import links
from streams.serving.pages.charts.charting import wire
from streams.serving.pages.charts.choosing import SPANS_MS, WINDOWS_MS, Choice
from streams.serving.pages.charts.lanes import stack
from streams.serving.pages.charts.windows import end_ms, instruments, windows
from streams.serving.pages.pieces import Age, Line, Rows, Tone, Voice, Words, severity
from streams.serving.shown import Standing
from streams.serving.view import View

from .behind import mark_rows, other_rows
from .briefly import alert_rows, analysis_rows, gap_rows
from .option import Option
from .quantities import measure, window_words
from .tiles import STALE_MS, Tile, tiles
from .window_rows import window_rows

_CALM = frozenset({"complete", "unverifiable"})
LEGEND = (
    "Candles: hollow where the price rose, filled where it fell, dashed where the window is holed. Hatched: data are known"
    " to be missing; crossed: no windows at all. Lines break where nothing is known. Triangle: alert; disc: a model's words;"
    " square: rules' words; ring: revised, replaced or taken back. A click on a mark opens it; the tables below have every mark as a link, and every window."
)


class Choices(Struct, frozen=True, kw_only=True):
    """What may be chosen on the page."""

    instruments: tuple[Option, ...]
    windows: tuple[Option, ...]
    spans: tuple[Option, ...]


class Head(Struct, frozen=True, kw_only=True):
    """How the asset stands, in two lines."""

    level: str
    lead: Line
    data: Line


class Board(Struct, frozen=True, kw_only=True):
    """The numbers of a span: tiles, charts and the tables behind them."""

    known: bool
    """False: there is no window of the asset in the span, of any kind; then the sentence is all there is to show."""
    quote: Line
    tiles: tuple[Tile, ...]
    stack: dict[str, Any]
    marks: Rows
    windows: Rows
    others: Rows


def head_of(view: View, asset: str, now_ms: int, event_now_ms: int) -> Head:
    """Return how an asset stands; one that nothing was heard of says so."""
    found = next((s for s in view.standing(now_ms, event_now_ms) if s.asset == asset), None)
    if found is None:
        return Head(
            level="none",
            lead=(Words("Nothing has been heard of this asset in the last day."),),
            data=(
                Words("Is it written as a ticker in capitals, and is it followed at all?"),
                Words("What is followed", href=links.FEEDS),
            ),
        )
    return Head(level=found.severity, lead=_lead(found), data=_data(found))


def choices_of(view: View, choice: Choice) -> Choices:
    """Return what may be chosen, each with its address."""

    def option(words: str, other: Choice) -> Option:
        return Option(words=words, href=other.href, chosen=other == choice)

    offered = instruments(view, choice.asset)
    if choice.subject and choice.subject not in offered:
        offered.append(choice.subject)
    return Choices(
        instruments=tuple(option(one, replace(choice, subject=one)) for one in offered),
        windows=tuple(option(window_words(ms), replace(choice, window_ms=ms)) for ms in WINDOWS_MS),
        spans=tuple(option(window_words(ms), replace(choice, span_ms=ms)) for ms in SPANS_MS),
    )


def board_of(view: View, choice: Choice, now_ms: int) -> Board:
    """Return the numbers of the span that ends with the newest window."""
    to_ms = end_ms(view, choice, now_ms)
    found = windows(view, choice, to_ms)
    drawn = stack(
        choice,
        found,
        view.alerts(now_ms, asset=choice.asset),
        view.analyses_of(choice.asset, to_ms - choice.span_ms),
        to_ms=to_ms,
    )
    known = any(found.values())
    return Board(
        known=known,
        quote=_quote(choice) if known or not choice.subject else _nothing(choice),
        tiles=tiles(choice, found),
        stack=wire(drawn),
        marks=mark_rows(drawn.markers),
        windows=window_rows(choice, found.get("market", ())),
        others=other_rows(choice, found),
    )


def alerts_of(view: View, asset: str, now_ms: int) -> Rows:
    """Return the asset's alerts, those that ask for somebody first."""
    return alert_rows(view.alerts(now_ms, asset=asset), "No alert of this asset.")


def analyses_of(view: View, asset: str) -> Rows:
    """Return what was said of the asset, the newest first."""
    empty = "Nothing was said of this asset yet: nothing deserved a word, or no agent runs."
    return analysis_rows(view.analyses_of(asset), empty)


def gaps_of(view: View, asset: str) -> Rows:
    """Return where the asset's feeds missed something, the newest first."""
    found = [gap for gap in view.gaps() if gap.subject.partition("/")[0] == asset]
    return gap_rows(found, "No gap is known.")


def _lead(found: Standing) -> Line:
    voice: Line = ()
    if found.words == "rules":
        voice = (Voice("rules", "rules"),)
    elif found.words == "model":
        voice = (Voice("simulated", "simulated model"),) if found.simulated else (Voice("model", "model"),)  # fmt: skip
    href = None
    if found.words == "code" and found.alerts:
        href = links.alert(found.alerts[0].alert.alert_id)
    elif found.analysis_id is not None:
        href = links.analysis(found.analysis_id)
    return (severity(found.severity), Words(found.headline, tone="strong", href=href), *voice)


def _data(found: Standing) -> Line:
    asking: Line = ()
    if found.unacknowledged:
        many = "alerts" if found.unacknowledged > 1 else "alert"
        asking = (Words(f"{found.unacknowledged} unacknowledged {many}", tone="bad"),)
    if found.data_end_ms is None:
        return (Words("No window of data yet.", tone="doubt"), *asking)
    # What no venue can prove is everyday; what is known to be missing is not.
    tone: Tone = "quiet" if found.quality_words in _CALM else "doubt"
    return (
        Words("Newest data"),
        Age(found.data_end_ms, stale_ms=STALE_MS, clock="market"),
        Words(found.quality_words, tone=tone),
        *asking,
    )


def _nothing(choice: Choice) -> Line:
    return (
        Words(choice.subject, tone="strong"),
        Words(
            f"has no window of any kind in the last {window_words(choice.span_ms)} that are known."
        ),
        Words("A longer span may have some.", tone="quiet"),
    )


def _quote(choice: Choice) -> Line:
    if not choice.subject:
        return (Words("No instrument of this asset is known, so there is no price.", tone="doubt"),)
    price = measure("market", "close", choice.subject)
    volume = measure("market", "volume", choice.subject)
    return (
        Words(choice.subject, tone="strong"),
        Words(f"prices in {price.unit}, volumes in {volume.unit}, over all venues."),
        Words("Other quotes are never added to it.", tone="quiet"),
    )
