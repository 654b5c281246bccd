"""Three deep dives of the fake beside what the rules say of the same candidates.

    nice python -m tests.deep_dives

The fake's words are a stand-in: what is shown is what it is asked, that an answer names what it must, and what the rules
say in its place.
"""

import asyncio
import json
import sys
from textwrap import fill

from agents.answer.rules import analyse
from agents.answer.verdict import Rejected
from agents.ask.claude import Claude
from agents.ask.prompt import prompt_of, verdict_of
from agents.decide.candidate import Candidate
from tests.unit.agents.answer.moments import RISE
from tests.unit.agents.answer.situations import SITUATIONS
from tests.unit.agents.ask.golden import earlier
from tests.unit.agents.serving import fake_claude, url_of

MODEL = "claude-haiku-5-5"
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


def say(text: str) -> None:
    """Print."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    asyncio.run(main())
