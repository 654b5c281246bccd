"""Calls that the journal holds and nobody has told: paid for, but their process ended too early. PURE.

Whoever has the partition next comes to the same question, and takes the answer from here instead of asking again. A
call that failed counts among the sends of its candidate, which are bounded over all processes: but for the call in
flight when a process ended.
"""

from collections.abc import Callable

from agents.decide.candidate import Sent
from topics import Analysis, Decision, Intent, Result, Tally
from topics.journal import ABANDONED

CALLS_MAX = 1_000
"""Calls that nobody has told: those of the candidates under way in the workers that ended, a few dozen each."""
TOLD_MAX = 100_000
"""Attempts that were told of, of all partitions of a worker."""


class PaidCalls:
    """The tails of `analyses`, `decisions` and `journal`, of the partitions of one worker."""

    def __init__(self, calls_max: int = CALLS_MAX, told_max: int = TOLD_MAX) -> None:
        """Begin with none."""
        self.forgotten = 0
        """Of more than is kept the oldest go: such a call is made again."""
        self._calls_max, self._told_max = calls_max, told_max
        self._told: dict[str, None] = {}
        """Attempts that an analysis or decision names."""
        self._calls: dict[str, Result] = {}
        """By attempt, oldest first."""

    def __len__(self) -> int:
        """How many calls can be taken."""
        return len(self._calls)

    def take(self, entry: Analysis | Decision | Tally | Intent | Result) -> None:
        """Note what is read: in any order, any number of times."""
        match entry:
            case Analysis() | Decision():
                for attempt_id in entry.attempt_ids:
                    self._told[attempt_id] = None
                    self._calls.pop(attempt_id, None)
            case Result() if _is_paid(entry) and entry.attempt_id not in self._told:
                self._calls.setdefault(entry.attempt_id, entry)
        while len(self._told) > self._told_max:
            del self._told[next(iter(self._told))]
            self.forgotten += 1
        while len(self._calls) > self._calls_max:
            del self._calls[next(iter(self._calls))]
            self.forgotten += 1

    def pop(self, item_key: str, since_ms: int) -> Result | None:
        """Return the oldest call with a question, once; those that ended before a time are let go."""
        self._calls = {a: r for a, r in self._calls.items() if r.ended_ms >= since_ms}
        return self._first(lambda call: call.item_key == item_key)

    def pop_reading(self, asset: str, since_ms: int) -> Result | None:
        """Return the oldest question about an asset's posts that ended since a time, once.

        Which posts it was about does not matter: they were those of before the start, and will not be there again.
        """
        return self._first(
            lambda call: (
                call.excerpts is not None and call.asset == asset and call.ended_ms >= since_ms
            )
        )

    def _first(self, fits: Callable[[Result], bool]) -> Result | None:
        found = next((a for a, r in self._calls.items() if fits(r)), None)
        return None if found is None else self._calls.pop(found)


def _is_paid(result: Result) -> bool:
    """Whether a call went its way to the end; one that its own process gave up says nothing of the question.

    What was asked in a batch was asked for an evaluation, which answers no candidate.
    """
    is_of_candidate = result.batch is None
    return is_of_candidate and result.known != "released" and result.outcome != ABANDONED


def sent_of(
    result: Result,
    *,
    provider: str,
    model: str,
    prompt_version: str,
    outcome: str,
    ended_s: float = 0.0,
) -> Sent:
    """Return the send that a result came of; ``outcome`` is what the verdict makes of its answer, if it has one."""
    return Sent(
        attempt_id=result.attempt_id,
        item_key=result.item_key,
        provider=provider,
        model=model,
        prompt_version=prompt_version,
        outcome=outcome,
        ended_s=ended_s,
        usage=result.usage,
        cost_nano_usd=result.cost_nano_usd,
    )


def sent_again(intent: Intent, result: Result) -> Sent:
    """Return the send that the journal holds the two of."""
    return sent_of(
        result,
        provider=intent.provider,
        model=intent.model,
        prompt_version=intent.prompt_version,
        outcome=result.outcome,
    )
