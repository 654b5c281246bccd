"""How fast the API answers under load: `python -m tests.api_latency [--rate 200] [--seconds 20]`.

The real application (guard, API, h11) over a view of a day of 40 assets, in a process of its own; this process asks it
at a constant rate over eight connections, whatever the answers take, and beside it a bare endpoint of the same server
as a control. An answer's time runs from when it was due, so that a server that stalls is not asked less.
"""

import argparse
import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvicorn
from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.wiring.serve_http import HEADER_BYTES_MAX
from streams.serving.api.app import create_api
from streams.serving.api.kept_replies import KeptReplies
from streams.serving.guard.middleware import Guard
from tests.browser.scene import MINUTE_MS, alert, analysis, traded, window
from tests.servers.process import free_ports
from tests.unit.streams.serving.api.standing import Api

ASSETS, DAY_MINUTES = 40, 1_440
CONNECTIONS = 8
WARM_S = 3.0
PATHS = (
    "/summary",
    "/assets",
    "/assets/A00",
    "/analyses?limit=50",
    "/alerts?limit=50",
    "/feeds",
    "/money",
    "/series?kind=market&subject=A00/USDT&window_ms=60000&limit=120&since_ms=0",
    "/decisions?limit=50",
)
"""Asked for in turn."""
CONTROL = "/bare"


def serve(port: int) -> None:
    """Serve until killed."""
    uvicorn.run(
        _application(),
        host="127.0.0.1",
        port=port,
        http="h11",
        h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        log_level="error",
        access_log=False,
    )


def _application() -> ASGIApp:
    api = Api("crowd")
    _fill(api)
    api.served = api.served._replace(now_ms=_now_ms, event_now_ms=_now_ms)
    host = FastAPI(openapi_url=None)
    host.mount("/api", KeptReplies(create_api(api.served), now_ms=_now_ms))
    rates = {"rates": {"requests_per_s": 100_000, "requests_burst": 100_000}}
    guard = Guard(host, api.served.settings.model_validate(rates))

    async def with_control(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == CONTROL:
            await PlainTextResponse("well")(scope, receive, send)
        else:
            await guard(scope, receive, send)

    return with_control


def _fill(api: Api) -> None:
    """Put a day of a minute's windows, and analyses and alerts, of many assets into the view."""
    end_ms = api.now_ms // MINUTE_MS * MINUTE_MS
    for i in range(ASSETS):
        asset = f"A{i:02}"
        for minute in range(DAY_MINUTES):
            at_ms = end_ms - (DAY_MINUTES - minute) * MINUTE_MS
            api.view.take(window(traded(100.0, 101.0), f"{asset}/USDT", "market", at_ms))
            if minute % 30 == 0:
                api.view.take(analysis(at_ms, asset))
            if minute % 240 == 0:
                subject = f"{asset}/USDT"
                made = f"rule/{subject}/{at_ms}"
                api.view.take(
                    alert(at_ms, alert_id=made, rule="rule", asset=asset, subject=subject)
                )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _load(base: str, rate: float, seconds: float, paths: Sequence[str]) -> list[float]:
    """Ask at a constant rate and return every answer's time, in milliseconds, from when it was due."""
    took_ms: list[float] = []
    connections = aiohttp.TCPConnector(limit=CONNECTIONS)
    begin_s = time.perf_counter() + 0.2
    count = int(rate * seconds)

    async def one(client: aiohttp.ClientSession, i: int) -> None:
        due_s = begin_s + i / rate
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        async with client.get(paths[i % len(paths)]) as answer:
            told = await answer.read()
        took_ms.append((time.perf_counter() - due_s) * 1e3)
        assert answer.status == 200, (paths[i % len(paths)], told[:300])

    async with aiohttp.ClientSession(base, connector=connections) as client:
        await asyncio.gather(*(one(client, i) for i in range(count)))
    return took_ms


async def _until_it_serves(base: str) -> None:
    async with aiohttp.ClientSession(base) as client:
        while True:
            try:
                async with client.get(CONTROL):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)


def _cpu_ms(process: int) -> float:
    """Return how long a process has worked."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def _tell(name: str, took_ms: list[float], worked_ms: float) -> None:
    took_ms.sort()
    at = [took_ms[min(len(took_ms) - 1, int(len(took_ms) * q))] for q in (0.5, 0.95, 0.99)]
    sys.stdout.write(
        f"{name}: {len(took_ms)} answers, p50 {at[0]:.1f} ms, p95 {at[1]:.1f} ms,"
        f" p99 {at[2]:.1f} ms, max {took_ms[-1]:.1f} ms; the server worked {worked_ms / len(took_ms):.2f} ms for each\n"
    )


async def _measured(base: str, server: int, rate: float, seconds: float) -> None:
    paths = [f"/api/v1{path}" for path in PATHS]
    random.Random(8).shuffle(paths)
    # A question nobody asked before is not answered as a moment ago.
    slow = rate / 4
    other = [
        f"/api/v1/{('analyses', 'alerts')[i % 2]}?limit=50&since_ms={i}"
        for i in range(int(slow * seconds))
    ]
    phases = (
        ("control", rate, seconds / 2, [CONTROL]),
        ("API", rate, seconds, paths),
        ("API, no question twice", slow, seconds, other),
        ("control again", rate, seconds / 2, [CONTROL]),
    )
    await _until_it_serves(base)
    await _load(base, rate, WARM_S, paths)
    for name, at_rate, lasts_s, asked in phases:
        before_ms = _cpu_ms(server)
        took_ms = await _load(base, at_rate, lasts_s, asked)
        _tell(f"{name} at {at_rate:g}/s", took_ms, _cpu_ms(server) - before_ms)


def main() -> None:
    """Measure, or with --serve be what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--serve", type=int, default=0, help="a port: be the server")
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve)
        return
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.api_latency", "--serve", str(port)]
    with subprocess.Popen(command) as server:  # noqa: S603 - ourselves
        try:
            base = f"http://127.0.0.1:{port}"
            asyncio.run(_measured(base, server.pid, chosen.rate, chosen.seconds))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
