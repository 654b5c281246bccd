"""Is this a request of the Messages API? Its form, by the SDK's own parameter types; what a model permits is `rules`.

The types are TypedDicts with ``Iterable`` fields. Three things about them shape this module: unknown keys are
refused only if the adapter says so, on a list around the type, since a TypedDict takes no configuration; an
``Iterable`` is checked only when it is iterated; and the type of a message's content also admits the SDK's
*response* models, which allow any extra key, so content is checked block by block against the parameter types alone.
"""

from collections.abc import Container, Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from anthropic.types import (
    AssistantMessageParam,
    ContentBlockParam,
    MessageCountTokensParams,
    MessageCountTokensToolParam,
    SystemMessageParam,
    TextBlockParam,
    ThinkingConfigParam,
    ToolChoiceParam,
    ToolUnionParam,
    UserMessageParam,
)
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from pydantic import ConfigDict, TypeAdapter, ValidationError

from .errors import ApiError, invalid, refuse

MESSAGES_MAX = 100_000
"""The API's own limit."""

_ROLES: dict[str, Any] = {
    "user": UserMessageParam,
    "assistant": AssistantMessageParam,
    "system": SystemMessageParam,
}
_WALKED = frozenset({"messages", "system", "tools"})
"""Checked piece by piece below, not through the request's own type."""

Body = dict[str, Any]
Type = Any
"""A type, as a value: also a union, which is no class."""


def check_message(body: object) -> Body:
    """Return a request for a message, checked in form.

    Raises:
        ApiError: 400, with the path to what is wrong.
    """
    checked = _object(body, "request body")
    streams = checked.get("stream") is True
    _check_request(
        checked,
        MessageCreateParamsStreaming if streams else MessageCreateParamsNonStreaming,
        ToolUnionParam,
    )
    return checked


def check_count(body: object) -> Body:
    """Return a request to count tokens, checked in form.

    Raises:
        ApiError: 400, with the path to what is wrong.
    """
    checked = _object(body, "request body")
    _check_request(checked, MessageCountTokensParams, MessageCountTokensToolParam)
    return checked


def _check_request(body: Body, request: Type, tools: Type) -> None:
    for name, union in (("thinking", ThinkingConfigParam), ("tool_choice", ToolChoiceParam)):
        if name in body:
            _check(_tagged(union, _object(body[name], name), name), body[name], name)
    _check(request, body, "", later=_WALKED)
    _check_messages(body["messages"])
    _check_tools(body.get("tools", []), tools)
    if not isinstance(body.get("system", ""), str):
        for at, block in _items(body["system"], "system"):
            _check(TextBlockParam, block, at)


def _check_messages(messages: object) -> None:
    items = list(_items(messages, "messages"))
    if not items:
        refuse("messages: at least one message is required")
    if len(items) > MESSAGES_MAX:
        refuse(f"messages: at most {MESSAGES_MAX} messages are allowed")
    for at, item in items:
        message = _object(item, at)
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            refuse(f"{at}.role: Input should be {_listed(_ROLES)}")
        content = message.get("content")
        if isinstance(content, list) and content:
            _validated(_ROLES[role], {**message, "content": ""}, at)
            for block_at, block in _items(content, f"{at}.content"):
                _check_block(block, block_at, text_only=role == "system")
        else:
            _check(_ROLES[role], message, at)
            if not content:
                refuse(f"{at}: all messages must have non-empty content")


def _check_block(block: object, at: str, *, text_only: bool) -> None:
    kind = _tagged(TextBlockParam if text_only else ContentBlockParam, _object(block, at), at)
    _check(kind, block, at)
    if kind is TextBlockParam and not block["text"]:  # type: ignore[index]  # it has just been checked
        refuse(f"{at}.text: text content blocks must be non-empty")


def _check_tools(tools: object, union: Type) -> None:
    names: set[str] = set()
    for at, tool in _items(tools, "tools"):
        _check(_tagged(union, _object(tool, at), at, default="custom"), tool, at)
        name = tool.get("name", tool.get("type"))
        if name in names:
            refuse("tools: Tool names must be unique.")
        names.add(name)


def _items(value: object, at: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, list):
        refuse(f"{at}: Input should be a valid list")
    return ((f"{at}.{index}", item) for index, item in enumerate(value))


def _object(value: object, at: str) -> Body:
    if not isinstance(value, dict):
        refuse(f"{at}: Input should be an object")
    return value


def _tagged(union: Type, value: Mapping[str, Any], at: str, *, default: str | None = None) -> Type:
    """Return the member of a union that the value's ``type`` names."""
    members = _members(union)
    tag = value.get("type") or default
    if tag is None:
        refuse(f"{at}.type: Field required")
    if not isinstance(tag, str) or tag not in members:
        known = ", ".join(repr(name) for name in members)
        refuse(
            f"{at}: Input tag '{tag}' found using 'type' does not match any of the expected tags: {known}"
        )
    return members[tag]


@cache
def _members(union: Type) -> dict[str, Any]:
    """Return the members of a union of TypedDicts by the literals of their ``type``."""
    tags: dict[str, Any] = {}
    for member in get_args(union) or (union,):
        for literal in _literals(get_type_hints(member)["type"]):
            tags.setdefault(literal, member)
    return tags


def _literals(hint: Type) -> Iterator[str]:
    """Yield the strings of a Literal, of an Optional one too."""
    for part in get_args(hint):
        if isinstance(part, str):
            yield part
        else:
            yield from _literals(part)


def _check(kind: Type, value: object, at: str, *, later: Container[str] = ()) -> None:
    """Check all of a value but what stands under the names of ``later``."""
    _drain(_validated(kind, value, at), at, later)


def _validated(kind: Type, value: object, at: str) -> object:
    try:
        return _adapter(kind).validate_python([value], strict=True)[0]
    except ValidationError as error:
        raise _refused(error, at, skip=1) from None


@cache
def _adapter(kind: Type) -> TypeAdapter[list[object]]:
    return TypeAdapter(list[kind], config=ConfigDict(extra="forbid"))


def _drain(value: object, at: str, later: Container[str] = ()) -> None:
    """Iterate what pydantic left to be checked when iterated."""
    match value:
        case dict():
            parts: Iterator[tuple[object, object]] = (
                item for item in value.items() if item[0] not in later
            )
        case Iterator():
            parts = enumerate(_checked(value, at))
        case list():
            parts = enumerate(value)
        case _:
            return
    for name, part in parts:
        _drain(part, f"{at}.{name}" if at else str(name))


def _checked(items: Iterator[object], at: str) -> Iterator[object]:
    try:
        yield from items
    except ValidationError as error:
        raise _refused(error, at, skip=0) from None


def _refused(error: ValidationError, at: str, *, skip: int) -> ApiError:
    """Say the first error as the API does: the path with dots, then what is wrong."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = [at] if at else []
    path += [str(part) for part in first["loc"][skip:] if not _names_a_type(part)]
    return invalid(f"{'.'.join(path)}: {first['msg']}")


def _names_a_type(part: int | str) -> bool:
    """Whether a part of a path is a member of a union: pydantic puts its type's name there."""
    return isinstance(part, str) and (part[:1].isupper() or "[" in part or part == "str")


def _listed(names: Mapping[str, Any]) -> str:
    *most, last = (repr(name) for name in names)
    return f"{', '.join(most)} or {last}"
