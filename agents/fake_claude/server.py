"""Puts the fake together, and serves it until it is cancelled."""

import asyncio
import time
from collections.abc import Callable

from aiohttp import web

from . import faults
from .batch_api import BatchApi
from .batches import Batches
from .bill import Bill
from .envelope import Envelope, Respond
from .examples import BATCH_ID, example_models
from .ids import Ids
from .limits import Buckets, Limits
from .message_api import MessageApi
from .model_api import ModelApi
from .models import MODELS
from .organization import Organization
from .own_api import OwnApi
from .prompt_cache import PromptCache
from .settings import FakeClaudeSettings

SHUTDOWN_S = 1.0
"""How long closing waits for a request that does not notice it was hung up on."""


async def serve(settings: FakeClaudeSettings, *, ready: Callable[[str], None]) -> None:
    """Serve until cancelled; call ``ready`` with the base URL once connections are taken.

    Closing drops every request that is still open, streams and hanging ones too.

    Raises:
        ScriptError: The script cannot be played; the message names its step and key.
        OSError: The port is taken, or the script cannot be read.
    """
    script = faults.load(settings.script.read_bytes()) if settings.script else ()
    runner = web.AppRunner(
        _app(settings, script),
        access_log=None,
        handler_cancellation=True,  # a client that leaves is noticed at once, and billed
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        ready(_url(*runner.addresses[0][:2]))
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _app(settings: FakeClaudeSettings, script: faults.Script) -> web.Application:
    models = example_models() if settings.sdk_examples else MODELS
    examples = frozenset({BATCH_ID} if settings.sdk_examples else ())
    ids = Ids(str(time.time_ns()))
    organization = Organization(
        Bill(settings.bill_entries_max),
        faults.Player(script, settings.seed),
        Buckets(_limits(settings)),
        PromptCache(),
    )
    batch_api = BatchApi(
        Batches(models, ids, batch_s=settings.batch_s, examples=examples), organization.bill
    )
    envelope = Envelope(ids, settings.in_flight_max, plain=settings.plain)

    @web.middleware
    async def wrap(request: web.Request, handler: Respond) -> web.StreamResponse:
        return await envelope.wrap(request, handler)

    app = web.Application(client_max_size=settings.body_bytes_max, middlewares=[wrap])
    app.add_routes(MessageApi(settings, models, ids, organization).routes())
    app.add_routes(batch_api.routes())
    app.add_routes(ModelApi(models).routes())
    app.add_routes(OwnApi(organization, batch_api.end_due).routes())
    app.on_shutdown.append(envelope.hang_up)
    return app


def _limits(settings: FakeClaudeSettings) -> Limits:
    return Limits(
        requests=settings.requests_per_minute,
        input_tokens=settings.input_tokens_per_minute,
        output_tokens=settings.output_tokens_per_minute,
        reserves_max_tokens=settings.reserves_max_tokens,
    )


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
