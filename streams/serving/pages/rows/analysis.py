"""What the page of one analysis tells: its words and whose they are, its facts, and what the reader must know of both. PURE."""

from msgspec import Struct

from streams.serving.found import Found, Missing
from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Amount,
    Column,
    Fact,
    Instant,
    Line,
    Mark,
    Now,
    Prose,
    Row,
    Rows,
    Until,
    Voice,
    Words,
    capped,
    severity,
)
from streams.serving.shown import AnalysisShown, Path
from streams.serving.view import View
from streams.serving.words import clock, span
from topics import Analysis
from topics import Fact as Cited

from .briefly import whose
from .naming import alert_words, candidate, named
from .path import ATTEMPTS_MAX, Step, path_of_log, replay_command, steps
from .quantities import fact_label, fact_text, window_words, z_text
from .reasons import ANSWER, in_words

FACTS_SHOWN_MAX = 60
"""As many as an analysis has at most."""
CHANGED_MAX = 20

FACT_COLUMNS = (
    Column("Fact", main=True),
    Column("Value", numeric=True),
    Column("Usual", numeric=True),
    Column("How unusual (z)", numeric=True),
)
_ORIGINS = {
    "model": "A model wrote the words. Code wrote every number in them.",
    "model_other_provider": "The same model at another provider wrote the words, as the first gave no answer. Code wrote every number in them.",
    "model_cheaper": "A cheaper model wrote the words, as the first gave no answer. Code wrote every number in them.",
    "cache": "A model wrote the words before, of the same state. The numbers are of now.",
    "cache_stale": "A model wrote the words long before, of the same state, and nobody could be asked now. The numbers are of now.",
    "rules": "Rules wrote this, without a model.",
}


class Statement(Struct, frozen=True, kw_only=True):
    """The words themselves, and whose they are."""

    headline: Line
    by: str
    """rules, model or simulated: how they are drawn."""
    voice: Line
    text: Line
    standing: Line
    standing_tone: str
    changed: tuple[Line, ...]


class AnalysisTold(Struct, frozen=True, kw_only=True):
    """The whole page."""

    statement: Statement
    about: tuple[Fact, ...]
    facts: Rows
    steps: tuple[Step, ...]
    item_key: str | None
    """The journal's item, by which its question and answer are found."""
    attempts: tuple[str, ...]
    """The ids of what was sent: what came of each stands in the journal under them."""
    partition: int
    """The journal's, which is the asset's as everywhere."""
    command: str
    feedback: tuple[Line, ...]


class CandidateTold(Struct, frozen=True, kw_only=True):
    """A candidate of which no analysis came, or none that is known."""

    steps: tuple[Step, ...]
    lines: tuple[Line, ...]


class Logged(Struct, frozen=True, kw_only=True):
    """What is said where the view knows nothing of an id."""

    lines: tuple[Line, ...]


def title_of(analysis_id: str) -> str:
    """Return the page's heading."""
    told = candidate(analysis_id)
    return "Analysis" if told is None else f"Analysis: {told[0]}"


def of_log(found: Found[Analysis] | Missing | None, now: Now) -> AnalysisTold | Logged:
    """Return what is told of an analysis that only the log has; without it, why it cannot be shown."""
    if isinstance(found, Found):
        shown = AnalysisShown(
            analysis=found.event,
            place=found.whole.place,
            at_ms=found.whole.at_ms,
            standing=found.event.status,
        )
        return _told(shown, path_of_log(shown), now)
    why = found.words if found else "this page has no way to the log"
    return Logged(
        lines=(
            (Mark("warning", "Not known"), Words("No analysis of this address is known here.")),
            (Words(f"It is not among those of the last day, and of the log: {why}.", tone="quiet"),),
            (Words("All assets, and what was said of them", href=links.OVERVIEW),),
        )
    )  # fmt: skip


def analysis_of(view: View, analysis_id: str, now: Now) -> AnalysisTold | CandidateTold | None:
    """Return what is told of an id: an analysis, a candidate without one, or None of what is not known."""
    path = view.path(analysis_id)
    if path is None:
        return None
    if path.analysis is None:
        lead: Line = (Words("No analysis came of this candidate, or none that is known here.", tone="strong"),)  # fmt: skip
        return CandidateTold(steps=steps(path, now), lines=(lead,))
    return _told(path.analysis, path, now)


def _told(shown: AnalysisShown, path: Path, now: Now) -> AnalysisTold:
    return AnalysisTold(
        statement=_statement(shown, now.market_ms),
        about=_about(shown),
        facts=_facts(shown.analysis),
        steps=steps(path, now),
        item_key=path.item_key,
        attempts=path.attempt_ids[:ATTEMPTS_MAX],
        partition=shown.place.partition,
        command=replay_command(shown.at_ms),
        feedback=tuple(_said(shown)),
    )


def _statement(shown: AnalysisShown, market_ms: int) -> Statement:
    analysis = shown.analysis
    voice = whose(shown)
    words = _ORIGINS.get(analysis.origin, "")
    if analysis.origin == "rules":
        words = f"{words} Why: {in_words(analysis.origin_reason, ANSWER)}."
    line: list[Words | Voice] = [voice, Words(words, tone="quiet")]
    if analysis.model and analysis.origin != "rules":
        line.append(Words(analysis.model, tone="strong"))
    if analysis.narrative_age_ms is not None:
        line.append(Words(f"first said {span(analysis.narrative_age_ms)} before", tone="doubt"))
    if analysis.simulated:
        line.append(Words("The model is simulated: no real one was asked.", tone="doubt"))
    return Statement(
        headline=(Words(analysis.headline),),
        by=voice.whose,
        voice=tuple(line),
        text=(Prose(analysis.text),),
        standing=_standing(shown, market_ms),
        standing_tone=shown.standing,
        changed=tuple((Words(change),) for change in analysis.changed[:CHANGED_MAX]),
    )


