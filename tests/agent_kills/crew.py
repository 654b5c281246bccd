"""Processes of the agent role, and what they are told to do at which step."""

from pathlib import Path
from typing import Any

from tests.kills.crew import Worker
from topics.broker import BrokerSettings

from .briefing import Briefing


class Agent(Worker):
    """One instance: the same name after each restart."""

    MODULE = "tests.agent_kills.agent"

    def __init__(
        self,
        name: str,
        broker: BrokerSettings,
        folder: Path,
        agent: dict[str, Any],
        *,
        backlog_max: int | None = None,
    ) -> None:
        """``agent`` is its branch of the settings."""
        super().__init__(name, broker, folder)
        del self._settings["streams"]
        self._settings["agent"] = agent
        self._hold = self._order.with_suffix(".hold")
        self._backlog_max = backlog_max

    def _briefing(self) -> Briefing:
        return Briefing(
            settings=self._settings,
            told=str(self.told),
            order=str(self._order),
            hold=str(self._hold),
            backlog_max=self._backlog_max,
            defect=self.defect,
        )

    @property
    def working(self) -> bool:
        """Whether the process that runs now has partitions, or knows that there is none for it."""
        return self.came_to("assigned")

    def hold_at(self, step: str) -> None:
        """Let it wait at its next step of that name until it is released."""
        self._hold.touch()
        self.order("hold", step)

    def release(self) -> None:
        """Let it go on."""
        self._hold.unlink(missing_ok=True)

    def forgive(self) -> None:
        """Take an order back."""
        super().forgive()
        self.release()

    def has_since(self, step: str, since_s: float) -> bool:
        """Whether it has told a step since a time."""
        return any(told.what == step and told.at_s > since_s for told in self.steps())

    def times(self, step: str) -> list[float]:
        """Return when it told a step, by all its processes."""
        return [told.at_s for told in self.steps() if told.what == step]
