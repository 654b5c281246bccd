"""What a caller may do, as the guard found it. PURE."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

Role = Literal["viewer", "operator"]


class Access(Struct, frozen=True, kw_only=True):
    """Who calls: `request.state.access`, and `scope["state"]["access"]`, behind the guard."""

    role: Role
    actor: str
    """The token's name; of somebody on this machine without a token `loopback`."""

    @property
    def may_act(self) -> bool:
        """Whether the caller may change anything."""
        return self.role == "operator"


NOBODY = Access(role="viewer", actor="nobody")
"""Where no guard stands: in tests of what is behind it."""


def access_of(scope: Mapping[str, Any]) -> Access:
    """Return what the guard found of a request or a websocket; without a guard one who may only look."""
    found = scope.get("state", {}).get("access")
    return found if isinstance(found, Access) else NOBODY


def holds_of(scope: Mapping[str, Any]) -> Callable[[], bool]:
    """Return what tells whether whoever asked may still come in: a cookie expires, and may be signed out."""
    found = scope.get("state", {}).get("holds")
    return found if callable(found) else _always


def _always() -> bool:
    return True