def _standing(shown: AnalysisShown, market_ms: int) -> Line:
    analysis = shown.analysis
    by: Line = ()
    if shown.replaced_by is not None:
        by = (Words("the one that holds", href=links.analysis(shown.replaced_by), hint=shown.replaced_by),)  # fmt: skip
    until_ms = analysis.valid_until_ms
    match shown.standing:
        case "current" if until_ms <= market_ms:
            return (Words("Nothing contradicted it, and its time is over."), Words("It ran out"), Age(until_ms, clock="market"))  # fmt: skip
        case "current":
            return (Words("It stands.", tone="strong"), Words("It runs out"), Until(until_ms, clock="market"))  # fmt: skip
        case "superseded":
            return (Words("It stands no more: revised data changed what it says.", tone="doubt"), *by)  # fmt: skip
        case _:
            return (Words("It was withdrawn: after a revision none of its reasons holds.", tone="bad"), *by)  # fmt: skip


def _about(shown: AnalysisShown) -> tuple[Fact, ...]:
    analysis = shown.analysis
    made: list[Fact] = [
        Fact("Severity", (severity(analysis.severity),)),
        Fact("Asset", (Words(analysis.asset, href=links.asset(analysis.asset)), Words("deep dive" if analysis.product == "deep_dive" else "state", tone="quiet"))),
        Fact("As of", (Instant(analysis.as_of_ms), Age(analysis.as_of_ms, clock="market"), Words("the end of the newest window it read", tone="quiet"))),
        Fact("Observed", (Words(analysis.observed_direction), Words("by code, from the facts", tone="quiet"))),
        Fact("Confidence", (Words(analysis.confidence, tone="strong"), Words(analysis.confidence_basis))),
        Fact("Data", _quality(analysis)),
    ]  # fmt: skip
    if analysis.outlook is not None:
        out = analysis.outlook
        guess = f"{out.direction} within {window_words(out.horizon_ms)}, probability {out.probability * 100:.0f} %"
        made.append(Fact("Outlook", (Words(guess), Words("a guess that is scored later; no alert reads it", tone="quiet"))))  # fmt: skip
    if analysis.trigger.alert_id:
        alert_id = analysis.trigger.alert_id
        made.append(
            Fact(
                "Alert", (Words(alert_words(alert_id), href=links.alert(alert_id), hint=alert_id),)
            )
        )
    made += _others(analysis)
    return tuple(made)


def _others(analysis: Analysis) -> list[Fact]:
    """Return the analyses it speaks of, and what made it take another's place."""
    made = []
    if analysis.supersedes:
        made.append(Fact("Takes the place of", (_other("the one before", analysis.supersedes),)))
    if analysis.revised_by:
        made.append(Fact("Revised by", (_reviser(analysis.revised_by),)))
    if analysis.compared_with and analysis.compared_with != analysis.supersedes:
        made.append(Fact("Compared with", (_other("the last one", analysis.compared_with),)))
    return made


def _other(words: str, analysis_id: str) -> Words:
    return Words(words, href=links.analysis(analysis_id), hint=analysis_id)


def _reviser(record_id: str) -> Words:
    """Return the link of what revised it: a window, or else an alert that was retracted."""
    window = named(record_id)
    if window is not None:
        words = f"{window.words}, {window.edition}"
        return Words(words, href=links.aggregate(record_id), hint=record_id)
    return Words(alert_words(record_id), href=links.alert(record_id), hint=record_id)


def _quality(analysis: Analysis) -> Line:
    told = analysis.data_quality
    line: list[Words] = [Words(told.words or told.completeness, tone="" if told.completeness == "complete" else "doubt")]  # fmt: skip
    if told.stale_feeds:
        line.append(Words(f"stale: {', '.join(told.stale_feeds[:8])}", tone="doubt"))
    if told.short_history:
        line.append(Words("short history: what is usual rests on few windows", tone="doubt"))
    return tuple(line)


def _facts(analysis: Analysis) -> Rows:
    rows = [_fact(place, fact) for place, fact in enumerate(analysis.facts)]
    return capped(rows, FACTS_SHOWN_MAX, "It rests on no fact.")


def _fact(place: int, fact: Cited) -> Row:
    ended = f", to {clock(fact.window_end_ms)[11:16]} UTC" if fact.window_end_ms is not None else ""
    link = Words(
        f"{fact_label(fact)}{ended}",
        href=links.aggregate(fact.aggregate_id),
        hint=fact.aggregate_id,
    )
    revised: Line = (Words(f"revision {fact.revision}", tone="quiet"),) if fact.revision else ()
    usual: Line = (Words("-", tone="quiet"),)
    if fact.baseline is not None:
        rests = Words(
            f"of {fact.sample_size:,} window{'' if fact.sample_size == 1 else 's'}", tone="quiet"
        )
        usual = (Amount(fact_text(fact, fact.baseline)), rests)
    z: Line = (Amount(z_text(fact.z)),) if fact.z is not None else (Words("-", tone="quiet"),)
    return Row(
        key=f"{place}/{fact.metric}",
        cells=(
            (link, Words(fact.subject, tone="quiet"), *revised),
            (Amount(fact_text(fact, fact.value)),),
            usual,
            z,
        ),
    )


def _said(shown: AnalysisShown) -> list[Line]:
    return [
        (
            Words(told.actor, tone="strong"),
            Words("said", tone="quiet"),
            Words(told.verdict),
            Instant(told.at_ms),
            Words(told.reason),
        )
        for told in shown.feedback
    ]
