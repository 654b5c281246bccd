"""What an operator may do from the API, the dashboard and the command: one act, one acknowledged record."""

from collections.abc import Callable
from typing import TypeVar

from topics import Control, Feedback

from . import making
from .allowance import Allowance
from .writing import ControlWriter

_A = TypeVar("_A", Control, Feedback)


class Acts:
    """Operators' acts. Whether one may act is the caller's to know; ``actor`` is whom the log names.

    Each of them may raise `TooManyActsError`, as which nothing was written.
    """

    def __init__(
        self,
        writer: ControlWriter,
        *,
        now_ms: Callable[[], int],
        allowance: Allowance | None = None,
    ) -> None:
        """Take what writes, what tells the time, and what bounds each actor.

        Without an allowance nobody is bounded: a command's user could write to the broker as well.
        """
        self._writer, self._now_ms, self._allowance = writer, now_ms, allowance

    async def acknowledge(self, alert_id: str, *, actor: str, reason: str = "seen") -> Control:
        """Say that somebody has seen an alert; return the act once the broker has acknowledged it.

        Raises:
            ActRefusedError: A part is missing or too long; nothing was written.
            TopicsError: The broker did not acknowledge it in time.
        """
        return await self._written(
            making.acknowledgement(alert_id, actor=actor, reason=reason, at_ms=self._now_ms())
        )

    async def mute(self, target: str, *, until_ms: int, actor: str, reason: str) -> Control:
        """Keep alerts of a target from being delivered until a time.

        ``target`` is `all`, `asset/BTC`, `rule/NAME` or `rule/NAME/SUBJECT`.

        Raises:
            ActRefusedError: No such target, no such time, or a part is missing; nothing was written.
            TopicsError: The broker did not acknowledge it in time.
        """
        return await self._written(
            making.mute(target, until_ms=until_ms, actor=actor, reason=reason, at_ms=self._now_ms())
        )

    async def unmute(self, target: str, *, actor: str, reason: str) -> Control:
        """Take a mute of the same target back.

        Raises:
            ActRefusedError: No such target, or a part is missing; nothing was written.
            TopicsError: The broker did not acknowledge it in time.
        """
        return await self._written(
            making.unmute(target, actor=actor, reason=reason, at_ms=self._now_ms())
        )

    async def feedback(
        self, analysis_id: str, verdict: str, *, actor: str, reason: str
    ) -> Feedback:
        """Say that an analysis is wrong or unhelpful, and why.

        Raises:
            ActRefusedError: Another verdict, or a part is missing or too long; nothing was written.
            TopicsError: The broker did not acknowledge it in time.
        """
        return await self._written(
            making.feedback(analysis_id, verdict, actor=actor, reason=reason, at_ms=self._now_ms())
        )

    async def _written(self, act: _A) -> _A:
        if self._allowance is not None:
            self._allowance.take(act.actor, self._now_ms() / 1000)
        await self._writer.write(act)
        return act
