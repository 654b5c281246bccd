"""Why settings are refused, in words that show no secret: PURE."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError

from topics import SettingsError

SHOWN_CHARS_MAX = 80
"""Of a refused value."""
_SECRET_WORDS = ("key", "password", "secret", "token")
_OF_A_BRANCH = {"model_type", "model_attributes_type", "dict_type"}
"""Errors whose input stands for a whole branch, in which there may be secrets."""
_CREDENTIALS = re.compile(r"(?<=://)\S+(?=@)")
"""To the last @ of the word: a password that is not written as it must be may hold a slash or an @ itself."""


def refuse(*lines: str) -> NoReturn:
    """Raise the error that says all of this.

    Raises:
        SettingsError: Always.
    """
    raise SettingsError("\n  ".join(["settings refused:", *lines])) from None


def without_credentials(text: str) -> str:
    """Return text with what stands before the @ of its URLs hidden."""
    return _CREDENTIALS.sub("***", text)


def refuse_unknown(settings: type[BaseModel], keys: Iterable[str], *, prefix: str) -> None:
    """Refuse every key that names no setting: ignored, it would be believed to hold.

    Keys begin with the prefix, in capitals or not, and have `__` between their parts.

    Raises:
        SettingsError: There are such keys.
    """
    lines = [
        f"{key}: {why}"
        for key in sorted(keys)
        if (why := _unknown(settings, key.upper()[len(prefix) :].split("__"), prefix))
    ]
    if lines:
        refuse(*lines)


def lines_of(settings: type[BaseModel], error: ValidationError) -> list[str]:
    """Return a line for each setting that was refused: its key, its value if that is no secret, and why."""
    return [_line(settings, dict(detail)) for detail in error.errors(include_url=False)]


def _unknown(settings: type[BaseModel], parts: list[str], prefix: str) -> str | None:
    """Return why a key's parts name no setting, or None if they name one."""
    node: object = settings
    for depth, part in enumerate(parts):
        head = prefix + "".join(f"{above}__" for above in parts[:depth])
        branch = _branch(node)
        if branch is None:  # what is below names of the user's own is looked at later
            return None if get_origin(node) is dict else f"{head.removesuffix('__')} has no parts"
        if part.lower() not in branch.model_fields:
            names = ", ".join(sorted(name.upper() for name in branch.model_fields))
            return f"no such setting; {head} is followed by one of {names}"
        node = branch.model_fields[part.lower()].annotation
    return None


def _line(settings: type[BaseModel], detail: dict[str, Any]) -> str:
    path = [str(part) for part in detail["loc"]]
    shown = path[:3] + path[4:] if path[:2] == ["collect", "sources"] else path  # without the tag
    key = ".".join(shown)
    if detail["type"] == "extra_forbidden":
        return f"{key}: no such setting; there are {', '.join(_siblings(settings, path))}"
    why = detail["msg"].removeprefix("Value error, ")
    return f"{key}{_shown(settings, path, detail)}: {why}"


def _shown(settings: type[BaseModel], path: list[str], detail: dict[str, Any]) -> str:
    given = detail.get("input")
    if detail["type"] == "missing" or isinstance(given, dict):
        return ""
    if _is_secret(settings, path):
        return " = ***"
    # A name of the user's own may stand below the word: `serve.viewer_tokens.alice`.
    told = ".".join(path[-2:]).lower()
    if detail["type"] in _OF_A_BRANCH or any(word in told for word in _SECRET_WORDS):
        return " = ***"
    return f" = {without_credentials(repr(given))[:SHOWN_CHARS_MAX]}"


def _siblings(settings: type[BaseModel], path: list[str]) -> list[str]:
    """Return the names there are where the last part of a path is none."""
    node: object = settings
    for part in path[:-1]:
        if get_origin(node) is dict:  # the part is a name of the user's own
            node = get_args(node)[1]
        elif (branch := _branch(node)) is not None:
            node = branch.model_fields[part].annotation
        else:  # the part is the tag of one of several branches
            node = next(found for found in _branches(node) if part in _tags(found))
    found = _branch(node)
    return sorted(found.model_fields) if found else []


def _is_secret(settings: type[BaseModel], path: list[str]) -> bool:
    """Return whether a path leads to a secret, or to a branch's field that is none of its own."""
    node: object = settings
    for part in path:
        if get_origin(node) is dict:
            node = get_args(node)[1]
        elif (branch := _branch(node)) is not None and part in branch.model_fields:
            node = branch.model_fields[part].annotation
        else:
            return False
    return node is SecretStr or SecretStr in get_args(node)


def _tags(branch: type[BaseModel]) -> tuple[str, ...]:
    return get_args(branch.model_fields["type"].annotation)


def _branch(annotation: object) -> type[BaseModel] | None:
    """Return the branch an annotation stands for, optional or not; None where it is none or several."""
    found = () if get_origin(annotation) is dict else tuple(_branches(annotation))
    return found[0] if len(found) == 1 else None


def _branches(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _branches(part)
