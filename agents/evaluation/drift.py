"""What each prompt version did: which way it looked, what it was asked, and what became of its answers. PURE."""

from collections import Counter

from msgspec import Struct, field

from agents.answer.verdict import REASONS
from topics import Analysis, Decision, Intent, Result
from topics.analysis import Product

from .counting import count

OPEN_MAX = 100_000
"""Intents whose result has not been read; of more the oldest is taken to have none."""
PROMPTS_MAX = 1_000
"""Prompts (product, model, version) that are told apart; what is of further ones is counted together as none's."""

Key = tuple[Product, str, str]
"""product, model, prompt version"""


class Prompt(Struct, kw_only=True):
    """One prompt version of one model in the range."""

    product: Product
    model: str
    version: str
    first_ms: int
    last_ms: int
    sent: int = 0
    """Intents."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Results, by outcome: answered, refused, truncated, timeout, ..."""
    directions: Counter[str] = field(default_factory=Counter)
    """Analyses in the model's words, by the direction of their outlook; `none` has none."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Analyses by rules because an answer could not be used, by the reason."""

    @property
    def analyses(self) -> int:
        """Analyses in the model's words."""
        return self.directions.total()

    def share(self, direction: str) -> float | None:
        """Return the share of a direction; None without analyses."""
        return self.directions[direction] / self.analyses if self.analyses else None

    @property
    def refusal_share(self) -> float | None:
        """The share of results that were refusals; None without any."""
        total = self.outcomes.total()
        return self.outcomes["refused"] / total if total else None

    @property
    def rejection_share(self) -> float | None:
        """The share of candidates whose answers were rejected in the end; None without any."""
        total = self.analyses + self.rejected.total()
        return self.rejected.total() / total if total else None


class Drift:
    """Takes the journal, analyses and decisions of a range, each once."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._prompts: dict[Key, Prompt] = {}
        self._tried: dict[Product, set[str]] = {}
        self._open: dict[str, Key] = {}
        self.decisions: dict[Product, Counter[str]] = {}
        """By product, what became of candidates: outcome/reason."""
        self.beyond = 0
        """Records of prompts beyond the bound."""

    def note(self, entry: Intent | Result) -> None:
        """Take an entry of the journal of any time: only that its prompt was tried. That of a question about posts is no product's."""
        if isinstance(entry, Intent) and entry.excerpts is None:
            self._try(entry.product, entry.prompt_version)

    def take_entry(self, entry: Intent | Result) -> None:
        """Take an entry of the journal that is in the range. An intent comes before its result."""
        if isinstance(entry, Intent):
            self.note(entry)
            key = entry.product, entry.model, entry.prompt_version
            if (prompt := self._prompt(key, entry.at_ms)) is not None:
                prompt.sent += 1
                self._open[entry.attempt_id] = key
            if len(self._open) > OPEN_MAX:
                del self._open[next(iter(self._open))]
        elif (of := self._open.pop(entry.attempt_id, None)) is not None:
            count(self._prompts[of].outcomes, entry.outcome)

    def take_analysis(self, analysis: Analysis) -> None:
        """Take an analysis. One by rules is of the prompt that was asked before."""
        if analysis.prompt_version is None:
            return
        self._try(analysis.product, analysis.prompt_version)
        if analysis.origin != "rules":
            key = analysis.product, analysis.model or "unknown", analysis.prompt_version
            if (prompt := self._prompt(key, analysis.produced_ms)) is not None:
                way = "none" if analysis.outlook is None else analysis.outlook.direction
                prompt.directions[way] += 1
        elif analysis.origin_reason in REASONS:
            self._reject(analysis, analysis.prompt_version)

    def take_decision(self, decision: Decision) -> None:
        """Take a decision."""
        counts = self.decisions.setdefault(decision.product, Counter())
        count(counts, f"{decision.outcome}/{decision.reason}")

    @property
    def prompts(self) -> list[Prompt]:
        """All prompts, by product and model, each model's in the order of their first use."""
        return sorted(
            self._prompts.values(), key=lambda p: (p.product, p.model, p.first_ms, p.version)
        )

    def tried(self, product: Product) -> int:
        """Return how many prompt versions for a product were ever tried."""
        return len(self._tried.get(product, ()))

    def _reject(self, analysis: Analysis, version: str) -> None:
        """Count a rejection. The analysis by rules names no model: its prompt's last one is taken."""
        of = [
            prompt
            for prompt in self._prompts.values()
            if (prompt.product, prompt.version) == (analysis.product, version)
        ]
        if of:
            max(of, key=lambda prompt: prompt.last_ms).rejected[analysis.origin_reason] += 1
        elif (
            made := self._prompt((analysis.product, "unknown", version), analysis.produced_ms)
        ) is not None:
            made.rejected[analysis.origin_reason] += 1

    def _prompt(self, key: Key, at_ms: int) -> Prompt | None:
        known = self._prompts.get(key)
        if known is None:
            if len(self._prompts) >= PROMPTS_MAX:
                self.beyond += 1
                return None
            product, model, version = key
            known = self._prompts[key] = Prompt(
                product=product, model=model, version=version, first_ms=at_ms, last_ms=at_ms
            )
        known.first_ms, known.last_ms = min(known.first_ms, at_ms), max(known.last_ms, at_ms)
        return known

    def _try(self, product: Product, version: str) -> None:
        versions = self._tried.setdefault(product, set())
        if len(versions) < PROMPTS_MAX:
            versions.add(version)
