"""What the fake Claude does wrong, and when: spans of faults by a seed, with healthy ones between. PURE."""

import random
from typing import Any, get_args

from msgspec import Struct

from agents.fake_claude.answers import RefusalCategory
from agents.fake_claude.errors import LimitCode
from agents.fake_claude.faults import FAULTS, Fault

HEALTHY_S, FAULTY_S = (4.0, 8.0), (6.0, 10.0)
AT_ONCE = 3
"""Faults of one span, each a share of its requests: short runs have all of them too."""
OUTAGE_S = 9.0
"""The last span of faults, in which nothing is answered: the breaker has opened, tried and opened again by its end."""
HEALED_S = 20.0
"""The end of a run, without faults."""
RETRY_AFTER_S = 8
"""A long time to be asked to wait: most of a candidate's."""
DELAY_S = 3.0
"""Slow, and still in time."""

Step = dict[str, Any]


class Span(Struct, frozen=True):
    """Some seconds, and the script that is played in them; an empty one is health."""

    seconds: float
    steps: tuple[Step, ...] = ()

    @property
    def words(self) -> str:
        """What it is, for one who watches."""
        return ", ".join(step["fault"] for step in self.steps) or "healthy"


def forecast(seed: str, seconds: float) -> list[Span]:
    """Return the spans of a run: faults and health by turns, then an outage, then health to the end."""
    dice, spans, deck = random.Random(f"weather {seed}"), list[Span](), list[Fault]()
    left_s = seconds - OUTAGE_S - HEALED_S
    while left_s > HEALTHY_S[1]:
        healthy_s = dice.uniform(*HEALTHY_S)
        faulty_s = min(dice.uniform(*FAULTY_S), left_s - healthy_s)
        while len(deck) < AT_ONCE:
            deck = [*dice.sample(FAULTS, len(FAULTS)), *deck]
        those = [deck.pop() for _ in range(AT_ONCE)]
        spans += [Span(healthy_s), Span(faulty_s, _shared(those, dice))]
        left_s -= healthy_s + faulty_s
    outage = {"requests": [1, None], "fault": "overloaded"}
    return [*spans, Span(max(0.0, left_s)), Span(OUTAGE_S, (outage,)), Span(HEALED_S)]


def _shared(faults: list[Fault], dice: random.Random) -> tuple[Step, ...]:
    """Return steps by which each fault hits the same share of the requests."""
    steps = []
    for at, fault in enumerate(faults):
        left = len(faults) - at
        share: Step = {} if left == 1 else {"probability": 1 / left}
        steps.append({"requests": [1, None], "fault": fault, **share, **_manner(fault, dice)})
    return tuple(steps)


def _manner(fault: Fault, dice: random.Random) -> Step:
    match fault:
        case "rate_limited":
            return {"retry_after_s": RETRY_AFTER_S}
        case "slow" | "slow_stream":
            return {"delay_s": DELAY_S}
        case "spend_limited":
            return {"code": dice.choice(get_args(LimitCode)), "retry_after_s": 5}
        case "error":
            return {"status": dice.choice((500, 502, 503, 504))}
        case "refusal":
            return {"category": dice.choice((None, *get_args(RefusalCategory)))}
        case _:
            return {}
