"""Operators' acts: how they are made, how many, and what they mean now. All pure.

What writes them is imported by name: `streams.serving.acts.acting.Acts`, `streams.serving.acts.writing.ControlWriter`.
"""

from .allowance import Allowance, TooManyActsError
from .making import (
    MUTE_MS_MAX,
    REASON_CHARS_MAX,
    VERDICTS,
    Act,
    ActRefusedError,
    Verdict,
    check_target,
)
from .standing import StandingActs, targets_of

__all__ = [
    "MUTE_MS_MAX",
    "REASON_CHARS_MAX",
    "VERDICTS",
    "Act",
    "ActRefusedError",
    "Allowance",
    "StandingActs",
    "TooManyActsError",
    "Verdict",
    "check_target",
    "targets_of",
]
