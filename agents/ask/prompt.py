"""A candidate as a request: what the model is told, and the request's identity. PURE."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec import Struct

from agents.answer.verdict import ANSWER_SCHEMA
from agents.decide.candidate import Candidate
from agents.decide.facts import label_of, printed, slots_of
from topics import Fact

NAME = "deep_dive"
_SCHEMA = msgspec.json.encode(ANSWER_SCHEMA, order="sorted")
SCHEMA_BYTES = len(_SCHEMA)
SCHEMA_VERSION = sha256(_SCHEMA).hexdigest()[:8]


class Prompt(Struct, frozen=True):
    """What is sent, and what it is called."""

    system: str
    user: str
    version: str
    item_key: str
    """SHA-256 of product, input, prompt, schema and model: the same question has the same key."""


@cache
def system_text() -> str:
    """Return the system prompt."""
    return files("agents.ask").joinpath(f"prompts/{NAME}.md").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Return the prompt's version."""
    return version_of(system_text())


def version_of(text: str) -> str:
    """Return the version of a prompt: its name and a digest of its text."""
    return f"{NAME}-{sha256(text.encode()).hexdigest()[:8]}"


def prompt_of(candidate: Candidate, model: str) -> Prompt:
    """Return what to ask about a candidate."""
    user = msgspec.json.encode(
        {
            "asset": candidate.asset,
            "reasons": list(candidate.reasons),
            "facts": [_told(slot, fact) for slot, fact in slots_of(candidate.facts).items()],
            "data": {
                "completeness": candidate.quality.completeness,
                "words": candidate.quality.words or "nothing known to be missing",
            },
        }
    ).decode()
    key = item_key(candidate.product, user, version(), SCHEMA_VERSION, model)
    return Prompt(system_text(), user, version(), key)


def item_key(product: str, user: str, prompt: str, schema: str, model: str) -> str:
    """Return the identity of a question; ``prompt`` and ``schema`` are versions, which digest their texts."""
    return sha256(msgspec.json.encode([product, user, prompt, schema, model])).hexdigest()


def _told(slot: str, fact: Fact) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "slot": slot,
        "label": label_of(fact),
        "value": printed(fact),
    }
    if fact.baseline is not None:
        usual = msgspec.structs.replace(fact, value=fact.baseline)
        told |= {"usual": printed(usual), "windows": fact.sample_size}
    return told
