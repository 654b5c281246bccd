"""Who asks about strangers' posts, out of the settings; nobody, unless they say so."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

import structlog

from agents.account.pricing import LISTED, UnknownPriceError, cost_nano_usd
from agents.ask.breakers import Breakers
from agents.ask.excerpts.question import version
from agents.ask.excerpts.recent import RecentPosts
from agents.desk import Desk
from agents.endpoints import EndpointSettings
from agents.excerpt_settings import FIRST, ExcerptSettings
from agents.posts import PostReader
from agents.readings import Readings
from agents.settings import AgentSettings
from deploy.role import now_ms
from topics import SettingsError, Usage
from topics.settings import BrokerSettings

from .agent_models import tariff_of

READING = Usage(input_tokens=1_500, output_tokens=100)
"""What a question about posts takes, about: by this one model is cheaper than another."""

log = structlog.get_logger()


def create_readings(
    settings: AgentSettings, desk: Desk | None, breakers: Breakers
) -> Readings | None:
    """Return who asks about posts, or None where nobody is to.

    Raises:
        SettingsError: There is no model, or none of that name. The message names the key.
    """
    excerpts = settings.excerpts
    if excerpts is None:
        return None
    if desk is None:
        msg = "agent.excerpts: needs agent.model.base_url, a model that can be asked about posts"
        raise SettingsError(msg)
    asked = asked_of(settings, excerpts)
    at = next(n for n, one in enumerate(settings.models.values()) if one is asked)
    log.info("a model is asked about posts", model=desk.seats[at].label)
    return Readings(
        excerpts,
        desk.seats[at],
        RecentPosts(
            window_ms=_window_ms(excerpts),
            posts_max=excerpts.posts_max,
            chars_max=excerpts.chars_max,
            assets_max=excerpts.assets_max,
        ),
        quality=breakers.of_prompt(version(), time.monotonic()),
        books=desk.books,
        paid_reach_s=settings.paid_reach_s,
        now_ms=now_ms,
    )


def asked_of(settings: AgentSettings, excerpts: ExcerptSettings) -> EndpointSettings:
    """Return the model to ask about posts: the one that is named, else the cheapest, of several the first.

    Raises:
        SettingsError: There is none of that name.
    """
    if excerpts.model is None:
        return min(settings.models.values(), key=_cost)
    if excerpts.model in settings.spares:
        return settings.spares[excerpts.model]
    if excerpts.model != FIRST:
        known = ", ".join([FIRST, *settings.spares])
        msg = f"agent.excerpts.model: {excerpts.model} is none of {known}"
        raise SettingsError(msg)
    return settings.model


@asynccontextmanager
async def posts_read(
    settings: AgentSettings, broker: BrokerSettings, readings: Readings | None
) -> AsyncIterator[None]:
    """Keep the posts of lately up to date for the time of a block; nothing is read where nobody asks about them."""
    if readings is None or settings.excerpts is None:
        yield
        return
    window_ms = _window_ms(settings.excerpts)
    reader = PostReader(broker, readings.posts, window_ms=window_ms, now_ms=now_ms)
    task = asyncio.create_task(reader.run(), name="posts")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _window_ms(excerpts: ExcerptSettings) -> int:
    return int(excerpts.window_s * 1000)


def _cost(endpoint: EndpointSettings) -> float:
    """Return what a question costs with a model; of one whose price nobody knows no model is dearer."""
    if endpoint.free:
        return 0
    tariff = tariff_of(endpoint)
    try:
        return cost_nano_usd(tariff.provider, tariff.model, READING) * tariff.permille / LISTED
    except UnknownPriceError:
        return inf
