"""What agents tell of their breakers, and an operator's order to them."""

from fnmatch import fnmatchcase
from hashlib import sha256

from msgspec.structs import replace

from streams.serving.acts.writing import ControlWriter
from topics import BY_NAME, Control, Status, encode
from topics.settings import BrokerSettings

from .statuses import ANSWER_S, latest

FAMILIES = ("breaker/", "quality/")
"""How the names of breakers begin."""


async def told_breakers(broker: BrokerSettings, name: str, now_ms: int) -> list[Status]:
    """Return the latest status of every breaker whose name fits a name or glob, of processes that live.

    Raises:
        TopicsError: The broker does not answer, or has no such topic.
    """
    latest_told = await latest(broker, "status", Status)
    return sorted(
        (
            status
            for status in latest_told.values()
            if status.part.startswith(FAMILIES)
            and status.expires_ms > now_ms
            and fnmatchcase(status.part, name)
        ),
        key=lambda status: (status.part, status.instance),
    )


def order_of(
    subject: str, value: str, *, actor: str, reason: str, at_ms: int, for_s: float | None
) -> Control:
    """Return the act that forces breakers: ``value`` is open, closed or auto. Its id is a digest of the rest.

    Raises:
        ContractError: A part is not what the contract allows.
    """
    order = Control(
        control_id="new",
        act="force_breaker",
        subject=subject,
        value=value,
        actor=actor,
        reason=reason,
        at_ms=at_ms,
        expires_ms=None if for_s is None else at_ms + round(for_s * 1000),
    )
    order = replace(order, control_id=sha256(encode(order)).hexdigest()[:32])
    checked: Control = BY_NAME["control"].decoder().decode(encode(order))
    return checked


async def give(broker: BrokerSettings, order: Control) -> None:
    """Write an order, and return when the broker has acknowledged it.

    Raises:
        TopicsError: The broker does not answer in time, or has no such topic.
    """
    writer = ControlWriter(broker, write_s=ANSWER_S)
    try:
        await writer.write(order)
    finally:
        await writer.close()
