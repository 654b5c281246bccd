"""Debian's Chromium, driven by Playwright: nothing is downloaded, and nothing but loopback is reached."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from shutil import which

from playwright.async_api import Browser, async_playwright

from tests.servers import UnavailableError

CHROMIUM = "TAPEREADER_TEST_CHROMIUM"
"""The program to take; else the first of these that is there."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",  # root has no sandbox
    "--disable-dev-shm-usage",  # a container's is small
    # Whatever a page or the browser itself asks of another host is not even looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


def find_chromium(environ: Mapping[str, str]) -> str:
    """Return the path of a Chromium.

    Raises:
        UnavailableError: There is none.
    """
    wanted = environ.get(CHROMIUM)
    for program in (wanted,) if wanted else PROGRAMS:
        if found := which(program):
            return found
    msg = (
        f"none of {wanted or ', '.join(PROGRAMS)} is on the PATH (Debian: apt-get install chromium)"
    )
    raise UnavailableError(msg)


@asynccontextmanager
async def launched(program: str) -> AsyncIterator[Browser]:
    """Run it, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        try:
            yield browser
        finally:
            await browser.close()
