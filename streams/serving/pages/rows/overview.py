"""The overview: one sentence, the worst assets, what asks for somebody, and the money. PURE."""

from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.pieces import (
    Age,
    Bar,
    Button,
    Column,
    Instant,
    Line,
    Mark,
    Now,
    Piece,
    Row,
    Rows,
    Tone,
    Until,
    Words,
    capped,
    dollars,
    severity,
)
from streams.serving.shown import (
    AlertShown,
    Budget,
    FeedRow,
    Finding,
    Money,
    Standing,
    Summary,
)
from streams.serving.view import View

from .telling import DATA_STALE_MS, alert_link, asset_link, quality, rank, voice

ASSETS_MAX, ALERTS_MAX, FINDINGS_MAX, BUDGETS_MAX = 10, 8, 5, 4

ASSET_COLUMNS = (
    Column("Severity", plain=True),
    Column("Asset", plain=True),
    Column("What is said", main=True),
    Column("Data age"),
    Column("Data"),
    Column("Alerts", tight=True),
)
ALERT_COLUMNS = (
    Column("Severity", plain=True),
    Column("Asset", plain=True),
    Column("Since", plain=True),
    Column("Alert", main=True),
    Column("Act", plain=True, end=True),
)
_STATE: dict[str, Mark] = {
    "well": Mark("well", "All well."),
    "degraded": Mark("warning", "Degraded"),
    "broken": Mark("critical", "Broken"),
}


class Sentence(Struct, frozen=True):
    """The pipeline in words."""

    state: str
    lead: Line
    action: Line
    findings: tuple[Line, ...]


NOTHING_YET = Sentence(
    "waiting",
    (Mark("notice", "Nothing yet."), Words("No asset and no feed has been heard of.")),
    (
        Words("What to do:", tone="strong"),
        Words("start the roles"),
        Words("tapereader collect", tone="code"),
        Words("tapereader streams", tone="code"),
        Words("tapereader agent", tone="code"),
        Words("or, to try them all,"),
        Words("make demo", tone="code"),
    ),
    (),
)
"""Of a view in which nothing has come: that is neither well nor broken."""


def sentence_of(view: View, now: Now) -> Sentence:
    """Return the one sentence, and what it rests on."""
    return sentence(
        view.summary(now.ms, now.market_ms),
        view.standing(now.ms, now.market_ms),
        view.feed_rows(now.ms),
    )


def sentence(summary: Summary, standing: list[Standing], feeds: list[FeedRow]) -> Sentence:
    """Return a summary as lines: the sentence, what to do, and further findings, each with its own action."""
    if not standing and not feeds and summary.state != "broken":
        return NOTHING_YET
    if not summary.findings:
        context = _context(standing, feeds)
        return Sentence(summary.state, (_STATE[summary.state], *context), (), ())
    # The sentence is the worst finding's, in parts: so its time is in the reader's zone, and counts on.
    worst, *others = summary.findings
    lead: Line = (_STATE[summary.state], Words(f"{_capital(worst.words)}."))
    if worst.since_ms is not None:
        lead = (*lead, Words("Since", tone="quiet"), Instant(worst.since_ms))
    findings = tuple(_finding(found) for found in others[:FINDINGS_MAX])
    if (more := len(others) - FINDINGS_MAX) > 0:
        findings = (*findings, (Words(f"and {more} more", tone="quiet"),))
    action: Line = (Words("What to do:", tone="strong"), *_spoken(f"{_capital(worst.action)}."))
    return Sentence(summary.state, lead, action if worst.action else (), findings)


def _context(standing: list[Standing], feeds: list[FeedRow]) -> Line:
    """Return what all is well with."""
    firing = sum(len(one.alerts) for one in standing)
    connected = sum(feed.state == "connected" for feed in feeds)
    line: Line = (
        Words(_some(len(standing), "asset")),
        Words("·", tone="quiet"),
        Words(f"{connected} of {_some(len(feeds), 'feed')} connected", href=links.FEEDS),
        Words("·", tone="quiet"),
        Words(f"{_some(firing, 'alert')} firing", href=links.ALERTS),
    )
    newest = max((one.data_end_ms for one in standing if one.data_end_ms is not None), default=None)
    if newest is None:
        return line
    return (
        *line,
        Words("·", tone="quiet"),
        Words("newest data"),
        Age(newest, DATA_STALE_MS, clock="market"),
    )


