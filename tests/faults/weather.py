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
_SILENCING: tuple[Fault, ...] = ("rate_limited", "spend_limited")
"""After these nothing is asked for a while: they come last in their span."""
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
        return ", ".join(dict.fromkeys(step["fault"] for step in self.steps)) or "healthy"


def forecast(seed: str, seconds: float) -> list[Span]:
    """Return the spans of a run: health and faults by turns, then health, an outage, and health to the end."""
    dice, spans, deck = random.Random(f"weather {seed}"), list[Span](), list[Fault]()
    left_s = seconds - HEALTHY_S[0] - OUTAGE_S - HEALED_S
    while left_s >= HEALTHY_S[0] + FAULTY_S[0]:
        healthy_s = dice.uniform(HEALTHY_S[0], min(HEALTHY_S[1], left_s - FAULTY_S[0]))
        faulty_s = dice.uniform(FAULTY_S[0], min(FAULTY_S[1], left_s - healthy_s))
        if len(deck) < AT_ONCE:
            deck = [*dice.sample(FAULTS, len(FAULTS)), *deck]
        those = sorted((deck.pop() for _ in range(AT_ONCE)), key=_SILENCING.__contains__)
        spans += [Span(healthy_s), Span(faulty_s, _shared(those, dice))]
        left_s -= healthy_s + faulty_s
    outage = {"requests": [1, None], "fault": "overloaded"}
    return [*spans, Span(left_s + HEALTHY_S[0]), Span(OUTAGE_S, (outage,)), Span(HEALED_S)]


def _shared(faults: list[Fault], dice: random.Random) -> tuple[Step, ...]:
    """Return steps by which each fault hits one of the first requests, and the same share of the others."""
    told = [{"fault": fault, **_manner(fault, dice)} for fault in faults]
    firsts = [{"requests": [at, at], **step} for at, step in enumerate(told, start=1)]
    shares: list[Step] = [{"probability": 1 / left} for left in range(len(told), 1, -1)]
    rest = [
        {"requests": [1, None], **step, **share}
        for step, share in zip(told, [*shares, {}], strict=True)
    ]
    return (*firsts, *rest)


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
