"""What an evaluation found, as plain values: PURE."""

from typing import Any

import msgspec
from msgspec import Struct

from agents.evaluation.bootstrap import DAYS_MIN, LEVEL, RESAMPLES
from agents.evaluation.drift import Prompt
from agents.evaluation.scores import Score

UNITS = {
    "brier": "mean squared error of the probability of a rise; always one half has 0.25",
    "log_loss": "mean of -ln of the probability given to what came; always one half has 0.693",
    "against": "the voice less the baseline: below 0 the voice is better",
    "interval": f"{LEVEL:.0%}, whole days of all assets drawn {RESAMPLES} times; none below {DAYS_MIN} days",
}


class Evaluation(Struct, frozen=True, kw_only=True):
    """Scores of every voice, what each prompt did, and of what range."""

    from_ms: int | None
    to_ms: int | None
    """Log times of the analyses and decisions; None: as far as the logs reach."""
    seed: int
    analyses: int
    decisions: dict[str, dict[str, int]]
    """By product, what became of candidates: outcome/reason."""
    unreadable: dict[str, int]
    """Records that cannot be read, by topic; they are passed over."""
    scores: list[Score]
    prompts: list[Prompt]
    cutoffs: dict[str, int]
    """By model, from when on it is scored, in epoch milliseconds."""

    @property
    def scored(self) -> int:
        """Windows of all voices together."""
        return sum(score.windows for score in self.scores)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return it for programs."""
    told: dict[str, Any] = msgspec.to_builtins(evaluation)
    for prompt, plain in zip(evaluation.prompts, told["prompts"], strict=True):
        plain |= {
            "analyses": prompt.analyses,
            "shares": {way: prompt.share(way) for way in ("up", "down", "unclear", "none")},
            "refusal_share": prompt.refusal_share,
            "rejection_share": prompt.rejection_share,
        }
    return told | {"units": UNITS}