def _some(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def _spoken(words: str, tone: Tone = "") -> Line:
    """Return words in which what stands between backticks is to be typed."""
    parts = enumerate(words.split("`"))
    return tuple(Words(part, tone="code" if i % 2 else tone) for i, part in parts if part.strip())


def _capital(words: str) -> str:
    """Return words as the beginning of a sentence, which ends elsewhere."""
    return (words[:1].upper() + words[1:]).rstrip(".")


def _finding(found: Finding) -> Line:
    mark = Mark("critical", "Broken") if found.state == "broken" else Mark("warning", "Degraded")
    since: Line = ()
    if found.since_ms is not None:
        since = (Words("since", tone="quiet"), Instant(found.since_ms))
    return (mark, Words(_capital(found.words)), *since, *_spoken(found.action, "quiet"))


def assets_of(view: View, now: Now) -> Rows:
    """Return the worst assets."""
    return assets(view.standing(now.ms, now.market_ms))


def assets(standing: list[Standing]) -> Rows:
    """Return at most ten assets, the most severe first, then those with alerts nobody has seen to."""
    worst = sorted(standing, key=lambda s: (rank(s.severity), -s.unacknowledged, s.asset))
    rows = [_asset(one) for one in worst[:ASSETS_MAX]]
    empty = "No asset yet: nothing has been aggregated. Collectors and the streams role make windows within two minutes."
    return capped(rows, ASSETS_MAX, empty, total=len(worst))


def _asset(one: Standing) -> Row:
    told: Line = (voice(one.words, simulated=one.simulated),)
    href = None
    if one.unacknowledged:  # then the headline is the worst alert's
        href = links.alert(one.alerts[0].alert.alert_id)
    elif one.analysis_id:
        href = links.analysis(one.analysis_id)
    headline = Words(one.headline, href=href)
    age: Line = (Words("no data", tone="quiet"),)
    if one.data_end_ms is not None:
        age = (Age(one.data_end_ms, DATA_STALE_MS, clock="market"),)
    return Row(
        one.asset,
        (
            (severity(one.severity),),
            (asset_link(one.asset),),
            (headline, *told),
            age,
            (quality(one.quality, one.quality_words),),
            (_alerts(len(one.alerts), one.unacknowledged),),
        ),
        tone="quiet" if one.stale else "",
    )


def _alerts(firing: int, unseen: int) -> Words:
    if not firing:
        return Words("none", tone="quiet")
    if not unseen:
        return Words(f"{firing} seen")
    return Words(
        f"{unseen} unseen" if unseen == firing else f"{unseen} of {firing} unseen", tone="bad"
    )


def asking_of(view: View, now: Now) -> Rows:
    """Return the alerts that fire and that nobody has acknowledged or muted."""
    return asking([shown for shown in view.alerts(now.ms, firing=True) if shown.asks])


def asking(alerts: list[AlertShown]) -> Rows:
    """Return alerts as rows, the most severe and then the newest first, each with its button."""
    worst = sorted(alerts, key=lambda s: (rank(s.alert.severity), -s.alert.since_ms))
    rows = [
        Row(
            shown.alert.alert_id,
            (
                (severity(shown.alert.severity),),
                (asset_link(shown.alert.asset),),
                (Age(shown.alert.since_ms, clock="market"),),
                (alert_link(shown),),
                (
                    Button(
                        "Acknowledge",
                        "acknowledge",
                        shown.alert.alert_id,
                        "Somebody has seen it; it goes on firing until it clears",
                    ),
                ),
            ),
        )
        for shown in worst[:ALERTS_MAX]
    ]
    return capped(rows, ALERTS_MAX, "Nothing asks for anybody.", total=len(worst))


def purse_of(view: View, now: Now) -> tuple[Line, ...]:
    """Return what was spent, the cap, and the time until it is reached."""
    return purse(view.money(now.ms))


def purse(money: Money) -> tuple[Line, ...]:
    """Return each budget as lines; without any what analyses cost all the same."""
    if not money.budgets:
        without: Line = (
            Words("No budget is told: no agent asks a model, or none runs.", tone="quiet"),
        )
        return (spent(money), without)
    lines: list[Line] = []
    for budget in money.budgets[:BUDGETS_MAX]:
        lines += budget_lines(budget)
    if (more := len(money.budgets) - BUDGETS_MAX) > 0:
        lines.append((Words(f"and {more} more budgets", href=links.COST),))
    burn = (dollars(money.burn_nano_usd_per_h), Words("in the last hour", tone="quiet"))
    return (*lines, burn)


def spent(money: Money) -> Line:
    """Return in a line what analyses cost, and since when."""
    if not any(money.by.values()):
        return (Words("Nothing spent: no analysis yet."),)
    return (
        dollars(money.spent_nano_usd),
        Words("spent on analyses since"),
        Instant(money.since_ms),
    )


def budget_lines(budget: Budget) -> list[Line]:
    """Return a budget in two lines: spent of its cap; the share as a bar and a number, and when the cap is reached."""
    spent: Line = (Words(budget.scope, tone="strong"), _dollars(budget.spent_nano_usd))
    if budget.cap_nano_usd is not None:
        spent = (*spent, Words("of"), dollars(budget.cap_nano_usd))
    share = budget_share(budget)
    if share is None:
        return [spent, _outlook(budget)]
    return [spent, (Bar(share, tightness(budget)), Words(f"{share:.0%}"), *_outlook(budget))]


def tightness(budget: Budget) -> Tone:
    """Return how the spent share of a cap is drawn, as the view judges it."""
    if budget.state != "open" or budget.to_cap_ms == 0:
        return "bad"
    return "doubt" if budget.is_nearly_spent else ""


def budget_share(budget: Budget) -> float | None:
    """Return the part of a cap that is spent or reserved; None where it is not told."""
    if not budget.cap_nano_usd or budget.spent_nano_usd is None:
        return None
    return (budget.spent_nano_usd + (budget.reserved_nano_usd or 0)) / budget.cap_nano_usd


def _dollars(nano_usd: int | None) -> Piece:
    return Words("spent: not told", tone="quiet") if nano_usd is None else dollars(nano_usd)


def _outlook(budget: Budget) -> Line:
    if budget.stale:
        return (Words("not told since", tone="doubt"), Age(budget.told_ms))
    if budget.to_cap_ms is None:
        return (Words("cap not reached in this window", tone="quiet"),)
    if budget.to_cap_ms == 0:
        return (Words("cap reached: rules answer", tone="bad"),)
    return (Words("cap reached", tone="doubt"), Until(budget.told_ms + budget.to_cap_ms))
