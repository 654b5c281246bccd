"""Words of open vocabularies as people read them; one that is not known here is shown as it is. PURE."""

from collections.abc import Mapping, Sequence

from streams.serving.words import plain

GATE: Mapping[str, str] = {
    "price_drop": "the price fell far from the window's open",
    "price_jump": "the price rose far from the window's open",
    "volume_spike": "the volume is a multiple of what is usual",
    "volume_without_move": "much volume that does not move the price",
    "social_spike": "many more posts than usual",
    "development_drop": "far less development than usual",
    "state": "the asset's state changed, or what was said of it ran out",
    "alert": "an alert fired",
}
"""Why an asset was looked at."""

ANSWER: Mapping[str, str] = {
    "answered": "the model answered, and its words stood every check",
    "l1": "said before by this process of the same state",
    "redis": "said before of the same state, kept in Redis",
    "joined": "asked by another at the same moment, of the same state",
    "revised": "a revision of the data changed what it is told from",
    "withdrawn": "a revision of the data took its reasons away",
    "off": "no model is set up",
    "disabled": "no model is set up",
    "deadline": "no answer could come before its deadline",
    "breaker_open": "the model's breaker is open: it failed too often of late",
    "budget_spent": "the budget is spent",
    "paced": "the pace of calls left no room before the deadline",
    "price_unknown": "the model's price is not known, so nothing may be spent on it",
    "ledger_down": "the ledger does not answer, so nothing may be spent",
    "ledger_closed": "the ledger is being counted anew, so nothing may be spent",
    "not_confirmed": "the reservation was not confirmed",
    "shed": "too much waited, and it was the least urgent",
    "failed": "the call failed",
    "refused": "the model declined to answer",
    "truncated": "the model's answer was cut off",
    "timeout": "the model did not answer in time",
    "overloaded": "the model is overloaded",
    "schema_break": "the answer was not in the form that was asked for",
    "unknown_slot": "the answer had a slot that no fact fills",
    "broken_slot": "the answer had a brace that opens or closes no slot",
    "odd_character": "the answer had markup or characters that are not ours",
    "wrong_unit": "the answer named a unit that is not the number's",
    "wrong_window": "the answer said an hour of what is of a minute",
    "ungrounded_number": "the answer had a number that no fact has",
    "other_asset": "the answer spoke of another asset",
    "advice": "the answer said what to do, or foretold",
    "link": "the answer had an address in it",
    "wrong_sign": "the answer said the opposite of a number's sign",
    "leak": "the answer repeated instructions or a stranger's post",
    "incomplete": "the answer left out what is most unusual, or what is missing",
    "too_long": "the answer was too long once its numbers were filled in",
    "wrong_label": "the answer called the state what it is not",
    "render_rejected": "words of before do not fit the numbers of the moment",
}
"""Why these words: the model's, those of before, or the rules' in their place."""

REJECTED = frozenset(
    {
        "schema_break",
        "unknown_slot",
        "broken_slot",
        "odd_character",
        "wrong_unit",
        "wrong_window",
        "ungrounded_number",
        "other_asset",
        "advice",
        "link",
        "wrong_sign",
        "leak",
        "incomplete",
        "too_long",
        "wrong_label",
        "render_rejected",
    }
)
"""Those that mean: an answer came, and was not used."""


def in_words(word: str, known: Mapping[str, str]) -> str:
    """Return a word of a vocabulary as people read it."""
    return known.get(word) or plain(word, 64).replace("_", " ").replace(".", " ")


def listed(found: Sequence[str], known: Mapping[str, str]) -> str:
    """Return several in a row."""
    return "; ".join(in_words(word, known) for word in found)
