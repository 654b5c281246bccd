"""What an evaluation found, for the terminal. Text out of topics is plain text: no markup is read."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agents.evaluation.bootstrap import DAYS_MIN, LEVEL
from agents.evaluation.drift import Prompt
from agents.evaluation.forecast import BASELINES, Voice
from agents.evaluation.narratives import Example, Narratives, Texts
from agents.evaluation.scores import Measure, Score
from streams.serving.words import plain

from .evaluation import Evaluation

NONE = "-"
WHO_MIN = 26
"""Columns for the longest name of a model or prompt of ours."""
SHOWN_MAX = 50
"""Rows of one table; the file of `--json` has all."""
GOOD, BAD, FAINT = "green", "red", "dim"


def tables_of(evaluation: Evaluation) -> Iterator[RenderableType]:
    """Yield the tables of an evaluation."""
    if evaluation.scores:
        yield _scores(evaluation.scores)
        yield Text(
            f"Lower is better. A difference is the voice less the baseline on the same windows, with its {LEVEL:.0%}"
            f" interval: days of all assets are drawn together, none below {DAYS_MIN} days.",
            style=FAINT,
        )
    if any(score.lost for score in evaluation.scores):
        yield _lost(evaluation.scores)
    if evaluation.prompts:
        yield _drift(evaluation.prompts)


def narrative_tables_of(narratives: Narratives) -> Iterator[RenderableType]:
    """Yield what is told of state narratives."""
    table = Table(
        title=f"Texts of {narratives.product} analyses, beside what rules say of the same candidates"
    )
    for name in ("", "analyses", "distinct", "commonest", "distinct words", "commonest words"):
        table.add_column(name, justify="left" if not name else "right")
    for name, texts, words in (
        ("as published", narratives.said, narratives.said_words),
        ("by rules", narratives.rules, narratives.rules_words),
    ):
        table.add_row(name, str(texts.total), *_texts(texts), *_texts(words))
    yield table
    yield _counts("Origins", narratives.origins)
    yield _counts("Why rules", narratives.reasons)
    same = narratives.same_words
    yield Text(
        f"{same} of {narratives.said.total} have the rules' own words; {narratives.render_rejections} narratives could"
        f" not be rendered, {sum(narratives.rejected_answers.values())} answers not used",
    )
    for example in narratives.examples:
        yield _example(example)


def named(voice: Voice) -> str:
    """Return what a voice is called, in one line."""
    name = f"{voice.name} {voice.version} ({voice.product.replace('_', ' ')})"
    return plain(f"{name}, simulated" if voice.simulated else name)


def percent(share: float | None) -> str:
    """Return a share as whole percents."""
    return NONE if share is None else f"{share:.0%}"


def measured(measure: Measure, form: str = ".4f") -> str:
    """Return a value with its interval below it."""
    if measure.value is None:
        return NONE
    told = f"{measure.value:{form}}"
    if measure.interval is None:
        return told
    return f"{told}\n{measure.interval.low:{form}} to {measure.interval.high:{form}}"


def _scores(scores: list[Score]) -> Table:
    table = Table(title="Outlooks against what came", show_lines=True)
    table.add_column("who", overflow="fold", min_width=WHO_MIN)
    for name in ("windows", "said", "hits", "Brier", *(f"less {b}" for b in BASELINES), "log loss"):
        table.add_column(name, justify="right")
    table.add_column("prompts\ntried", justify="right")
    for score in scores[:SHOWN_MAX]:
        table.add_row(
            Text(named(score.voice)),
            f"{score.windows}\n{score.days} days",
            percent(score.coverage),
            measured(score.hit_rate, ".0%"),
            measured(score.brier),
            *(_difference(score.against[name].brier) for name in BASELINES),
            NONE if score.log_loss.value is None else f"{score.log_loss.value:.4f}",
            NONE if score.prompts_tried is None else str(score.prompts_tried),
        )
    return table


def _difference(measure: Measure) -> Text:
    style = ""
    if measure.interval is not None and measure.interval.excludes(0.0):
        style = GOOD if measure.is_skill else BAD
    return Text(measured(measure, "+.4f"), style=style)


def _lost(scores: list[Score]) -> Table:
    table = Table(title="Not scored")
    table.add_column("who", overflow="fold")
    table.add_column("analyses by reason", overflow="fold")
    for score in scores[:SHOWN_MAX]:
        if score.lost:
            reasons = ", ".join(f"{plain(why)} {count}" for why, count in score.lost.items())
            table.add_row(Text(named(score.voice)), Text(reasons))
    return table


def _drift(prompts: list[Prompt]) -> Table:
    table = Table(title="Prompt versions")
    table.add_column("prompt", overflow="fold")
    for name in ("sent", "refused", "analyses", "up", "down", "unclear", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("why rejected", overflow="fold")
    for prompt in prompts[:SHOWN_MAX]:
        why = ", ".join(f"{plain(name)} {count}" for name, count in prompt.rejected.most_common())
        table.add_row(
            Text(plain(f"{prompt.model} {prompt.version}")),
            str(prompt.sent),
            percent(prompt.refusal_share),
            str(prompt.analyses),
            *(percent(prompt.share(way)) for way in ("up", "down", "unclear")),
            percent(prompt.rejection_share),
            Text(why or NONE),
        )
    return table


def _texts(texts: Texts) -> tuple[str, str]:
    found = texts.commonest
    beyond = f" and {texts.beyond} beyond" if texts.beyond else ""
    return f"{texts.distinct}{beyond}", NONE if found is None else f"{found[1]:.1%}"


def _counts(title: str, counts: dict[str, int]) -> Text:
    told = ", ".join(f"{plain(name)} {count}" for name, count in sorted(counts.items()))
    return Text(f"{title}: {told or 'none'}")


def _example(example: Example) -> Table:
    table = Table(title=Text(plain(example.analysis_id)), show_lines=True)
    table.add_column("who", no_wrap=True)
    table.add_column("text", overflow="fold")
    table.add_row(Text(plain(example.origin)), Text(plain(example.text, 4_000)))
    table.add_row("rules", Text(plain(example.rules, 4_000)))
    return table
