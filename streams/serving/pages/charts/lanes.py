"""An asset's windows, alerts and analyses as lanes over one axis of time. PURE."""

from collections.abc import Mapping, Sequence

from streams.serving.pages import links
from streams.serving.pages.rows.quantities import Measure, measure, window_words
from streams.serving.shown import AlertShown, AnalysisShown, Point
from streams.serving.words import clock
from topics import Kind, Severity
from topics.aggregate import aggregate_id

from .candles import candles, merged
from .charting import (
    CANDLES_MAX,
    MARKERS_MAX,
    VALUES_MAX,
    Colour,
    Form,
    Lane,
    Marker,
    Series,
    Shape,
    Stack,
)
from .choosing import Choice
from .doubts import stretches
from .thinning import Dot, thin, with_gaps
from .windows import Windows

ROWS = ("alerts", "analyses", "revised")
VERY_UNUSUAL = 4.0
"""Of a score: drawn across, above and below."""
UNCOMPARED = "How unusual: too few earlier windows yet"
_SCORED: tuple[tuple[Kind, str, str, Colour], ...] = (
    ("market", "log_return", "return", "main"),
    ("market", "volume", "volume", "second"),
    ("market", "realised_volatility", "volatility", "third"),
    ("social", "posts", "posts", "faint"),
)
_LEVELS: Mapping[Severity, str] = {
    "critical": "critical",
    "warning": "warning",
    "notice": "notice",
    "info": "info",
}


def stack(
    choice: Choice,
    windows: Windows,
    alerts: Sequence[AlertShown],
    analyses: Sequence[AnalysisShown],
    *,
    to_ms: int,
) -> Stack:
    """Return the lanes of a span that ends at ``to_ms``."""
    from_ms = to_ms - choice.span_ms
    return Stack(
        from_ms=from_ms,
        to_ms=to_ms,
        lanes=_lanes(choice, windows, from_ms, to_ms),
        rows=ROWS,
        markers=(
            *_alerts(alerts, from_ms, to_ms),
            *_analyses(analyses, from_ms, to_ms),
            *_revised(choice, windows.get("market", ()), from_ms),
        ),
        words=_words(choice, windows, from_ms, to_ms),
    )


def _lanes(choice: Choice, windows: Windows, from_ms: int, to_ms: int) -> list[Lane]:
    """Return the lanes: those of the market always, of the other kinds where there is anything."""
    market = windows.get("market", ())

    def of(name: str, kind: Kind = "market") -> Measure:
        return measure(kind, name, choice.subject if kind == "market" else choice.asset)

    def lane(
        title: str,
        height: int,
        kind: Kind,
        names: Sequence[tuple[str, Form, Colour]],
        *,
        prices: bool = False,
        bounds: tuple[float | None, float | None] = (None, None),
        levels: Sequence[float] = (),
    ) -> Lane:
        points = windows.get(kind, ())
        return Lane(
            title=title,
            unit=of(names[0][0], kind).unit,
            height=height,
            window_ms=points[0].window_ms if points else choice.window_ms,
            series=[
                Series(name=of(n, kind).label, form=f, colour=c, dots=_dots(points, of(n, kind)))
                for n, f, c in names
            ],
            candles=merged(candles(points), CANDLES_MAX) if prices else None,
            doubts=stretches(points, from_ms=from_ms, to_ms=to_ms),
            least=bounds[0],
            greatest=bounds[1],
            levels=levels,
        )

    found = [
        lane("Price", 190, "market", [("vwap", "faint", "second")], prices=True),
        lane("Volume", 70, "market", [("volume", "bars", "main")], bounds=(0, None)),
        lane(
            "Share bought by takers",
            64,
            "market",
            [("taker_buy_ratio", "line", "main")],
            bounds=(0, 100),
            levels=[50],
        ),
    ]
    if windows.get("volume"):
        found.append(
            lane("Reported volume", 56, "volume", [("flow", "bars", "second")], bounds=(0, None))
        )
    if windows.get("social"):
        found.append(lane("Posts", 56, "social", [("posts", "bars", "main")], bounds=(0, None)))
        tone: Sequence[tuple[str, Form, Colour]] = [("tone_mean", "line", "third")]
        found.append(lane("Tone of posts", 56, "social", tone, bounds=(-1, 1), levels=[0]))
    if windows.get("development"):
        names: Sequence[tuple[str, Form, Colour]] = [("events", "bars", "main"), ("commits", "bars", "faint")]  # fmt: skip
        found.append(lane("Development", 56, "development", names, bounds=(0, None)))
    return [*found, _scores(choice, windows, market, from_ms, to_ms)]


