"""What people read: a title and a text for each message, in which nothing that came through a topic does anything.

PURE. Messages go out as plain text, but phones and chats make links, mentions and bold letters out of plain text
by themselves. So what could become one is written so that it reads the same to a person and means nothing to a
program: `@everyone` becomes `(at)everyone`, `https://x.example` becomes `https[:]//x[.]example`, `<@1>` becomes
`((at)1)`. The only link in a message is ours, to the dashboard.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import quote

from streams.serving.words import clock, plain
from topics import Alert, Analysis

from .lane import Message
from .notice import Entry, Notice, Step

TITLE_CHARS_MAX = 120
TEXT_CHARS_MAX = 1_500
"""A phone shows some 200, a chat takes 2,000."""
HEADLINE_CHARS_MAX = 200
ANALYSIS_CHARS_MAX = 700
WORST_MAX = 5
"""Named one by one in a message about many."""
RULES_MAX = 8
"""Counted one by one in a digest."""
KEYS_MAX = 20
"""Dedupe keys written out; of more, how many."""
LINE_CHARS_MAX = 180

_SIGNS = str.maketrans(
    {
        "@": "(at)",
        "<": "(",
        ">": ")",
        "[": "(",
        "]": ")",
        "{": "(",
        "}": ")",
        "*": "\u2217",
        "`": "'",
        "~": "-",
        "|": "/",
        "\\": "/",
        "#": "\u266f",
    }
)
"""What mentions, tags, links, code and emphasis are made of, and what looks like it."""
_SCHEME = re.compile(
    r":(?=//)|(?<=\bmailto):|(?<=\b(?:tel|sms)):|(?<=\bdata):|(?<=script):|(?<=\bmagnet):|(?<=\bbitcoin):",
    re.IGNORECASE,
)
"""The colon of what a phone would make a link; not that of 12:30, nor of BTC/USD:USDT."""
_DOT = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2,})")
"""The dot of a name that it would make one: example.org; not that of 1.5."""
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])")
"""Underscores that would make words slanted: not those within a name."""
_BEGINS: dict[Step, str] = {
    "cleared": "Over",
    "retracted": "Taken back",
    "analysis": "Analysis",
    "still_firing": "Still firing",
}
_DID: dict[Step, str] = {
    "firing": "firing",
    "still_firing": "still firing",
    "cleared": "over",
    "retracted": "taken back",
    "analysis": "explained",
}
_ORIGINS = {
    "rules": "by rules, no model was asked",
    "cache": "a model's words, said before of the same situation",
    "cache_stale": "a model's words of an earlier time",
}


class Letter(NamedTuple):
    """What a receiver gets."""

    title: str
    text: str


def neutral(text: str, length: int) -> str:
    """Return topic text as one line of plain letters: no mention, link, markup or control in it; a long one is cut."""
    line = plain(text, length + 1).translate(_SIGNS)
    line = _DOT.sub("[.]", _SCHEME.sub("[:]", line))
    line = _EDGE_UNDERSCORE.sub("-", line)
    return cut(line, length)


def cut(text: str, length: int) -> str:
    """Return text of at most so many characters; the last says that there was more."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def letter_of(message: Message, dashboard: str, text_max: int = TEXT_CHARS_MAX) -> Letter:
    """Return the words of a message. ``dashboard`` is its address; empty: there is no link."""
    entries = message.entries
    if message.form == "digest":
        title, lines = _digest(entries)
    elif len(entries) == 1:
        title, lines = _single(entries[0].notice)
    else:
        title, lines = _several(entries)
    link = link_of(entries, dashboard)
    foot = [*([f"Open: {link}"] if link else []), f"ref {_refs(entries)}"]
    ending = "\n".join(foot)
    text_max = min(text_max, TEXT_CHARS_MAX)
    # Whatever is cut, the keys stand: programs on the other side know a repetition by them.
    body = cut("\n".join(lines), max(0, text_max - len(ending) - 1))
    return Letter(cut(title, TITLE_CHARS_MAX), cut(f"{body}\n{ending}".lstrip("\n"), text_max))


def link_of(entries: Sequence[Entry], dashboard: str) -> str:
    """Return where to look: the alert, or the list of them."""
    if len({entry.notice.alert.alert_id for entry in entries}) == 1:
        return link_to(entries[0].notice.alert.alert_id, dashboard)
    return f"{dashboard}/alerts" if dashboard else ""


def link_to(alert_id: str, dashboard: str) -> str:
    """Return where an alert is to be seen; nothing without a dashboard."""
    return f"{dashboard}/alerts/{quote(alert_id)}" if dashboard else ""


def text_of(notice: Notice) -> str:
    """Return the text about one step, without link and keys."""
    return cut("\n".join(_single(notice)[1]), TEXT_CHARS_MAX)


def title_of(notice: Notice) -> str:
    """Return the title of a message about one step."""
    begin = _BEGINS.get(notice.step) or notice.alert.severity.upper()
    return f"{begin}: {neutral(notice.alert.headline, HEADLINE_CHARS_MAX)}"


