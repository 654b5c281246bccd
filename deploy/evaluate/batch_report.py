"""What came of a batch, as plain values and for the terminal: PURE. Text out of topics and of models is plain text."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from agents.evaluation.evidence import Evidence
from agents.evaluation.judging import Came, Tried, Who, outcomes_of, tried
from agents.evaluation.questions import Item
from streams.serving.words import plain
from topics import Outlook

from .evaluation import Evaluation, as_json
from .tables import NONE, tables_of

ROWS_SHOWN_MAX = 20
"""Candidates of the terminal's table; the file of `--json` has all."""
NANO = 1e9


class BatchReport(Struct, frozen=True, kw_only=True):
    """What a model made of the deep dives of a span."""

    who: Who
    scope: str
    questions: int
    """Candidates with the same question are asked about once."""
    sent: int
    """Questions that this run sent; what came of others the journal had."""
    missed: dict[str, int]
    """Deep dives that cannot be asked about again, by what is lacking."""
    candidates: list[Tried]
    evaluation: Evaluation

    @property
    def outcomes(self) -> dict[str, int]:
        """Candidates by what came of them, the commonest first."""
        return dict(outcomes_of(self.candidates).most_common())

    @property
    def totals(self) -> dict[str, int]:
        """Tokens, and nano-dollars, of all questions."""
        rows = self.candidates
        return {
            "input_tokens": sum(row.input_tokens for row in rows),
            "output_tokens": sum(row.output_tokens for row in rows),
            "cost_nano_usd": sum(row.cost_nano_usd for row in rows),
        }


def judged_into(
    evidence: Evidence, items: Sequence[Item], came: Mapping[str, Came], who: Who, valid_ms: int
) -> list[Tried]:
    """Return what came of every candidate, in the order of event time; what was accepted is put to the evidence."""
    told = [pair for item in items for pair in tried(item, came[item.key], who, valid_ms)]
    for _, analysis in told:
        if analysis is not None:
            evidence.take_analysis(analysis)
    return sorted((row for row, _ in told), key=lambda row: (row.as_of_ms, row.candidate_id))


def batch_json(report: BatchReport) -> dict[str, Any]:
    """Return it for programs."""
    evaluation = as_json(report.evaluation)
    # What the agent itself decided and asked is another evaluation's.
    kept = {name: told for name, told in evaluation.items() if name not in {"decisions", "prompts"}}
    told: dict[str, Any] = msgspec.to_builtins(report)
    return told | {"outcomes": report.outcomes, **report.totals, "evaluation": kept}


def batch_tables(report: BatchReport) -> Iterator[RenderableType]:
    """Yield what is shown of it."""
    yield _outcomes(report)
    yield _candidates(report.candidates)
    yield from tables_of(report.evaluation)


def summary_of(report: BatchReport) -> str:
    """Return what it took, in a line."""
    totals = report.totals
    fake = (
        "; answers of the simulated model say nothing of any model" if report.who.simulated else ""
    )
    lost = sum(report.missed.values())
    more = f", {lost} deep dives could not be asked about again" if lost else ""
    return (
        f"{report.who.model} with {report.who.prompt_version}: {len(report.candidates)} deep dives,"
        f" {report.questions} questions, {report.sent} sent now{more}; {totals['input_tokens']} tokens read,"
        f" {totals['output_tokens']} written, ${totals['cost_nano_usd'] / NANO:.6f} at the price of batches;"
        f" {report.evaluation.scored} windows scored{fake}"
    )


def _outcomes(report: BatchReport) -> Table:
    table = Table(title="What came of the answers")
    table.add_column("outcome", overflow="fold")
    for name in ("deep dives", "share"):
        table.add_column(name, justify="right")
    total = len(report.candidates)
    for outcome, number in report.outcomes.items():
        table.add_row(Text(plain(outcome)), str(number), f"{number / total:.0%}")
    return table


def _candidates(rows: Sequence[Tried]) -> Table:
    beyond = len(rows) - ROWS_SHOWN_MAX
    more = f" (the first {ROWS_SHOWN_MAX} of {len(rows)})" if beyond > 0 else ""
    table = Table(title=f"Deep dives{more}")
    table.add_column("asset")
    table.add_column("as of")
    table.add_column("outcome", overflow="fold")
    for name in ("outlook", "rules", "tokens", "usd"):
        table.add_column(name, justify="right")
    for row in rows[:ROWS_SHOWN_MAX]:
        table.add_row(
            Text(plain(row.asset)),
            datetime.fromtimestamp(row.as_of_ms / 1000, UTC).isoformat(timespec="seconds"),
            Text(plain(row.outcome)),
            _outlook(row.outlook),
            _outlook(row.rules_outlook),
            str(row.input_tokens + row.output_tokens),
            f"{row.cost_nano_usd / NANO:.6f}",
        )
    return table


def _outlook(outlook: Outlook | None) -> str:
    return NONE if outlook is None else f"{outlook.direction} {outlook.probability:.2f}"