def _scores(
    choice: Choice, windows: Windows, market: Sequence[Point], from_ms: int, to_ms: int
) -> Lane:
    series = []
    for kind, name, words, colour in _SCORED:
        points = windows.get(kind, ())
        if points or kind == "market":
            dots = [(_middle(p), p.scores.get(name)) for p in points]
            series.append(
                Series(name=words, form="line", colour=colour, dots=_thinned(dots, _step(points)))
            )
    known = any(value is not None for one in series for _, value in one.dots)
    return Lane(
        title="How unusual" if known else UNCOMPARED,
        unit="z" if known else "",
        height=96 if known else 24,
        window_ms=choice.window_ms,
        series=series if known else series[:1],  # one at least, which holds what is hatched
        doubts=stretches(market, from_ms=from_ms, to_ms=to_ms),
        levels=[-VERY_UNUSUAL, VERY_UNUSUAL] if known else (),
    )


def _dots(points: Sequence[Point], told: Measure) -> list[Dot]:
    values = ((_middle(p), p.values.get(told.name)) for p in points)
    return _thinned([(at, None if v is None else v * told.factor) for at, v in values], _step(points))  # fmt: skip


def _thinned(dots: Sequence[Dot], step_ms: int) -> list[Dot]:
    return thin(with_gaps(dots, step_ms), VALUES_MAX)


def _middle(point: Point) -> int:
    return point.start_ms + point.window_ms // 2


def _step(points: Sequence[Point]) -> int:
    return points[0].step_ms if points else 1


def _alerts(alerts: Sequence[AlertShown], from_ms: int, to_ms: int) -> list[Marker]:
    made = []
    for shown in alerts[:MARKERS_MAX]:
        alert = shown.alert
        until_ms = to_ms if alert.state == "firing" else alert.as_of_ms
        if until_ms < from_ms or alert.since_ms > to_ms:
            continue
        degraded = ", on degraded data" if alert.degraded else ""
        made.append(
            Marker(
                at_ms=max(alert.since_ms, from_ms),
                until_ms=until_ms,
                row=0,
                shape="ring" if alert.state == "retracted" else "triangle",
                level=_LEVELS[alert.severity],
                words=f"{alert.severity} alert, {alert.state}{degraded}",
                href=links.alert(alert.alert_id),
            )
        )
    return made


def _analyses(analyses: Sequence[AnalysisShown], from_ms: int, to_ms: int) -> list[Marker]:
    made = []
    for shown in analyses[:MARKERS_MAX]:
        analysis = shown.analysis
        if not from_ms <= analysis.as_of_ms <= to_ms:
            continue
        shape: Shape = "rect" if shown.words == "rules" else "circle"
        whose = "rules' words" if shown.words == "rules" else "a model's words"
        made.append(
            Marker(
                at_ms=analysis.as_of_ms,
                row=1,
                shape=shape if shown.standing == "current" else "ring",
                level=_LEVELS[analysis.severity],
                words=f"{analysis.severity} analysis, {whose}, {shown.standing}",
                href=links.analysis(analysis.analysis_id),
            )
        )
    return made


def _revised(choice: Choice, points: Sequence[Point], from_ms: int) -> list[Marker]:
    """Return a ring for each window that was published again, with the address of its latest edition."""
    revised = [p for p in points if p.edition[1] > 0 and p.end_ms > from_ms]
    return [
        Marker(
            at_ms=_middle(point),
            row=2,
            shape="ring",
            words=f"window revised, revision {point.edition[1]}",
            href=links.aggregate(id_of("market", choice.subject, point)),
        )
        for point in revised[-MARKERS_MAX:]
    ]


def id_of(kind: Kind, subject: str, point: Point) -> str:
    """Return the id of the record that a point is of."""
    epoch, revision = point.edition
    return aggregate_id(
        kind,
        subject,
        window_ms=point.window_ms,
        step_ms=point.step_ms,
        start_ms=point.start_ms,
        revision=revision,
        epoch=epoch,
    )


def _words(choice: Choice, windows: Windows, from_ms: int, to_ms: int) -> str:
    """Return the charts in a few sentences, for who does not see them. The table below has every number."""
    market = windows.get("market", ())
    closes = [p.values["close"] for p in market if p.values.get("close") is not None]
    said = [f"Charts over one axis of time, from {clock(from_ms)} to {clock(to_ms)}, windows of {window_words(choice.window_ms)}."]  # fmt: skip
    if closes:
        price = measure("market", "close", choice.subject)
        said.append(f"Last price {price.text(closes[-1])}, first {price.text(closes[0])}.")
    else:
        said.append("No price in this span.")
    holed = sum(p.state == "holed" for p in market)
    said.append(f"{holed} of {len(market)} windows are holed. The table below has all values.")
    return " ".join(said)
