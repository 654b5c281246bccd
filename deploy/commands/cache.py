"""`tapereader cache`: what is said again, and an operator's word against it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from . import fail, tell

if TYPE_CHECKING:
    from agents.cache.store import Store
    from deploy.settings import Settings

cache_app = typer.Typer(
    help="Narratives that are said again: shown, dropped one by one, or all.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
CALL_S = 5.0
"""An operator waits longer than a lookup may."""
COUNTED_MAX = 10_000
SHOWN_MAX = 50
"""Keys printed."""
MINUTE_MS = 60_000
_KEY = "PROMPT:SCHEMA:MODEL:DIGEST, as `tapereader cache show` prints it."
_T = TypeVar("_T")


@cache_app.command(
    epilog="Examples: tapereader cache show; tapereader cache show state-1:1:claude-haiku-5-5:9f2c"
)
def show(key: Annotated[str, typer.Argument(help=f"One key: {_KEY}")] = "") -> None:
    """The epoch, what is kept and what was dropped; of one key its age and text."""
    lines = _asked(_overview) if not key else _asked(lambda store, s: _one(store, s, _word(key)))
    tell(lines)


@cache_app.command(epilog="Example: tapereader cache drop state-1:1:claude-haiku-5-5:9f2c")
def drop(key: Annotated[str, typer.Argument(help=_KEY)]) -> None:
    """Let one narrative be said no more, by any agent within 5 s; rules answer, until no copy of it can be left."""
    word = _word(key)
    until_ms = _asked(lambda store, settings: _drop(store, settings, word))
    typer.echo(f"dropped: {word}, {_in(until_ms)}; every agent heeds it within 5 s")


@cache_app.command(epilog="Example: tapereader cache clear")
def clear() -> None:
    """Let nothing kept so far be said any more, by any agent within 5 s: the kill switch."""
    epoch = _asked(lambda store, _: store.begin_epoch(_now_ms()))
    typer.echo(f"cleared: epoch {epoch} has begun; every agent heeds it within 5 s")


async def _overview(store: "Store", settings: "Settings") -> list[str]:
    from agents.cache.key import name_of  # noqa: PLC0415

    now_ms = _now_ms()
    orders = await store.orders(now_ms)
    names = sorted(await store.names(orders.epoch, COUNTED_MAX))
    loud = await store.check_policy()
    most = "at least " if len(names) >= COUNTED_MAX else ""
    lines = [f"epoch {orders.epoch}; {most}{len(names)} narratives are kept"]
    lines += [loud] if loud else []
    lines += [
        f"dropped: {word}, {_in(until_ms)}"
        for word, until_ms in sorted(orders.tombstones.items())
        if until_ms > now_ms
    ]
    head = len(name_of(settings.broker.prefix, orders.epoch, ""))
    lines += [f"kept: {_plain(name[head:])}" for name in names[:SHOWN_MAX]]
    if len(names) > SHOWN_MAX:
        lines.append(f"... and {len(names) - SHOWN_MAX} more")
    return lines


async def _one(store: "Store", settings: "Settings", word: str) -> list[str]:
    from agents.cache.codec import Unreadable, unpack  # noqa: PLC0415
    from agents.cache.key import name_of  # noqa: PLC0415

    now_ms = _now_ms()
    orders = await store.orders(now_ms)
    name = name_of(settings.broker.prefix, orders.epoch, word)
    packed = await store.get(name)
    lines = [f"dropped, {_in(orders.tombstones[word])}"] if orders.bars(word, now_ms) else []
    if not packed:
        return [*lines, f"nothing is kept under {word} in epoch {orders.epoch}"]
    entry = unpack(name, packed, now_ms)
    if isinstance(entry, Unreadable):
        return [*lines, f"what stands under {word} cannot be read: {entry.why}"]
    age = f"{entry.age_ms(now_ms) / MINUTE_MS:.1f} min old"
    return [*lines, age, _plain(entry.value.decode(errors="replace"))]


async def _drop(store: "Store", settings: "Settings", word: str) -> int:
    from agents.cache.key import name_of  # noqa: PLC0415
    from agents.cache.lifetime import lifetime_of  # noqa: PLC0415
    from agents.cache.orders import TOMBSTONES_MAX  # noqa: PLC0415

    now_ms = _now_ms()
    epoch = (await store.orders(now_ms)).epoch
    until_ms = lifetime_of(settings.agent.cache).barred_until_ms(now_ms)
    name = name_of(settings.broker.prefix, epoch, word)
    if not await store.bar(word, name, until_ms=until_ms, now_ms=now_ms):
        fail(f"{TOMBSTONES_MAX} keys are dropped already; `tapereader cache clear` drops all")
    return until_ms


def _asked(ask: "Callable[[Store, Settings], Awaitable[_T]]") -> _T:
    """Ask the cache's Redis of the settings.

    It ends the command where there is none.
    """
    from agents.cache.store import Store  # noqa: PLC0415
    from deploy.settings import load  # noqa: PLC0415

    settings = load()
    url = settings.agent.cache.redis_url
    if url is None:
        fail("agent.cache.redis_url: not set, so each agent has its own; it ends with the agent")

    async def asked() -> _T:
        try:
            store = Store(url, prefix=settings.broker.prefix, call_s=CALL_S)
        except ValueError as error:  # without the URL, in which there may be a password
            fail(f"agent.cache.redis_url: {error}")
        try:
            return await ask(store, settings)
        finally:
            await store.close()

    return asyncio.run(asked())


def _word(told: str) -> str:
    from agents.cache.key import is_word  # noqa: PLC0415

    if not is_word(told):
        fail(f"{told!r} is no key: {_KEY}")
    return told


def _plain(text: str) -> str:
    """Return text that moves no cursor: whoever may write to Redis wrote it."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _in(until_ms: int) -> str:
    return f"for {(until_ms - _now_ms()) / MINUTE_MS:.0f} min"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
