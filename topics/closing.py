"""The end of a consumer. aiokafka takes a cancellation that reaches it while it stops for one of its own."""

import asyncio

from aiokafka import AIOKafkaConsumer


async def close_consumer(consumer: AIOKafkaConsumer) -> None:
    """Close a consumer and its connections, whether or not there is a broker, also if we are cancelled meanwhile."""
    stopping = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait([stopping])
    finally:
        await asyncio.wait([stopping])
        if stopping.cancelled() or stopping.exception() is not None:
            # Without a broker, aiokafka lets the end of its own waiting fetch through as if we were cancelled,
            # and leaves its connections open.
            await consumer._client.close()  # noqa: SLF001
    if not stopping.cancelled():
        stopping.result()


async def close_within(consumer: AIOKafkaConsumer, timeout_s: float) -> None:
    """Close a consumer, and wait no longer than that; what goes wrong is of no interest any more."""
    closing = asyncio.create_task(close_consumer(consumer))
    try:
        await asyncio.wait([closing], timeout=timeout_s)
    finally:
        closing.add_done_callback(lambda closed: closed.cancelled() or closed.exception())
        closing.cancel()
