"""Reads feeds in a process of its own, which can be ended.

What reads feeds forgives every flaw, by patterns of which some take hours for a hostile megabyte, and hold the
interpreter meanwhile: a thread would stop everything with it. So it is another process, without our keys, with a bound on
its time and memory.
"""

import asyncio
import os
import sys
from contextlib import suppress

import msgspec

from streams.collectors.port import SourceError

from .reading import LENGTH_BYTES, MEMORY_BYTES_MAX
from .seen import Shown

READ_S = 10.0
"""For one feed. Usual ones take a hundredth of it."""
_BUFFER_BYTES = 1 << 20


class FeedProcess:
    """One process, started when it is first needed and again after it had to be ended."""

    def __init__(self, *, read_s: float = READ_S) -> None:
        """Take how long one feed may take."""
        self._read_s = read_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def read(self, body: bytes, content_type: str) -> Shown:
        """Return what a feed shows.

        Raises:
            SourceError: It could not be read within the bounds.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._read_s):
                    return await self._read(body, content_type)
            except (TimeoutError, OSError, EOFError, msgspec.DecodeError) as error:
                await self.close()
                msg = f"not readable within {self._read_s:g} s and {MEMORY_BYTES_MAX >> 20} MB"
                raise SourceError(msg) from error
            except asyncio.CancelledError:
                await self.close()  # its answer would be taken for the next one's
                raise

    async def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _read(self, body: bytes, content_type: str) -> Shown:
        process = await self._started()
        if process.stdin is None or process.stdout is None:
            raise EOFError
        for part in (content_type.encode(errors="replace"), body):
            process.stdin.write(len(part).to_bytes(LENGTH_BYTES, "big") + part)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
        return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Shown)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "streams.collectors.social.reading",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                limit=_BUFFER_BYTES,
            )
        return self._process
