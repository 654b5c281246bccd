"""Whether a candidate is worth another send, and when: the one owner of retries. PURE.

The answer is a function of what came of the sends so far, the time and the deadline. It does not sleep: who is told
to wait puts the candidate back into the inbox with `not_before_s`, and holds neither money nor a permit meanwhile.

=================  ==================================================================================
retry              the next step, while there is time
=================  ==================================================================================
``NEVER``          give up
``NOW_ONCE``       send, unless the candidate had one of these before
``LATER``          wait for what the server asked, and a backoff; then send
``LATER_ONCE``     the same, unless the candidate had one of these before: it may have been paid already
``OTHER_MODEL``    send to the next model of the ladder; without one give up
=================  ==================================================================================

Where the ladder has another model that can be asked now, nobody waits for the one that failed: the next send goes there
at once. That is so too where a model stays closed until somebody acts, which without another would be given up.
"""

from collections.abc import Sequence
from random import Random

from msgspec import Struct

from agents.ask.outcomes import CallOutcome, Money, Retry

PAID_MAX = 3
"""Sends of one candidate that were paid or may have been, on whatever model, about its asset's posts too."""
SENDS_MAX = 6
"""Sends of one candidate in all: those that cost nothing still cost time and pace."""
BACKOFF_S = 0.5
"""After the first send; twice as long after each further one."""
BACKOFF_S_MAX = 8.0
JITTER = 0.5
"""The backoff is shortened by up to this share, so that those who failed together do not come back together."""
ANSWER_S_MIN = 0.5
"""With less time than this before the deadline no model answers: a send would be paid for nothing. More is asked for
as soon as it is known what answers take (`patience.py`)."""


class Attempt(Struct, frozen=True):
    """One send, and what came of it."""

    outcome: CallOutcome
    ended_s: float
    """By the clock of the deadline."""
    retry_after_s: float | None = None


class Send(Struct, frozen=True):
    """Send now."""

    other_model: bool = False
    """Not to the same model again."""


class Wait(Struct, frozen=True):
    """Put it back; ask again when ``not_before_s`` has come, which is before the deadline."""

    not_before_s: float


class GiveUp(Struct, frozen=True):
    """Let the rules answer; ``reason`` is the origin reason of their analysis."""

    reason: str


Step = Send | Wait | GiveUp


def next_step(
    history: Sequence[Attempt],
    *,
    now_s: float,
    deadline_s: float,
    seed: str,
    answer_s: float = 0.0,
    other_models: int = 0,
    paid_before: int = 0,
) -> Step:
    """Return what to do with a candidate after these sends, oldest first.

    ``seed`` decides the jitter; the candidate's id makes a decision repeatable. ``answer_s`` is how long an answer
    takes, as far as one knows; ``other_models`` how many models that have not failed the candidate can be asked now;
    ``paid_before`` how many sends were paid that were no question about the candidate itself. All times are seconds of one
    clock.
    """
    if is_too_late(now_s, deadline_s, answer_s):
        return GiveUp(history[-1].outcome.name if history else "deadline")
    if not history:
        return Send()
    last = history[-1]
    moves = other_models > 0 and leaves_model(last.outcome)
    if _spent(history, moves=moves) or paid(history) + paid_before >= PAID_MAX:
        return GiveUp(last.outcome.name)
    not_before_s = last.ended_s + (0.0 if moves else _pause_s(history, seed))
    if is_too_late(not_before_s, deadline_s, answer_s):
        return GiveUp(last.outcome.name)
    if now_s < not_before_s:
        return Wait(not_before_s)
    return Send(other_model=moves)


def leaves_model(outcome: CallOutcome) -> bool:
    """Return whether what came of a send makes another model the better one to ask: this one is not well, or closed."""
    again = {Retry.LATER, Retry.LATER_ONCE, Retry.OTHER_MODEL}
    return outcome.opens or outcome.retry in again


def is_too_late(at_s: float, deadline_s: float, answer_s: float) -> bool:
    """Return whether a send at a time would be answered after a deadline, where an answer takes ``answer_s``."""
    return at_s + max(answer_s, ANSWER_S_MIN) > deadline_s


def paid(history: Sequence[Attempt]) -> int:
    """Return how many of these sends were paid, or may have been."""
    return sum(attempt.outcome.money is not Money.RELEASE for attempt in history)


def _spent(history: Sequence[Attempt], *, moves: bool) -> bool:
    """Whether nothing may be sent again, whatever time there is. ``moves``: it would go to another model."""
    retry = history[-1].outcome.retry
    alike = sum(attempt.outcome.retry is retry for attempt in history)
    once = retry in {Retry.NOW_ONCE, Retry.LATER_ONCE}
    return (
        (retry in {Retry.NEVER, Retry.OTHER_MODEL} and not moves)
        or (once and alike > 1)
        or len(history) >= SENDS_MAX
    )


def _pause_s(history: Sequence[Attempt], seed: str) -> float:
    """Return how long after its end the last send is followed by the next."""
    last = history[-1]
    if last.outcome.retry is Retry.NOW_ONCE:
        return 0.0
    backoff_s = min(BACKOFF_S * 2.0 ** (len(history) - 1), BACKOFF_S_MAX)
    jitter = Random(f"{seed}/{len(history)}").uniform(0, JITTER)  # noqa: S311 - not a secret
    return (last.retry_after_s or 0.0) + backoff_s * (1 - jitter)
