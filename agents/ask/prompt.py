"""A candidate as a request: what the model is told, and the request's identity. PURE."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec import Struct

from agents.answer.leaks import Confidential
from agents.answer.verdict import ANSWER_SCHEMA, Rejected, judge
from agents.answer.words import Words
from agents.decide.candidate import Candidate
from agents.settings import CONTEXT_TOKENS_MAX

from . import versions
from .deep_dive import question_of

NAME = "deep_dive"
CANARY_CHARS = 16
"""Letters of a marker: none is met by chance."""
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
    canary: str = ""
    """The marker in the question that no answer may hold. It follows from the key, so a replay has the same.

    It stands in the user's message, because the system prompt must stay the same to be cached by the provider; that the
    system prompt itself does not come back is seen by its words (`agents.answer.leaks`).
    """
    slots: tuple[str, ...] | None = None
    """Those that the answer may use, of the facts that are told; None: of all the candidate has."""


@cache
def system_text() -> str:
    """Return the system prompt."""
    return files("agents.ask").joinpath(f"prompts/{NAME}.md").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Return the prompt's version."""
    return version_of(system_text())


def version_of(text: str) -> str:
    """Return the version of a deep dive's prompt: its name and a digest of its text."""
    return versions.version_of(NAME, text)


def prompt_of(
    candidate: Candidate, model: str, context_tokens_max: int = CONTEXT_TOKENS_MAX
) -> Prompt:
    """Return what to ask about a candidate, its own part in at most so many tokens."""
    question = question_of(candidate, context_tokens_max)
    key = item_key(candidate.product, _text(question.asked), version(), SCHEMA_VERSION, model)
    canary = canary_of(key)
    user = _text({"marker": canary, **question.asked})
    return Prompt(system_text(), user, version(), key, canary, question.slots)


def verdict_of(answer: str, candidate: Candidate, prompt: Prompt) -> Words | Rejected:
    """Return the words of an answer to a question about a candidate, or why they cannot be used."""
    secrets = Confidential(canary=prompt.canary, instructions=prompt.system)
    return judge(answer, candidate, secrets, told=prompt.slots)


def canary_of(key: str) -> str:
    """Return a question's marker: 16 small letters, of the digest of its key. Letters, as a digit needs no marker."""
    digest = sha256(f"canary/{key}".encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:CANARY_CHARS])


def _text(asked: dict[str, object]) -> str:
    return msgspec.json.encode(asked).decode()


def item_key(product: str, user: str, prompt: str, schema: str, model: str) -> str:
    """Return the identity of a question; ``prompt`` and ``schema`` are versions, which digest their texts."""
    return sha256(msgspec.json.encode([product, user, prompt, schema, model])).hexdigest()
