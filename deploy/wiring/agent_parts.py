"""What the agent role says of itself."""

from agents.ask.breaker import CircuitBreaker
from agents.ask.breakers import Breakers, words_of
from agents.cache.narratives import NarrativeCache
from agents.desk import Desk, Seat
from agents.metrics import AGENT
from agents.settings import AgentSettings
from agents.worker import Worker
from deploy.reporting import Part, part_name

from .agent_budget import NANO, BudgetSeen

PRODUCTS = {"state": "states", "deep_dive": "deep dives"}
"""What the model may be asked for, in words."""
HINDRANCES = {
    "breaker_open": "its breaker is open",
    "quality_open": "too many of its answers could not be used",
    "paced": "its pace is used up",
    "rate_limited": "it asked for silence",
    "budget_spent": "its own cap is reached, or it is closed",
    "busy": "as many calls are in flight as may be",
}
"""Why a model is not asked now, in words; what is not among them is the outcome of its last call."""
CACHES = {
    "own": "of this process alone",
    "shared": "shared through Redis",
    "away": "its Redis does not answer: each process asks for itself",
}
"""What is shared of what was said of states, in words."""
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
    for seat in desk.seats:
        AGENT.concurrency.labels(seat.label).set(seat.slots.allowed)
    AGENT.ledger_untold.set(desk.books.untold)
    AGENT.ledger_dropped.set(desk.books.dropped)
    AGENT.ledger_overruns.set(desk.books.overruns)
    AGENT.ledger_open.set(budget.is_open)
    if budget.day is not None:
        AGENT.spent_usd.set(budget.day.settled / NANO)
    if len(desk.seats) > 1:
        parts += [model_part(seat, now_s, is_first=seat is desk.primary) for seat in desk.seats]
    parts += [breaker_part(name, breaker, now_s) for name, breaker in breakers]
    if worker.analyst.cache is not None:
        parts.append(cache_part(worker.analyst.cache))
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


def cache_part(cache: NarrativeCache) -> Part:
    """Return how what was said of states is kept."""
    words = f"{cache.entries} in memory, {CACHES[cache.state]}"
    numbers = {"entries": float(cache.entries), "waiting": float(cache.waiting)}
    return Part("cache", cache.state, words, numbers)


def model_part(seat: Seat, now_s: float, *, is_first: bool) -> Part:
    """Return how one of several models is: whether it can be asked, and how busy it is."""
    # Of the product it can be asked for, if there is one.
    hindrances = [seat.hindrance(now_s, product) for product in sorted(seat.products)]
    hindrance = None if None in hindrances else next(iter(hindrances), None)
    words = "asked first" if is_first else "asked where those before it cannot be"
    if hindrance is not None:
        words += f"; not now: {HINDRANCES.get(hindrance, hindrance)}"
    return Part(
        part_name(f"model/{seat.label}"),
        hindrance or "ready",
        words,
        {"in_flight": float(seat.slots.in_flight), "allowed": float(seat.slots.allowed)},
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
    model = desk.primary.label
    if settings.model.simulated:
        model += " (simulated)"
    if not asked:
        return f"rules answer: {model} is asked for nothing"
    told = f"{model} answers {' and '.join(asked)}" + (f", rules {rest[0]}" if rest else "")
    spares = [seat.label for seat in desk.seats[1:]]
    return told + (f"; in its place {', '.join(spares)}" if spares else "")
