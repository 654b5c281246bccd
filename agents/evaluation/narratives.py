"""Whether state narratives say more than rules would: how many texts there are, and how often the commonest. PURE.

Rendered texts differ in their numbers even where they say the same. So texts are told apart twice: as they are, and
with every number and every name of the asset taken out, which leaves the words that somebody chose.
"""

import re
from collections import Counter
from hashlib import sha256
from typing import Any

from msgspec import Struct, to_builtins

from agents.answer.names import own_names
from agents.answer.rules import analyse
from agents.answer.verdict import REASONS
from topics import Analysis, Decision
from topics.analysis import Origin, Product

from .counting import count
from .forecast import candidate_of

TEXTS_MAX = 200_000
"""Different texts that are told apart, by a digest of 16 bytes each; those beyond are counted."""
RENDER_REJECTED = "render_rejected"
"""The origin reason where a narrative could not be rendered with the values of the moment."""
_NUMBER = re.compile(r"(?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?=x?(?!\w))")
"""Not the length of a window (5m), which somebody chose to name."""
_BLANKS = re.compile(r"\s+")


class Texts:
    """Texts and how often each was said, as they are or without what is the moment's."""

    def __init__(self) -> None:
        """Begin with none."""
        self.total = self.beyond = 0
        self._counts = Counter[bytes]()
        self._first: dict[bytes, str] = {}

    def take(self, text: str) -> bool:
        """Count a text and return whether it is a new one."""
        self.total += 1
        digest = sha256(text.encode()).digest()[:16]
        if digest in self._counts:
            self._counts[digest] += 1
            return False
        if len(self._counts) >= TEXTS_MAX:
            self.beyond += 1
            return False
        self._counts[digest], self._first[digest] = 1, text
        return True

    @property
    def distinct(self) -> int:
        """How many there are; those beyond the bound are not among them."""
        return len(self._counts)

    @property
    def commonest(self) -> tuple[str, float] | None:
        """The text that was said most often, with its share of all; None without any."""
        if not self._counts:
            return None
        digest, count = self._counts.most_common(1)[0]
        return self._first[digest], count / self.total

    def as_json(self) -> dict[str, Any]:
        """Return the figures for programs."""
        text, share = self.commonest or (None, None)
        return {
            "total": self.total,
            "distinct": self.distinct,
            "beyond": self.beyond,
            "commonest": text,
            "commonest_share": share,
        }


class Example(Struct, frozen=True, kw_only=True):
    """One candidate in two voices."""

    analysis_id: str
    origin: Origin
    origin_reason: str
    text: str
    rules: str


class Narratives:
    """Takes analyses and decisions; of analyses in words that are not the rules', what rules say of the same facts."""

    def __init__(self, product: Product = "state", examples_max: int = 3) -> None:
        """Begin with nothing. Examples are the first that differ in their words."""
        self.product, self._examples_max = product, examples_max
        self.origins = Counter[str]()
        """Analyses, by origin."""
        self.reasons = Counter[str]()
        """Analyses by rules, by why."""
        self.decisions = Counter[str]()
        """Decisions, by outcome."""
        self.said, self.said_words = Texts(), Texts()
        self.rules, self.rules_words = Texts(), Texts()
        self.same_words = 0
        """Analyses whose words are the rules' words."""
        self.simulated = 0
        self.examples: list[Example] = []

    def take_analysis(self, analysis: Analysis) -> None:
        """Take an analysis, once."""
        if analysis.product != self.product or analysis.status != "current":
            return
        self.origins[analysis.origin] += 1
        if analysis.origin == "rules":
            count(self.reasons, analysis.origin_reason)
            return
        self.simulated += analysis.simulated
        rules = analyse(candidate_of(analysis)).text
        words, rules_words = words_of(analysis.text, analysis), words_of(rules, analysis)
        is_new = self.said_words.take(words)
        self.said.take(analysis.text)
        self.rules.take(rules)
        self.rules_words.take(rules_words)
        self.same_words += words == rules_words
        if is_new and len(self.examples) < self._examples_max:
            self.examples.append(
                Example(
                    analysis_id=analysis.analysis_id,
                    origin=analysis.origin,
                    origin_reason=analysis.origin_reason,
                    text=analysis.text,
                    rules=rules,
                )
            )

    def take_decision(self, decision: Decision) -> None:
        """Take a decision, once."""
        if decision.product == self.product:
            self.decisions[decision.outcome] += 1

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        texts = {
            "said": self.said,
            "said_words": self.said_words,
            "rules": self.rules,
            "rules_words": self.rules_words,
        }
        return {
            "product": self.product,
            "simulated": self.simulated,
            "origins": dict(self.origins),
            "rules_reasons": dict(self.reasons),
            "decisions": dict(self.decisions),
            "render_rejections": self.render_rejections,
            "rejected_answers": self.rejected_answers,
            "same_words": self.same_words,
            "examples": to_builtins(self.examples),
            **{name: told.as_json() for name, told in texts.items()},
        }

    @property
    def render_rejections(self) -> int:
        """Analyses by rules because a narrative did not fit the values of the moment."""
        return self.reasons[RENDER_REJECTED]

    @property
    def rejected_answers(self) -> dict[str, int]:
        """Analyses by rules because an answer could not be used for any asset, by the reason."""
        return {
            reason: self.reasons[reason]
            for reason in REASONS
            if self.reasons[reason] and reason != RENDER_REJECTED
        }


def words_of(text: str, analysis: Analysis) -> str:
    """Return a text without its numbers and the asset's own names: the words that were chosen."""
    own = "|".join(re.escape(name) for name in own_names(analysis.asset, analysis.facts))
    if own:
        text = re.sub(rf"(?<!\w)(?:{own})(?!\w)", "@", text)
    return _BLANKS.sub(" ", _NUMBER.sub("#", text)).strip()
