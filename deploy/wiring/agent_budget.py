"""What the agent role says of its budget: what was spent, and whether anything may be sent at all."""

from agents.account.shown import Line, Shown
from agents.account.terms import PRIORITIES, Terms, Window, usable
from deploy.reporting import Part

NANO = 1e9
CLOSED_WORDS = "nothing is sent, rules answer"


class BudgetSeen:
    """The books as they were last seen, and what was wrong since."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.shown: Shown | None = None
        self.read_ms = 0
        """When that was."""
        self.wrong: str | None = "the ledger has not answered yet"

    @property
    def is_open(self) -> bool:
        """Whether the ledger answers, and its books are open."""
        return self.wrong is None and self.shown is not None and self.shown.open

    @property
    def day(self) -> Line | None:
        """The day's dollars, of all together, with the cap in force."""
        return self._all_in("day")

    def _all_in(self, window: Window) -> Line | None:
        lines = self.shown.lines if self.shown else ()
        wanted = (window, "all", "nano_usd")
        return next((li for li in lines if (li.window, li.account, li.unit) == wanted), None)

    def part(self, scope: str, terms: Terms) -> Part:
        """Return how the budget of a scope is: open, spent, or closed, in which case nothing is sent."""
        day = self.day
        settled = day.settled if day else 0
        held = day.reserved + day.charged if day else 0
        cap = (day.cap if day else terms.caps.get("day/all/nano_usd")) or 0
        state = "closed" if not self.is_open else "spent" if settled + held >= cap else "open"
        return Part(
            f"budget/{scope}",
            state,
            "; ".join(self._words(settled, held, cap, terms)),
            {"cap_nano_usd": float(cap), **self._measures(settled, held)},
        )

    def _measures(self, settled: int, held: int) -> dict[str, float]:
        """Return what the ledger told, and when; nothing before it told anything: 0 would be taken for what was spent."""
        if self.day is None:
            return {}
        hour = self._all_in("hour")
        used = hour.settled + hour.reserved + hour.charged if hour else 0
        return {
            "settled_nano_usd": float(settled),
            "reserved_nano_usd": float(held),
            "hour_nano_usd": float(used),
            "read_ms": float(self.read_ms),
        }

    def _words(self, settled: int, held: int, cap: int, terms: Terms) -> list[str]:
        spent = f"${settled / NANO:.6f}" if self.day else "an unknown part"
        words = [f"{spent} of ${cap / NANO:.2f} today"]
        if self.wrong is not None:
            words.append(f"{CLOSED_WORDS}: {self.wrong}")
        elif not self.is_open:
            words.append(f"{CLOSED_WORDS}: the books are rebuilt from the journal")
        elif usable(cap, "all", PRIORITIES[-1], terms.floor_permille) <= settled + held < cap:
            words.append("the rest is for alerts")
        for model, why in self.shown.closed_models.items() if self.shown else ():
            words.append(f"{model} is closed: {why}")
        return words
