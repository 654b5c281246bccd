"""What agents tell of their breakers, and an operator's order to them."""

import asyncio
from fnmatch import fnmatchcase
from hashlib import sha256

from aiokafka.errors import KafkaError
from msgspec.structs import replace

from topics import BY_NAME, Control, Status, TopicsError, encode, partition_of
from topics.broker import check_topics
from topics.envelope import headers
from topics.outbox import OutRecord, Sender
from topics.settings import BrokerSettings

from .statuses import ANSWER_S, latest, no_answer

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


def record_of(broker: BrokerSettings, order: Control) -> OutRecord:
    """Return the record of an order: by its subject, so that a later one takes its place."""
    return OutRecord(
        broker.topic("control"),
        partition_of(order.subject, broker.partitions),
        order.subject.encode(),
        encode(order),
        headers(
            event_id=order.control_id, event_type="control", source="people", time_ms=order.at_ms
        ),
    )


async def give(broker: BrokerSettings, order: Control) -> None:
    """Write an order, and return when the broker has acknowledged it.

    Raises:
        TopicsError: The broker does not answer, or its topics are missing.
    """
    await asyncio.to_thread(check_topics, broker)
    sender = Sender(broker)
    try:
        async with asyncio.timeout(ANSWER_S):
            await sender.deliver([record_of(broker, order)])
    except (KafkaError, TimeoutError) as error:
        raise TopicsError(no_answer(broker, error)) from None
    finally:
        await sender.close()
