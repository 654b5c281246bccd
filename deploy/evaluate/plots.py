"""The plots of the report, as SVG by matplotlib: nothing in them is fetched, and the same figures give the same bytes.

Only this module knows matplotlib, which is an extra (`tapereader[report]`). Texts out of topics are labels here: they
are not read as formulas.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agents.evaluation.drift import Prompt
from agents.evaluation.forecast import BASELINES, Voice
from agents.evaluation.scores import Score
from streams.serving.words import plain

VOICES_MAX = 12
"""Voices in one plot: those with the most windows."""
PANELS_MAX, PANELS_A_ROW = 6, 3
WIDTH = 10.6
"""Inches of a whole plot."""
PROMPTS_MAX = 20
"""Prompt versions in one plot: the last."""
LABEL_CHARS_MAX = 32
INK, FAINT, GRID = "#1d2733", "#7a8694", "#dfe4ea"
COLOURS = {"flat": "#7a8694", "momentum": "#d98c00", "rules": "#0a7a5c"}
WAYS = {"up": "#2a7fb8", "down": "#c8553d", "unclear": "#c9d1da", "none": "#eef1f4"}
SAID = "#2a5db0"
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "svg.hashsalt": "tapereader",
    "svg.fonttype": "path",
    "text.parse_math": False,
}


def differences_plot(scores: Sequence[Score]) -> str | None:
    """Return each voice's Brier score less the baselines', with intervals; None where nothing was scored."""
    shown = _most(scores)
    if not shown:
        return None
    with _drawing(WIDTH, 1.1 + 0.66 * len(shown)) as (figure, told):
        axes = figure.subplots()
        for row, score in enumerate(shown):
            for at, name in enumerate(BASELINES):
                measure, y = score.against[name].brier, row + 0.22 * (at - 1)
                if measure.value is None:
                    continue
                if measure.interval is not None:
                    ends = (measure.interval.low, measure.interval.high)
                    axes.hlines(y, *ends, color=COLOURS[name], linewidth=2.2, alpha=0.8)
                label = f"less {name}" if row == 0 else None
                axes.plot(measure.value, y, "o", color=COLOURS[name], markersize=5.5, label=label)
        axes.axvline(0, color=INK, linewidth=0.9)
        _rows(axes, [_label(score.voice) for score in shown])
        axes.set_xlabel(
            "Brier score of the voice less the baseline's   (left of 0: the voice is better)"
        )
        axes.legend(
            ncols=3, loc="lower right", bbox_to_anchor=(1, 1), frameon=False, borderaxespad=0.2
        )
    return told()


def reliability_plot(scores: Sequence[Score]) -> str | None:
    """Return how often the price rose against what was said, a panel for each voice; None where nothing was scored."""
    shown = _most(scores)[:PANELS_MAX]
    if not shown:
        return None
    columns = min(PANELS_A_ROW, len(shown))
    rows = ceil(len(shown) / columns)
    with _drawing(WIDTH / PANELS_A_ROW * columns, 3.7 * rows) as (figure, told):
        panels = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, score in zip(panels, shown, strict=False):
            _panel(axes, score)
        for axes in panels[len(shown) :]:
            axes.set_visible(False)
    return told()


def drift_plot(prompts: Sequence[Prompt]) -> str | None:
    """Return, for each prompt version, which way it looked, and what was refused and rejected; None without any."""
    shown = [prompt for prompt in prompts if prompt.analyses or prompt.sent][-PROMPTS_MAX:]
    if not shown:
        return None
    with _drawing(WIDTH, 1.3 + 0.46 * len(shown)) as (figure, told):
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        places = range(len(shown))
        begins = [0.0] * len(shown)
        for way, colour in WAYS.items():
            shares = [prompt.share(way) or 0.0 for prompt in shown]
            left.barh(places, shares, 0.62, left=begins, color=colour, label=way)
            begins = [begin + share for begin, share in zip(begins, shares, strict=True)]
        refused = [prompt.refusal_share or 0.0 for prompt in shown]
        rejected = [prompt.rejection_share or 0.0 for prompt in shown]
        right.barh([p - 0.16 for p in places], rejected, 0.3, color="#8a4fa3", label="rejected")
        right.barh([p + 0.16 for p in places], refused, 0.3, color="#b0a13a", label="refused")
        _rows(left, [_lines(prompt.model, prompt.version) for prompt in shown])
        left.set_xlim(0, 1)
        left.set_xlabel("share of analyses, by direction")
        right.set_xlim(0, max(0.1, *refused, *rejected))
        right.set_xlabel("share of answers")
        right.grid(axis="x")
        right.set_axisbelow(True)
        for axes, count in ((left, 4), (right, 2)):
            axes.legend(
                ncols=count,
                loc="lower left",
                bbox_to_anchor=(0, 1),
                frameon=False,
                borderaxespad=0.2,
            )
    return told()


def _panel(axes: Axes, score: Score) -> None:
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=0.9, linestyle=(0, (4, 3)))
    most = max(bin_.windows for bin_ in score.reliability)
    for bin_ in score.reliability:
        value, interval = bin_.rose.value, bin_.rose.interval
        if value is None:
            continue
        if interval is not None:
            axes.vlines(
                bin_.foretold, interval.low, interval.high, color=SAID, linewidth=1.4, alpha=0.7
            )
        size = 18 + 130 * bin_.windows / most
        axes.scatter(
            [bin_.foretold], [value], s=size, color=SAID, alpha=0.85, linewidths=0, zorder=3
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title(_label(score.voice), loc="left")
    axes.set_xlabel(f"said ({score.windows} windows)")
    axes.set_ylabel("rose")
    axes.grid()
    axes.set_axisbelow(True)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)


def _most(scores: Sequence[Score]) -> list[Score]:
    scored = [score for score in scores if score.windows]
    most = sorted(scored, key=lambda score: -score.windows)[:VOICES_MAX]
    return sorted(most, key=lambda score: score.voice)


def _label(voice: Voice) -> str:
    return _lines(f"{voice.name}, simulated" if voice.simulated else voice.name, voice.version)


def _lines(*texts: str) -> str:
    """Return texts below one another, each cut where it would push the plot aside."""
    shown = (plain(text) for text in texts)
    return "\n".join(
        t if len(t) <= LABEL_CHARS_MAX else f"{t[: LABEL_CHARS_MAX - 3]}..." for t in shown
    )


@contextmanager
def _drawing(width: float, height: float) -> "Iterator[tuple[Figure, _Drawn]]":
    """Give a figure of so many inches, and what gives its SVG once it is drawn."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        drawn = _Drawn()
        yield figure, drawn
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        drawn.svg = file.getvalue()


class _Drawn:
    svg = ""

    def __call__(self) -> str:
        return self.svg
