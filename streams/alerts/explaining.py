"""A rule in a sentence, for whoever wrote it: PURE."""

from .headline import amount_words, number_words, span_words
from .rules import Condition, Rule
from .writing import GAP_SEVERITY

_ALL, _ANY = " and ", " or "
_NAMED_MAX = 5
"""Subjects that are named."""


def explained(rule: Rule) -> str:
    """Return a rule in a sentence."""
    joint = _ALL if rule.match == "all" else _ANY
    said = joint.join(_condition(one) for one in rule.conditions)
    held = f" for {span_words(rule.for_ms)} of event time" if rule.for_ms else ""
    calm = f", and not again within {span_words(rule.cool_down_ms)}" if rule.cool_down_ms else ""
    gap = f"; where that cannot be told for {span_words(rule.gap_ms)}, a data gap is raised ({_gap(rule)})"
    return f"{rule.name}: {rule.severity} for {_whom(rule)} when {said}{held}{calm}{gap}."


def _condition(one: Condition) -> str:
    size = span_words(one.size.window_ms)
    if one.size.step_ms != one.size.window_ms:
        size += f" (each {span_words(one.size.step_ms)})"
    of = {"value": "", "score": "score of ", "change": "change of "}[one.of]
    way = ("above", "below") if one.rising else ("below", "above")
    until = "" if one.clear is None else f", until {way[1]} {_number(one, one.clear)}"
    base = f", from more than {number_words(one.base_above)}" if one.base_above is not None else ""
    metric = one.metric.replace("_", " ")
    return f"the {of}{one.kind} {metric} of {size} is {way[0]} {_number(one, one.threshold)}{base}{until}"


def _number(one: Condition, number: float) -> str:
    if one.of == "change":
        return f"{100 * number:.4g} %"
    return (
        number_words(number)
        if one.of == "score"
        else amount_words(one.kind, one.metric, number, "")
    )


def _whom(rule: Rule) -> str:
    names = sorted(rule.assets) + sorted(rule.subjects)
    if names:
        more = f" and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else ""
        return ", ".join(names[:_NAMED_MAX]) + more
    return "each instrument" if rule.of_instruments else "each asset"


def _gap(rule: Rule) -> str:
    return rule.severity if rule.severity in {"info", "notice"} else GAP_SEVERITY
