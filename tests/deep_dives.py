"""Three deep dives of the fake beside what the rules say of the same candidates.

    python -m tests.deep_dives [--trial N]

The fake's words are a stand-in: what is shown is what it is asked, that an answer names what it must, and what the rules
say in its place. `--trial 400` asks about so many markets at random instead, without a server: how many answers are
thrown away as incomplete if the same words name facts at random, and if they heed what the question notes.
"""

import asyncio
import json
import sys
from collections import Counter
from random import Random
from textwrap import fill

from msgspec.structs import replace

from agents.answer.anomalies import anomalies_of
from agents.answer.reading import told_of
from agents.answer.rules import analyse
from agents.answer.thorough import MUST_TELL
from agents.answer.verdict import Rejected
from agents.ask.claude import Claude
from agents.ask.prompt import prompt_of, verdict_of
from agents.decide.candidate import Candidate
from agents.fake_claude.dice import Dice
from agents.fake_claude.prose import facts_of, headline, missing_of, text
from tests.unit.agents.answer.moments import RISE, larger, minutes, moment, posts, scored
from tests.unit.agents.answer.situations import SITUATIONS
from tests.unit.agents.ask.golden import earlier
from tests.unit.agents.serving import fake_claude, url_of

MODEL = "claude-haiku-5-5"
SEED, SCORED_SHARE, POSTED_SHARE = 7, 0.5, 0.7
"""Of the markets at random: how many have scores, and posts."""
UNDECIDED = {"confidence": "low", "outlook": "unclear", "outlook_strength": "none"}
SHOWN: dict[str, Candidate] = {
    "crash with scores": earlier(SITUATIONS["crash with scores"], SITUATIONS["quiet"]),
    "rise on thin volume": RISE,
    "holed and silent": SITUATIONS["holed and silent"],
}


async def main() -> None:
    """Ask, and print."""
    async with fake_claude() as wire:
        model = Claude(provider="anthropic", name=MODEL, base_url=url_of(wire), api_key="key")
        try:
            for name, made in SHOWN.items():
                say(await shown(model, name, made))
        finally:
            await model.close()


async def shown(model: Claude, name: str, made: Candidate) -> str:
    """Return what is asked of a candidate, what the fake says, and what the rules say."""
    prompt = prompt_of(made, MODEL)
    reply = await model.ask(prompt, attempt_id="a/1-1", output_tokens_max=1_500, timeout_s=20)
    verdict = verdict_of(reply.text or "", made, prompt)
    if isinstance(verdict, Rejected):
        said = f"rejected: {verdict.reason} ({verdict.message})"
    else:
        said = f"{verdict.headline}\n{fill(verdict.text, 110)}"
    told, rules = json.loads(prompt.user), analyse(made)
    notes = [
        f"  {note}: {line}"
        for note in ("changed", "unusual", "contradicts")
        for line in told[note] or ["-"]
    ]
    notes += [f"  missing: {line}" for line in told["data"]["missing"]]
    return "\n".join(
        (
            f"=== {name}: {', '.join(made.reasons)}, {len(told['facts'])} facts",
            *notes,
            f"--- the model (simulated, {prompt.version})",
            said,
            "--- rules",
            f"{rules.headline}\n{fill(rules.text, 110)}\n",
        )
    )


def trial(count: int) -> str:
    """Return what becomes of answers about markets at random."""
    chance, due = Random(SEED), 0
    became = {"facts at random": Counter[str](), "notes heeded": Counter[str]()}
    for number in range(count):
        made = any_market(chance)
        prompt = prompt_of(made, MODEL)
        body = {"messages": [{"role": "user", "content": prompt.user}]}
        told, missing = facts_of(body), missing_of(body)
        due += any(found.unusual >= MUST_TELL for found in anomalies_of(told_of(made.facts)))
        for how, facts in (
            ("facts at random", [replace(fact, note="") for fact in told]),
            ("notes heeded", told),
        ):
            dice = Dice(str(number).encode())
            answer = {"headline": headline(facts, dice), "text": text(facts, dice, missing)}
            verdict = verdict_of(json.dumps(answer | UNDECIDED), made, prompt)
            reason = verdict.reason if isinstance(verdict, Rejected) else "answered"
            became[how][reason] += 1
    lines = [f"{how}: {dict(sorted(counts.items()))}" for how, counts in became.items()]
    return "\n".join((f"{due} of {count} markets have something that must be named", *lines))


def any_market(chance: Random) -> Candidate:
    """Return a candidate of some market: moves of some percent, volumes and posts of several times the usual or less."""
    log = minutes(_move(chance), 10 * _multiple(chance))
    if chance.random() < SCORED_SHARE:
        move, volume = (chance.gauss(0, 6), 0.0001), (chance.gauss(0, 6), 11.0)
        log[-1] = scored(log[-1], log_return=move, volume=volume)
    log += larger(_move(chance), _move(chance))
    if chance.random() < POSTED_SHARE:
        log += posts(int(10 * _multiple(chance)), chance.uniform(-0.8, 0.8))
    return moment(*log, reasons=("price_drop",))


def _move(chance: Random) -> float:
    """Return a last price, from 100."""
    return 100 * (1 + chance.gauss(0, 0.02))


def _multiple(chance: Random) -> float:
    return float(2 ** chance.gauss(0.5, 2))


def say(words: str) -> None:
    """Print."""
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--trial"]:
        say(trial(int(sys.argv[2])))
    else:
        asyncio.run(main())