def _single(notice: Notice) -> tuple[str, list[str]]:
    alert = notice.alert
    lines = [f"{_rule(alert)} for {neutral(alert.subject, 80)}, severity {alert.severity}."]
    match notice.step:
        case "firing":
            lines.append(f"It fires since {clock(alert.since_ms)}.")
        case "still_firing":
            lines.append(
                f"It was muted, the mute is over, and it fires since {clock(alert.since_ms)}."
            )
        case "cleared":
            lines.append(f"It fired from {clock(alert.since_ms)} to {clock(alert.as_of_ms)}.")
        case "retracted":
            lines.append(
                f"The alert of {clock(alert.since_ms)} is withdrawn: the data were revised, and with what is"
                " known now it would not have fired."
            )
        case "analysis":
            lines = _explained(notice)
    if notice.step != "analysis":
        lines += _doubts(alert)
    return title_of(notice), lines


def _rule(alert: Alert) -> str:
    rule = neutral(alert.rule, 64)
    return (
        f"Missing data: the rule {rule} cannot be judged"
        if alert.kind == "data_gap"
        else f"The rule {rule}"
    )


def _doubts(alert: Alert) -> list[str]:
    if not alert.degraded and not alert.missing:
        return []
    missing = ", ".join(neutral(name, 64) for name in alert.missing[:WORST_MAX])
    told = f"Data are missing{f' ({missing})' if missing else ''}"
    proven = "; what was seen proves it all the same" if alert.degraded else ""
    return [f"{told}{proven}."]


def _explained(notice: Notice) -> list[str]:
    analysis = notice.analysis
    if analysis is None:
        return []
    alert = notice.alert
    stands = {
        "superseded": "This has been replaced. ",
        "withdrawn": "This is withdrawn: what it rested on was revised. ",
    }
    lines = [
        f"On {_rule(alert)[0].lower()}{_rule(alert)[1:]} for {neutral(alert.subject, 80)}, firing since {clock(alert.since_ms)}:",
        stands.get(analysis.status, "") + neutral(analysis.headline, HEADLINE_CHARS_MAX),
        neutral(analysis.text, ANALYSIS_CHARS_MAX),
        f"({_whose(analysis)}; confidence {analysis.confidence}.)",
    ]
    return [line for line in lines if line]


def _whose(analysis: Analysis) -> str:
    told = _ORIGINS.get(analysis.origin, "a model's words")
    return f"{told}, and that model is simulated" if analysis.simulated else told


def _several(entries: Sequence[Entry]) -> tuple[str, list[str]]:
    rule = neutral(entries[0].notice.alert.rule, 64)
    counted = _counted(entries)
    top = max(entries, key=lambda entry: entry.notice.rank).notice.alert.severity
    first = f"{top.upper()}: {rule}, {counted}"
    return first, [f"{rule}: {counted}.", *_worst(entries)]


def _digest(entries: Sequence[Entry]) -> tuple[str, list[str]]:
    top = max(entries, key=lambda entry: entry.notice.rank).notice.alert.severity
    title = f"{top.upper()}: {len(entries)} held back, the hour's messages were used up"
    by_rule: dict[str, list[Entry]] = {}
    for entry in entries:
        by_rule.setdefault(entry.notice.alert.rule, []).append(entry)
    largest = sorted(by_rule.items(), key=lambda item: -len(item[1]))
    lines = [f"{neutral(rule, 64)}: {_counted(of_rule)}." for rule, of_rule in largest[:RULES_MAX]]
    if rest := largest[RULES_MAX:]:
        lines.append(
            f"{len(rest)} more rules: {_counted([e for _, of_rule in rest for e in of_rule])}."
        )
    return title, [*lines, "The worst:", *_worst(entries)]


def _counted(entries: Sequence[Entry]) -> str:
    counts = Counter(_DID[entry.notice.step] for entry in entries)
    return ", ".join(f"{count} {did}" for did, count in counts.items())


def _worst(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each of the most severe, those that fire before those that are over."""
    order = sorted(
        entries, key=lambda e: (-e.notice.rank, e.notice.phase != "fires", -e.notice.logged_ms)
    )
    lines = [
        cut(
            f"- {_DID[e.notice.step]}: {neutral(e.notice.alert.headline, LINE_CHARS_MAX)}",
            LINE_CHARS_MAX,
        )
        for e in order[:WORST_MAX]
    ]
    if more := len(entries) - WORST_MAX:
        lines += [f"and {more} more"] if more > 0 else []
    return lines


def _refs(entries: Sequence[Entry]) -> str:
    keys = " ".join(entry.key for entry in entries[:KEYS_MAX])
    more = len(entries) - KEYS_MAX
    return f"{keys} +{more}" if more > 0 else keys


def trial(receiver: str) -> Letter:
    """Return the words of a message that only tries a receiver."""
    return Letter(
        "Tapereader: a test",
        f"Whoever reads this gets what is sent to the receiver {receiver!r}. Nothing has happened.",
    )
