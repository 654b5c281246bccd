"""The excerpts of one asset as a request: a system prompt that never changes, and the posts as marked JSON. PURE."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec import Struct

from agents.ask.prompt import AnswerSchema, Prompt, item_key

from .reading import SCHEMA, SCHEMA_BYTES, SCHEMA_VERSION

NAME = "excerpts"
MARK_CHARS = 4
"""Letters of a mark: one guess in half a million hits it, and a hit gains nothing by itself."""


class Question(Struct, frozen=True, kw_only=True):
    """What is sent, and what it is called. No tools are sent along, and one request has one asset."""

    system: str
    user: str
    version: str
    item_key: str
    """SHA-256 of asset and excerpts, prompt, schema and model: without the mark, which is another each time."""
    asked: int
    """How many excerpts it has: no count of an answer is larger."""


@cache
def system_text() -> str:
    """Return the system prompt."""
    return files("agents.ask").joinpath(f"prompts/{NAME}.md").read_text(encoding="utf-8")


@cache
def version() -> str:
    """Return the prompt's version: its name and a digest of its text."""
    return f"{NAME}-{sha256(system_text().encode()).hexdigest()[:8]}"


def question_of(asset: str, excerpts: tuple[str, ...], model: str, nonce: str) -> Question:
    """Return what to ask about an asset's excerpts.

    ``nonce`` is this request's own, and nobody else knows it: the mark between the words follows from it, so that no post
    can hold it (datamarking; Hines et al. 2024, "Defending Against Indirect Prompt Injection Attacks With Spotlighting").
    """
    plain = _text({"asset": asset, "excerpts": list(excerpts)})
    key = item_key(NAME, plain, version(), SCHEMA_VERSION, model)
    mark = mark_of(nonce, key)
    marked = [mark.join(text.split()) for text in excerpts]
    user = _text({"asset": asset, "mark": mark, "excerpts": marked})
    return Question(
        system=system_text(), user=user, version=version(), item_key=key, asked=len(excerpts)
    )


def prompt_of(question: Question) -> Prompt:
    """Return the same as a model's port takes it."""
    schema = AnswerSchema(SCHEMA, SCHEMA_VERSION, SCHEMA_BYTES)
    return Prompt(
        question.system, question.user, question.version, question.item_key, schema=schema
    )


def mark_of(nonce: str, key: str) -> str:
    """Return the mark of a request: a caret on either side of small letters."""
    digest = sha256(f"mark/{nonce}/{key}".encode()).digest()
    return f"^{''.join(chr(ord('a') + byte % 26) for byte in digest[:MARK_CHARS])}^"


def _text(asked: dict[str, object]) -> str:
    return msgspec.json.encode(asked).decode()
