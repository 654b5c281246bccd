"""The report as one page that needs nothing from elsewhere: PURE, given the plots.

Text out of topics is escaped and has no control or invisible characters. Plots are images within the page, in which no
browser runs anything. The page's policy forbids scripts, forms and every address; its one style is named by its digest.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape

from agents.evaluation.bootstrap import DAYS_MIN, LEVEL, RESAMPLES
from agents.evaluation.drift import Prompt
from agents.evaluation.forecast import BASELINES
from agents.evaluation.scores import Measure, Score
from streams.serving.words import clock, plain

from .evaluation import Evaluation
from .tables import named, percent

ROWS_MAX = 200
"""Of one table; the file of `--json` has all."""
_STYLE = """
:root { color-scheme: light; --ink: #1d2733; --faint: #5d6a78; --line: #dfe4ea; --ground: #f5f7f9; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 18px; margin: 0 0 6px; }
p { margin: 6px 0; max-width: 80ch; }
.faint { color: var(--faint); font-size: 13.5px; }
section { background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: 18px 20px; margin-top: 20px; overflow-x: auto; }
img { display: block; max-width: 100%; margin: 10px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { text-align: right; font-weight: 600; color: var(--faint); border-bottom: 2px solid var(--line); padding: 6px 8px; vertical-align: bottom; }
td { text-align: right; border-bottom: 1px solid var(--line); padding: 7px 8px; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child, .words { text-align: left; white-space: normal; }
td small { display: block; color: var(--faint); font-size: 11.5px; font-weight: 400; white-space: normal; }
.good { color: #0a7a5c; font-weight: 600; } .bad { color: #b3392a; font-weight: 600; }
.note { border-left: 4px solid #d98c00; background: #fff8ea; padding: 10px 14px; border-radius: 4px; margin-top: 16px; }
dl { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 14px 0 0; }
dt { color: var(--faint); font-size: 12.5px; } dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; }
"""
_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:;"
    f" style-src 'sha256-{_DIGEST}'"
)
_HEADS = (
    "who",
    "windows",
    "said",
    "hits",
    "Brier",
    *(f"less {b}" for b in BASELINES),
    "log loss",
    "prompts tried",
)
_DRIFT_HEADS = (
    "prompt",
    "first",
    "sent",
    "refused",
    "analyses",
    "up",
    "down",
    "unclear",
    "rejected",
)


def page_of(evaluation: Evaluation, plots: Mapping[str, str | None]) -> str:
    """Return the page; ``plots`` are SVGs by name: differences, reliability, drift."""
    sections = [
        _section(
            "Skill, beside the baselines",
            f"Differences of the Brier score on the same windows, with {LEVEL:.0%} intervals. What crosses 0 shows no"
            " skill. Always flat has 0.25; momentum says that what rose goes on to rise; rules are the rules analyst.",
            _image(plots.get("differences"), "Brier score less the baselines', by voice"),
            _score_table(evaluation.scores),
        ),
        _section(
            "Reliability",
            "How often the price rose, of the windows that were given about one probability. On the dashed line what was"
            " said is what came. The size of a point is the number of windows.",
            _image(plots.get("reliability"), "Share that rose against what was said"),
        ),
        _section(
            "Drift over prompt versions",
            "Which way each version looked, and what became of its answers: refused by the model, or rejected by the"
            " verdict so that rules answered.",
            _image(
                plots.get("drift"),
                "Shares of directions, refusals and rejections by prompt version",
            ),
            _drift_table(evaluation.prompts),
        ),
        _section(
            "Not scored",
            "Analyses whose outlook was not scored, by reason.",
            _lost_table(evaluation.scores),
        ),
        _section(
            "What became of candidates", "Decisions by outcome and reason.", _decisions(evaluation)
        ),
    ]
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Tapereader: evaluation</title><style>{_STYLE}</style></head><body><main>"
        f"{_head(evaluation)}{''.join(sections)}</main></body></html>\n"
    )


def _head(evaluation: Evaluation) -> str:
    span = [
        "the logs' begin" if evaluation.from_ms is None else clock(evaluation.from_ms),
        "their end" if evaluation.to_ms is None else clock(evaluation.to_ms),
    ]
    figures = {
        "range": " to ".join(span),
        "analyses": f"{evaluation.analyses:,}",
        "scored windows": f"{evaluation.scored:,}",
        "seed": str(evaluation.seed),
        "records that cannot be read": f"{sum(evaluation.unreadable.values()):,}",
    }
    listed = "".join(
        f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in figures.items()
    )
    note = ""
    if any(score.voice.simulated for score in evaluation.scores):
        note = (
            '<p class="note">Scores of the simulated model say nothing of any model: it is our own fake, and what is'
            " said of it shows only that the scorer works.</p>"
        )
    return (
        "<h1>Outlooks against what came</h1>"
        '<p class="faint">Each outlook is held against the price after it was said, never before; windows of one asset'
        " do not overlap. Intervals are of"
        f" {RESAMPLES:,} draws of whole days over all assets together; below {DAYS_MIN} days there is none.</p>"
        f"<dl>{listed}</dl>{note}"
    )


def _score_table(scores: list[Score]) -> str:
    rows = [
        [
            _text(named(score.voice)),
            f"{score.windows:,}<small>{score.days} days, {score.assets} assets</small>",
            percent(score.coverage),
            _measure(score.hit_rate, ".0%"),
            _measure(score.brier),
            *(_difference(score.against[name].brier) for name in BASELINES),
            _measure(score.log_loss),
            "-" if score.prompts_tried is None else str(score.prompts_tried),
        ]
        for score in scores[:ROWS_MAX]
    ]
    return _table(_HEADS, rows)


def _drift_table(prompts: list[Prompt]) -> str:
    rows = [
        [
            _text(f"{prompt.model} {prompt.version}"),
            clock(prompt.first_ms)[:10],
            str(prompt.sent),
            percent(prompt.refusal_share),
            str(prompt.analyses),
            *(percent(prompt.share(way)) for way in ("up", "down", "unclear")),
            f"{percent(prompt.rejection_share)}<small>{_listed(prompt.rejected)}</small>",
        ]
        for prompt in prompts[:ROWS_MAX]
    ]
    return _table(_DRIFT_HEADS, rows)


def _lost_table(scores: list[Score]) -> str:
    rows = [[_text(named(s.voice)), _listed(s.lost)] for s in scores[:ROWS_MAX] if s.lost]
    return _table(("who", "analyses by reason"), rows)


def _decisions(evaluation: Evaluation) -> str:
    rows = [
        [_text(product.replace("_", " ")), _listed(counts)]
        for product, counts in sorted(evaluation.decisions.items())
    ]
    return _table(("product", "decisions"), rows)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_text(name)} {count:,}" for name, count in sorted(counts.items()))


def _measure(measure: Measure, form: str = ".4f") -> str:
    if measure.value is None:
        return "-"
    told = f"{measure.value:{form}}"
    if measure.interval is None:
        return told
    return f"{told}<small>{measure.interval.low:{form}} to {measure.interval.high:{form}}</small>"


def _difference(measure: Measure) -> str:
    told = _measure(measure, "+.4f")
    if measure.interval is None or not measure.interval.excludes(0.0):
        return told
    return f'<span class="{"good" if measure.is_skill else "bad"}">{told}</span>'


def _table(heads: Iterable[str], rows: list[list[str]]) -> str:
    """Return a table of cells that are markup already."""
    if not rows:
        return '<p class="faint">Nothing.</p>'
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _section(title: str, words: str, *parts: str) -> str:
    return f'<section><h2>{_text(title)}</h2><p class="faint">{_text(words)}</p>{"".join(parts)}</section>'


def _image(svg: str | None, alt: str) -> str:
    if svg is None:
        return '<p class="faint">Nothing to draw.</p>'
    data = b64encode(svg.encode()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}">'


def _text(text: str) -> str:
    return escape(plain(text))
