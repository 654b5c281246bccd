"""Recorded candidates as questions to be asked in a batch: each question once, whoever has it. PURE."""

from collections.abc import Iterable

import msgspec
from msgspec import Struct

from agents.ask.prompt import Prompt, prompt_of
from agents.decide.candidate import Candidate

AROUND_BYTES = 1_000
"""Names, ids and settings of one request."""


class Decided(Struct, frozen=True):
    """A candidate as it was when it was decided on."""

    candidate: Candidate
    decided_ms: int


class Item(Struct, frozen=True):
    """One question, and the candidates that it is about: what is told of them is the same."""

    prompt: Prompt
    decided: tuple[Decided, ...]

    @property
    def key(self) -> str:
        """Its item key."""
        return self.prompt.item_key

    @property
    def size_bytes(self) -> int:
        """What it takes at least of a request."""
        prompt = self.prompt
        return len(prompt.system.encode()) + len(prompt.user.encode()) + prompt.schema.size_bytes

    @property
    def body_bytes(self) -> int:
        """What it takes of a request's body, where texts are escaped, with what is around them."""
        texts = msgspec.json.encode((self.prompt.system, self.prompt.user))
        return len(texts) + self.prompt.schema.size_bytes + AROUND_BYTES


def items_of(
    decided: Iterable[Decided], model: str, *, context_tokens_max: int, system: str | None = None
) -> list[Item]:
    """Return the questions of some candidates, in the order of the first that has each."""
    prompts: dict[str, Prompt] = {}
    having: dict[str, list[Decided]] = {}
    for one in decided:
        prompt = prompt_of(one.candidate, model, context_tokens_max, system)
        prompts.setdefault(prompt.item_key, prompt)
        having.setdefault(prompt.item_key, []).append(one)
    return [Item(prompt, tuple(having[key])) for key, prompt in prompts.items()]
