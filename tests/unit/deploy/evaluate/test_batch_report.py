"""What came of a batch, shown and written: every candidate once, and nothing of it commands a terminal."""

import io

from rich.console import Console

from agents.evaluation.evidence import Evidence
from agents.evaluation.judging import Came, Tried, Who
from agents.evaluation.questions import Decided, items_of
from deploy.evaluate.batch_report import (
    ROWS_SHOWN_MAX,
    BatchReport,
    batch_json,
    batch_tables,
    judged_into,
    summary_of,
)
from deploy.evaluate.evaluation import Evaluation
from tests.unit.agents.candidates import candidate
from tests.unit.agents.entries import AT_MS, result
from tests.unit.agents.replay.lives import answer_to
from topics import Outlook

WHO = Who(
    provider="anthropic", model="claude-haiku-5-5", prompt_version="deep_dive-1", simulated=True
)


def report(rows: list[Tried]) -> BatchReport:
    """Return a report of these candidates."""
    evaluation = Evaluation(
        from_ms=None,
        to_ms=None,
        seed=1,
        analyses=0,
        decisions={},
        unreadable={},
        scores=[],
        prompts=[],
        cutoffs={},
    )
    return BatchReport(
        who=WHO,
        scope="evaluate",
        questions=len(rows),
        sent=1,
        missed={"context": 2},
        candidates=rows,
        evaluation=evaluation,
    )


def row(number: int, **changes: object) -> Tried:
    """Return a candidate's row."""
    fields: dict[str, object] = {
        "candidate_id": f"deep_dive/BTC/{number}/0",
        "asset": "[red]BTC\x1b[2J",
        "as_of_ms": AT_MS,
        "decided_ms": AT_MS,
        "item_key": f"{number:064}",
        "outcome": "[bold]odd",
        "outlook": Outlook(direction="up", horizon_ms=3_600_000, probability=0.65),
        "rise": 0.65,
        "rules_outlook": None,
        "rules_rise": 0.5,
        "input_tokens": 10,
        "output_tokens": 2,
        "cost_nano_usd": 1_000,
    }
    return Tried(**(fields | changes))  # type: ignore[arg-type]


def test_it_is_shown_as_plain_text_and_bounded() -> None:
    """Markup and escapes are shown as they are; the file has what the table leaves out."""
    told = report([row(number) for number in range(ROWS_SHOWN_MAX + 5)])
    console = Console(file=io.StringIO(), width=150)
    for table in batch_tables(told):
        console.print(table)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "[red]BTC" in shown
    assert "[bold]odd" in shown
    assert "\x1b" not in shown
    assert "up 0.65" in shown
    assert f"the first {ROWS_SHOWN_MAX} of {ROWS_SHOWN_MAX + 5}" in shown
    written = batch_json(told)
    assert len(written["candidates"]) == ROWS_SHOWN_MAX + 5
    assert written["outcomes"] == {"[bold]odd": ROWS_SHOWN_MAX + 5}
    assert (written["cost_nano_usd"], written["input_tokens"]) == (25_000, 250)
    assert written["evaluation"].keys().isdisjoint({"prompts", "decisions"})
    words = summary_of(told)
    assert "2 deep dives could not be asked about again" in words
    assert "say nothing of any model" in words


def test_what_was_accepted_is_evidence_and_nothing_else() -> None:
    """Rows come in the order of event time, whatever came of them."""
    late = Decided(candidate(), AT_MS)
    early = Decided(candidate(candidate_id="deep_dive/BTC/1/0", as_of_ms=1, reasons=("odd",)), 2)
    items = items_of([late, early], WHO.model, context_tokens_max=8_000)
    came = {
        items[0].key: Came("answered", result(1, answer=answer_to(late.candidate))),
        items[1].key: Came("answered", result(2, answer="none")),
    }
    evidence = Evidence("deep_dive")
    rows = judged_into(evidence, items, came, WHO, 900_000)
    assert [one.outcome for one in rows] == ["schema_break", "accepted"]
    assert evidence.analyses == 1
