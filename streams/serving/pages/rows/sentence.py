"""The pipeline in one sentence: all well and of what, or what is wrong, since when and what to do. PURE."""

from msgspec import Struct

from streams.serving.pages import links
from streams.serving.pages.pieces import Age, Instant, Line, Mark, Now, Tone, Words
from streams.serving.shown import FeedRow, Finding, Standing, Summary
from streams.serving.view import View

from .telling import DATA_STALE_MS

_PAGES = {
    "feed": ("Feeds", links.FEEDS),
    "data": ("Feeds", links.FEEDS),
    "gap": ("Feeds", links.FEEDS),
    "letter": ("Dead letters", links.LETTERS),
    "budget": ("Cost", links.COST),
    "told": ("Alerts", links.ALERTS),
}
"""Where there is more of a finding, by what it is of: the page's name and address."""
FINDINGS_MAX = 5
"""Told beside the worst; of more it says how many."""
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
        view.feed_rows(now.ms, now.market_ms),
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
    action: Line = _page(worst)
    if worst.action:
        spoken = _spoken(_sentence(worst.action))
        action = (Words("What to do:", tone="strong"), *spoken, *action)
    return Sentence(summary.state, lead, action, findings)


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


def _sentence(words: str) -> str:
    """Return words as a sentence; one that ends in what is to be typed ends with that."""
    spoken = _capital(words)
    return spoken if not spoken or spoken.endswith("`") else f"{spoken}."


def _page(found: Finding) -> Line:
    """Return the link to the page that has more of it, if one has."""
    page = _PAGES.get(found.what.partition("/")[0])
    return () if page is None else (Words(page[0], href=page[1]),)


def _finding(found: Finding) -> Line:
    mark = Mark("critical", "Broken") if found.state == "broken" else Mark("warning", "Degraded")
    since: Line = ()
    if found.since_ms is not None:
        since = (Words("Since", tone="quiet"), Instant(found.since_ms))
    words = Words(f"{_capital(found.words)}.")
    return (mark, words, *since, *_spoken(_sentence(found.action), "quiet"), *_page(found))
