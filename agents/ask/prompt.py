"""A candidate as a request: what the model is told, and the request's identity. PURE."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.answer import narrative
from agents.answer.leaks import Confidential
from agents.answer.verdict import ANSWER_SCHEMA, Rejected, judge
from agents.answer.words import Words
from agents.ask import state
from agents.decide.candidate import Candidate
from agents.decide.context import Labels
from agents.settings import CONTEXT_TOKENS_MAX
from topics.analysis import Product

from . import versions
from .deep_dive import question_of

NAME = "deep_dive"
CANARY_CHARS = 16
"""Letters of a marker: none is met by chance."""


class AnswerSchema(Struct, frozen=True):
    """The JSON Schema that an answer must follow."""

    schema: dict[str, object]
    version: str
    """A digest of it."""
    size_bytes: int


def _answer_schema(schema: dict[str, object]) -> AnswerSchema:
    text = msgspec.json.encode(schema, order="sorted")
    return AnswerSchema(schema, sha256(text).hexdigest()[:8], len(text))


SCHEMA = _answer_schema(ANSWER_SCHEMA)
"""Of a deep dive,"""
STATE_SCHEMA = _answer_schema(narrative.NARRATIVE_SCHEMA)
"""and of a state narrative."""


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
    schema: AnswerSchema = SCHEMA
    """What the answer must follow."""
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


def version_of(text: str, name: str = NAME) -> str:
    """Return the version of a prompt: its name and a digest of its text."""
    return versions.version_of(name, text)


@cache
def state_version() -> str:
    """Return the version of the prompt of a state narrative."""
    return version_of(state.system_text(), state.NAME)


def prompt_of(
    candidate: Candidate,
    model: str,
    context_tokens_max: int = CONTEXT_TOKENS_MAX,
    system: str | None = None,
) -> Prompt:
    """Return what to ask about a candidate; what a deep dive tells of its asset has at most so many tokens.

    ``system`` is another text to be tried in the place of a deep dive's own.
    """
    if candidate.product == "state":
        return state_prompt_of(candidate.labels, model)
    question = question_of(candidate, context_tokens_max)
    text = system_text() if system is None else system
    prompt = _asking("deep_dive", question.asked, (text, version_of(text)), SCHEMA, model)
    return replace(prompt, slots=question.slots)


def state_prompt_of(labels: Labels, model: str) -> Prompt:
    """Return what to ask about a state, whatever asset is in it: all of them have one item key."""
    system = (state.system_text(), state_version())
    return _asking("state", state.asked_of(labels), system, STATE_SCHEMA, model)


def _asking(
    product: Product,
    asked: dict[str, object],
    system: tuple[str, str],
    schema: AnswerSchema,
    model: str,
) -> Prompt:
    """Return a prompt; ``system`` is its text and version."""
    text, prompt = system
    key = item_key(product, _text(asked), prompt, schema.version, model)
    canary = canary_of(key)
    return Prompt(text, _text({"marker": canary, **asked}), prompt, key, canary, schema)


def verdict_of(answer: str, candidate: Candidate, prompt: Prompt) -> Words | Rejected:
    """Return the words of an answer to a question about a candidate, or why they cannot be used."""
    if candidate.product == "state":
        made = narrative_of(answer, candidate.labels, prompt)
        return made if isinstance(made, Rejected) else narrative.render(made, candidate)
    return judge(answer, candidate, _secrets(prompt), told=prompt.slots)


def narrative_of(answer: str, labels: Labels, prompt: Prompt) -> narrative.Narrative | Rejected:
    """Return the narrative in an answer to a question about a state, or why no asset can use it."""
    return narrative.judge(answer, labels, _secrets(prompt))


def _secrets(prompt: Prompt) -> Confidential:
    return Confidential(canary=prompt.canary, instructions=prompt.system)


def canary_of(key: str) -> str:
    """Return a question's marker: 16 small letters, of the digest of its key. Letters, as a digit needs no marker."""
    digest = sha256(f"canary/{key}".encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:CANARY_CHARS])


def _text(asked: dict[str, object]) -> str:
    return msgspec.json.encode(asked).decode()


def item_key(product: str, user: str, prompt: str, schema: str, model: str) -> str:
    """Return the identity of a question; ``prompt`` and ``schema`` are versions, which digest their texts."""
    return sha256(msgspec.json.encode([product, user, prompt, schema, model])).hexdigest()
