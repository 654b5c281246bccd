"""Headlines: the rule's words, and slots that code fills with numbers, units and quotes. PURE."""

import re
from collections.abc import Sequence
from math import expm1, isfinite
from typing import Literal

from msgspec import Struct

from topics import Kind, asset_of

from .evidence import UNIT_OF

HEADLINE_MAX = 200
_SLOT = re.compile(r"\{([^{}]*)\}")
_OF_THE_RULE = ("asset", "rule", "severity", "subject")
_OF_A_CONDITION = ("change", "metric", "score", "threshold", "usual", "value", "window")
_ONLY_OF = {"change": "change", "score": "score", "usual": "score"}
"""Slots that only some conditions have, by what those judge."""
_NUMBERED = re.compile(r"([a-z]+)([1-8]?)")
_BIG, _SMALL = 1_000, 1
_UNKNOWN = "unknown"


class Seen(Struct, frozen=True, kw_only=True):
    """What a condition has to say."""

    kind: Kind
    metric: str
    of: Literal["value", "score", "change"]
    threshold: float
    window_ms: int
    value: float | None = None
    z: float | None = None
    change: float | None = None
    usual: float | None = None
    holds: bool = False


def refusal_of(template: str, judged: Sequence[str]) -> str | None:
    """Return why a headline's template is refused, or None. ``judged``: by condition, value, score or change."""
    if not template.isprintable() or template != template.strip():
        return "one line of printable text"
    if "{" in _SLOT.sub("", template) or "}" in _SLOT.sub("", template):
        return "a brace without its pair; a headline has no braces but those of slots"
    for name in _SLOT.findall(template):
        if (why := _slot_refusal(name, judged)) is not None:
            return why
    return None


def _slot_refusal(name: str, judged: Sequence[str]) -> str | None:
    if name in _OF_THE_RULE:
        return None
    found = _NUMBERED.fullmatch(name)
    if found is None or found[1] not in _OF_A_CONDITION:
        there = ", ".join(sorted((*_OF_THE_RULE, *_OF_A_CONDITION)))
        return f"no slot {{{name}}}; there are {there}, and with a number behind it ({{value2}}) that of a condition"
    if found[2] and int(found[2]) > len(judged):
        return f"{{{name}}}: the rule has {len(judged)} conditions"
    mine = {judged[int(found[2]) - 1]} if found[2] else set(judged)
    only = _ONLY_OF.get(found[1])
    return f"{{{name}}} is of a condition on a {only}" if only and mine != {only} else None


def headline_of(
    template: str, *, rule: str, severity: str, subject: str, seen: Sequence[Seen]
) -> str:
    """Return the headline. A slot without a number speaks of the first condition that holds, else of the first."""
    lead = next((one for one in seen if one.holds), seen[0])
    plain = {"asset": asset_of(subject), "rule": rule, "severity": severity, "subject": subject}

    def fill(slot: re.Match[str]) -> str:
        name = slot[1]
        if name in plain:
            return plain[name]
        number = name[-1]
        one = seen[int(number) - 1] if number.isdigit() else lead
        return _told(name.rstrip("12345678"), one, subject)

    return _SLOT.sub(fill, template)[:HEADLINE_MAX]


def _told(name: str, one: Seen, subject: str) -> str:
    if name == "metric":
        return one.metric.replace("_", " ")
    if name == "window":
        return span_words(one.window_ms)
    if name == "score":
        return number_words(one.z)
    if name == "change":
        return _percent(one.change)
    if name == "threshold" and one.of != "value":
        return number_words(one.threshold) if one.of == "score" else _percent(one.threshold)
    number = {"value": one.value, "threshold": one.threshold, "usual": one.usual}[name]
    return amount_words(one.kind, one.metric, number, subject)


def amount_words(kind: Kind, metric: str, number: float | None, subject: str) -> str:
    """Return a metric's value with its unit: percent of ratios, the quote or the asset of amounts."""
    if number is None:
        return _UNKNOWN
    unit = UNIT_OF[kind, metric]
    if unit == "1":
        return _percent(expm1(min(number, 50.0)) if metric == "log_return" else number)
    if unit == "count":
        return number_words(number)
    base, _, quote = subject.partition("/")
    name = quote.partition(":")[0] if unit == "quote" else base
    return f"{number_words(number)} {name}".rstrip()


def _percent(ratio: float | None) -> str:
    if ratio is None:
        return _UNKNOWN
    percent = 100 * ratio
    return f"{percent:,.0f} %" if abs(percent) >= _BIG else f"{percent:.3g} %"


def number_words(number: float | None) -> str:
    """Return a number for people: whole from 1,000 on, else four digits that count."""
    if number is None or not isfinite(number):
        return _UNKNOWN
    if abs(number) >= _BIG or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.4g}" if abs(number) >= _SMALL else f"{number:.3g}"


def span_words(span_ms: int) -> str:
    """Return a span of time as it is written in rules: 90s, 5m, 1h."""
    for unit_ms, name in ((3_600_000, "h"), (60_000, "m"), (1_000, "s")):
        if span_ms % unit_ms == 0:
            return f"{span_ms // unit_ms}{name}"
    return f"{span_ms}ms"
