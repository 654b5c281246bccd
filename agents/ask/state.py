"""What the model is told of a state: its words, and the slots it may use. No asset, no number. PURE."""

from functools import cache
from importlib.resources import files

from agents.answer.narrative import SYMBOL, slots_for
from agents.decide.context import Labels

NAME = "state"


@cache
def system_text() -> str:
    """Return the system prompt."""
    return files("agents.ask").joinpath(f"prompts/{NAME}.md").read_text(encoding="utf-8")


def asked_of(labels: Labels) -> dict[str, object]:
    """Return the question: a function of the words alone, so that all assets in a state are asked about by one."""
    slots = [{"slot": SYMBOL.strip("{}"), "label": "the asset's name"}]
    for slot in slots_for(labels):
        slots.append({"slot": slot.name, "of": slot.of, "label": slot.words})
        if slot.has_usual:
            usual = {"slot": f"{slot.name}.usual", "of": slot.of, "label": "what is usual of it"}
            slots.append(usual)
    return {"state": dict(labels), "slots": slots}
