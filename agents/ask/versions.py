"""The versions of the prompts that were ever used: among how many tries a score is the best. PURE."""

import datetime as dt
import tomllib
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
from msgspec import Struct

DIGEST_CHARS = 8


class PromptVersion(Struct, frozen=True, forbid_unknown_fields=True):
    """One text of a prompt."""

    name: str
    """The prompt's name and a digest of its text, as an intent and an analysis carry it."""
    since: dt.date
    why: str


@cache
def versions() -> tuple[PromptVersion, ...]:
    """Return all versions of all prompts, oldest first."""
    told = tomllib.loads(_folder().joinpath("versions.toml").read_text(encoding="utf-8"))
    return msgspec.convert(told["version"], type=tuple[PromptVersion, ...])


def versions_of(prompt: str) -> tuple[PromptVersion, ...]:
    """Return the versions of one prompt (`deep_dive`), oldest first; the last is the one in use."""
    return tuple(one for one in versions() if one.name.rpartition("-")[0] == prompt)


@cache
def texts() -> dict[str, str]:
    """Return the prompts there are, by name."""
    found = (entry for entry in _folder().iterdir() if entry.name.endswith(".md"))
    return {
        entry.name.removesuffix(".md"): entry.read_text(encoding="utf-8")
        for entry in sorted(found, key=lambda entry: entry.name)
    }


def version_of(prompt: str, text: str) -> str:
    """Return the version of a prompt with this text."""
    return f"{prompt}-{sha256(text.encode()).hexdigest()[:DIGEST_CHARS]}"


def _folder() -> Traversable:
    return files("agents.ask").joinpath("prompts")
