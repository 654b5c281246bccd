"""What 50 viewers of one process cost, and how long they wait: `python -m tests.browser.viewers`.

A server of the pages in a process of its own, in which an alert comes every 0.7 s, and as many socket clients as
viewers, which do what NiceGUI's own script does: load the page, connect, acknowledge. They time each alert from when it
was taken into the view to when its frame is there. Printed: the server's CPU in per cent of one core, its memory, and
the time to a viewer.
"""

import argparse
import ast
import asyncio
import html
import json
import os
import re
import resource
import statistics
import sys
import time
import uuid
from pathlib import Path

import aiohttp
import socketio

from tests.servers.process import free_ports

from .dashboard import STAMP, now_ms

START_S = 60.0
ACK_S = 3.0
_QUERY = re.compile(r"query: (\{.*?\}),\s*$", re.MULTILINE)
_STAMP = re.compile(STAMP + r"(\d+)")
PAGE_BYTES = resource.getpagesize()
TICKS = os.sysconf("SC_CLK_TCK")


class Viewer:
    """One browser's worth of socket."""

    def __init__(self, base_url: str, path: str) -> None:
        self.base_url, self.path = base_url, path
        self.waits_ms: list[int] = []
        self.bytes = 0
        self._socket = socketio.AsyncClient(reconnection=False)
        self._seen = 0
        self._newest = 0
        self._query: dict[str, object] = {}

    async def connect(self, http: aiohttp.ClientSession) -> None:
        """Load the page and connect."""
        async with http.get(self.base_url + self.path) as got:
            found = _QUERY.search(await got.text())
        assert found is not None, "the page has no socket query"
        self._query = ast.literal_eval(html.unescape(found[1]))
        ids = {"document_id": str(uuid.uuid1()), "tab_id": str(uuid.uuid1()), "old_tab_id": ""}
        query = "&".join(
            f"{name}={json.dumps(v).strip(chr(34))}" for name, v in (self._query | ids).items()
        )
        self._socket.on("update", self._updated)
        await self._socket.connect(
            f"{self.base_url}?{query}",
            socketio_path="/_nicegui_ws/socket.io",
            transports=["websocket"],
        )

    async def acknowledge(self) -> None:
        """Tell the server what came, as a browser does."""
        await self._socket.emit(
            "ack", {"client_id": self._query["client_id"], "next_message_id": self._seen}
        )

    async def end(self) -> None:
        """Disconnect."""
        await self._socket.disconnect()

    def _updated(self, message: dict[str, object]) -> None:
        now = now_ms()
        text = json.dumps(message)
        self.bytes += len(text)
        number = message.get("_id")
        if isinstance(number, int):
            self._seen = number + 1
        newest = max((int(stamp) for stamp in _STAMP.findall(text)), default=0)
        if newest > self._newest:
            self._newest = newest
            self.waits_ms.append(now - newest)


async def measure(viewers: int, seconds: float, path: str) -> None:
    """Start the server, let viewers look for a while, and print what it cost."""
    (port,) = free_ports(1)
    base_url = f"http://127.0.0.1:{port}"
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.browser.dashboard", "--view", "crowd", "--port", str(port), "--stamp",
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as http:
            await _up(http, base_url)
            found = [Viewer(base_url, path) for _ in range(viewers)]
            for viewer in found:
                await viewer.connect(http)
            await _look(found, ACK_S)
            for viewer in found:
                viewer.waits_ms.clear()
                viewer.bytes = 0
            began_s, began_cpu_s = time.monotonic(), _cpu_s(server.pid)
            await _look(found, seconds)
            took_s, cpu_s = time.monotonic() - began_s, _cpu_s(server.pid) - began_cpu_s
            memory = _memory(server.pid)
            for viewer in found:
                await viewer.end()
    finally:
        server.terminate()
        await server.wait()
    waits = sorted(wait for viewer in found for wait in viewer.waits_ms) or [
        0
    ]  # an alert may be of another page
    each = sum(viewer.bytes for viewer in found) / viewers / took_s / 1024
    load = os.getloadavg()[0]
    print(  # noqa: T201 - a measurement
        f"{viewers} viewers, {took_s:.0f} s: server CPU {100 * cpu_s / took_s:.0f} % of one core, {memory >> 20} MiB,"
        f" {each:.1f} KiB/s a viewer; view to viewer p50 {statistics.median(waits):.0f} ms,"
        f" p95 {waits[int(len(waits) * 0.95)]} ms, max {waits[-1]} ms (n={len(waits)}; load {load:.1f})"
    )


async def _look(viewers: list[Viewer], seconds: float) -> None:
    deadline_s = time.monotonic() + seconds
    while time.monotonic() < deadline_s:
        await asyncio.sleep(min(ACK_S, max(0.0, deadline_s - time.monotonic())))
        for viewer in viewers:
            await viewer.acknowledge()


async def _up(http: aiohttp.ClientSession, base_url: str) -> None:
    async with asyncio.timeout(START_S):
        while True:
            try:
                async with http.get(base_url + "/"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.2)


def _memory(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def main() -> None:
    """Measure as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument(
        "--path", default="/", help="the page they look at: / or /assets/SOL?span=21600000"
    )
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.viewers, chosen.seconds, chosen.path))


if __name__ == "__main__":
    main()
