"""What a test does when a server is not to be had: it is skipped, or fails where the server was promised."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import pytest

from tests.isolation import is_local

REQUIRE = "TAPEREADER_REQUIRE"
"""Services that must be there, comma-separated: where CI sets it, a missing one fails."""
SERVICES = frozenset({"kafka", "redis", "sdk", "asyncapi", "browser"})
"""The names it may hold. A misspelt one would be a gate that never closes, so it is refused."""

_T = TypeVar("_T")


class UnavailableError(Exception):
    """A service cannot be had on this machine; the message says what was tried."""


class ServerError(Exception):
    """A server is there and does not do what it must; the message ends with its log."""


def required(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the services this run must have.

    Raises:
        ValueError: a name that no service has.
    """
    names = frozenset(name.strip() for name in environ.get(REQUIRE, "").split(",") if name.strip())
    if unknown := names - SERVICES:
        message = f"{REQUIRE} names {sorted(unknown)}; it may name {sorted(SERVICES)}"
        raise ValueError(message)
    return names


def obtain(service: str, find: Callable[[], _T], environ: Mapping[str, str]) -> _T:
    """Return what ``find`` finds; skip the test when it cannot be had, or fail it where it is required."""
    try:
        return find()
    except UnavailableError as error:
        reason = f"{service}: {error}"
    if service in required(environ):
        pytest.fail(f"{reason} ({REQUIRE} says it must be there)", pytrace=False)
    pytest.skip(reason)


def given(
    environ: Mapping[str, str], variable: str, host_of: Callable[[str], str | None]
) -> str | None:
    """Return the server's address a variable gives, or None when it gives none.

    Raises:
        ServerError: it is not on this machine, where tests may not go.
    """
    address = environ.get(variable)
    if not address:
        return None
    if not is_local(host_of(address)):
        message = (
            f"{variable} is {address!r}; tests never leave this machine: publish it on 127.0.0.1"
        )
        raise ServerError(message)
    return address
