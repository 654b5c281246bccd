"""What the agent role says of itself."""

from agents.ask.breaker import CircuitBreaker
from agents.ask.breakers import Breakers, words_of
from agents.desk import Desk
from agents.metrics import AGENT
from agents.settings import AgentSettings
from agents.worker import Worker
from deploy.reporting import Part

from .agent_budget import NANO, BudgetSeen

PRODUCTS = {"state": "states", "deep_dive": "deep dives"}
"""What the model may be asked for, in words."""
WAITS = "; reading waits until the brokers have taken what is written"


def agent_parts(
    worker: Worker,
    settings: AgentSettings,
    breakers: Breakers,
    budget: BudgetSeen,
    now_s: float,
) -> list[Part]:
    """Return the role as a whole, the breakers and the budget."""
    desk = worker.analyst.desk
    AGENT.paused.set(worker.paused)
    AGENT.backlog.set(worker.backlog)
    AGENT.unfinished.set(worker.unfinished)
    parts = [
        Part(
            "role",
            "running" if worker.ready else "starting",
            _asking(desk, settings) + _uncached(desk) + (WAITS if worker.paused else ""),
            {
                "waiting": float(len(worker.inbox)),
                "calls_in_flight": float(worker.calls_in_flight),
                "unfinished": float(worker.unfinished),
            },
        )
    ]
    if desk is None:
        return parts
    breakers.count()
    AGENT.concurrency.set(desk.slots.allowed)
    AGENT.ledger_untold.set(desk.books.untold)
    AGENT.ledger_dropped.set(desk.books.dropped)
    AGENT.ledger_overruns.set(desk.books.overruns)
    AGENT.ledger_open.set(budget.is_open)
    if budget.day is not None:
        AGENT.spent_usd.set(budget.day.settled / NANO)
    parts += [breaker_part(name, breaker, now_s) for name, breaker in breakers]
    parts.append(budget.part(settings.budget.scope, desk.ledger.terms))
    return parts


def breaker_part(name: str, breaker: CircuitBreaker, now_s: float) -> Part:
    """Return how a breaker is."""
    tally = breaker.tally(now_s)
    return Part(
        name,
        breaker.state.value,
        words_of(breaker, now_s),
        {
            "transitions": float(breaker.transitions),
            "rejected": float(breaker.rejected),
            "probes_in_flight": float(breaker.probes_in_flight),
            "window_calls": float(tally.calls),
            "window_failures": float(tally.failures),
            "window_slow": float(tally.slow),
        },
    )


def _uncached(desk: Desk | None) -> str:
    """Return that the provider does not cache our prompts, where it does not."""
    return f"; {desk.cached.words()}" if desk is not None and desk.cached.lost else ""


def _asking(desk: Desk | None, settings: AgentSettings) -> str:
    """Return who answers what."""
    if desk is None:
        return "rules answer: no model is configured"
    asked = [words for name, words in PRODUCTS.items() if name in settings.model.products]
    rest = [words for words in PRODUCTS.values() if words not in asked]
    model = f"{desk.model.provider}/{desk.model.name}"
    if settings.model.simulated:
        model += " (simulated)"
    if not asked:
        return f"rules answer: {model} is asked for nothing"
    return f"{model} answers {' and '.join(asked)}" + (f", rules {rest[0]}" if rest else "")
