"""Who runs what, where several workers share the tests of a run."""

from pathlib import PurePosixPath
from typing import Any

from xdist.scheduler import LoadScopeScheduling

TIMED = frozenset({"test_bench.py", "test_demo.py", "test_latency.py"})
"""Modules that say how long things take."""
LANES = 2
"""Workers that may run what starts servers and has patience: more of it at once is more than two cores do in time."""
HARM, PATIENT, UNIT, LAST = "harm", "patient", "unit", "timed"
"""Processes are harmed, or contracts held by other programs; real servers are used; neither; time is measured."""
ORDERS = ((HARM, PATIENT, LAST, UNIT), (PATIENT, HARM, LAST, UNIT))
"""What each lane takes first: while both sorts last, one of each runs."""


def sort_of(scope: str) -> str:
    """Return what sort of tests a scope has: the id of a unit test, a module's path, or all that is timed."""
    path = PurePosixPath(scope.partition("::")[0])
    if path.name in TIMED or scope == LAST:
        return LAST
    folder = path.parts[1] if len(path.parts) > 1 else ""
    return {"unit": UNIT, "hostile": UNIT, "integration": PATIENT}.get(folder, HARM)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped
    """Unit tests go one by one to whoever is free; modules of all others go to two workers, whichever has time.

    What is timed comes when all of those are given out, and to one worker alone.
    """

    def __init__(self, config: Any, log: Any = None) -> None:
        super().__init__(config, log)
        self._gone: set[str] = set()
        """Sorts of which nothing waits any more."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        sort = sort_of(module)
        if sort == LAST:
            return LAST
        return nodeid if sort == UNIT else module

    def _assign_work_unit(self, node: Any) -> None:
        """Give a worker the first that is for it, and forget what it has done: counting it costs ever more."""
        scope = self._next_for(node)
        assert scope is not None
        self.workqueue.move_to_end(scope, last=False)
        mine = self.assigned_work[node]
        for done in [name for name, unit in mine.items() if all(unit.values())]:
            del mine[done]
        super()._assign_work_unit(node)

    def _reschedule(self, node: Any) -> None:
        if self.workqueue and self._next_for(node) is None and not node.shutting_down:
            # Nothing that is left is for it; it waits for more before it runs its last.
            node.shutdown()
            return
        super()._reschedule(node)

    def remove_node(self, node: Any) -> str | None:
        """Put back what a dead worker has not done."""
        self._gone.clear()
        crashed: str | None = super().remove_node(node)
        return crashed

    def _next_for(self, node: Any) -> str | None:
        """Return the first scope of the first sort that a worker is for; None if there is nothing for it."""
        lane = self.nodes.index(node)
        for sort in ORDERS[lane] if lane < LANES else (UNIT,):
            if sort in self._gone:
                continue
            waiting = (scope for scope in self.workqueue if sort_of(scope) == sort)
            found: str | None = next(waiting, None)
            if found is not None:
                return found
            self._gone.add(sort)  # or each of thousands of tests would be looked at anew
        return None
