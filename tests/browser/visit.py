"""One look at a page, which notes everything that went wrong while it lasted."""

import re
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebSocket,
)
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

PATIENCE_MS = 45_000
"""Longer than anything a page does on a busy machine."""
DESKTOP = {"width": 1280, "height": 900}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


Cookies = Any
"""As the browser keeps them."""


class Visit:
    """A page in a context of its own. What it does wrong is in `problems`; whoever opened it must look."""

    def __init__(self, context: BrowserContext, page: Page, base_url: str) -> None:
        self.context, self.page, self.base_url = context, page, base_url
        self._problems: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self._host = urlsplit(base_url).netloc
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._problems.append(f"page error: {error}"))
        page.on("request", self._asked)
        page.on("requestfailed", self._failed)
        page.on("websocket", self._connected)

    @classmethod
    async def begin(
        cls,
        browser: Browser,
        base_url: str,
        *,
        phone: bool = False,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Self:
        """Open an empty page; ``options`` are those of a browser context."""
        chosen: dict[str, Any] = PHONE if phone else {"viewport": DESKTOP}
        context = await browser.new_context(
            **(chosen | {"extra_http_headers": dict(headers or {})} | options)
        )
        return cls(context, await context.new_page(), base_url)

    async def to(self, path: str) -> Self:
        """Go to a page and return once it is alive: its websocket is up."""
        await self.page.goto(self.base_url + path)
        return self

    @property
    def problems(self) -> list[str]:
        """What went wrong, less what was expected."""
        return [
            problem
            for problem in self._problems
            if not any(expected.search(problem) for expected in self._expected)
        ]

    def expect_problem(self, pattern: str) -> None:
        """Pass by problems like this: the test makes them."""
        self._expected.append(re.compile(pattern))

    async def reads(self, words: str) -> None:
        """Return when a person can read these words."""
        try:
            await self.page.wait_for_function(
                "words => document.body.innerText.includes(words)", arg=words
            )
        except PlaywrightTimeoutError:
            pytest.fail(f"{words!r} is nowhere in:\n{await self.text()}", pytrace=False)

    async def text(self) -> str:
        """Return all text of the page as a person sees it."""
        return str(await self.page.inner_text("body"))

    async def end(self) -> list[str]:
        """Close it and return what went wrong."""
        problems = self.problems
        await self.context.close()
        return problems

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self._problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        self._at_home(request.url, "request")

    def _connected(self, socket: WebSocket) -> None:
        self._at_home(socket.url, "websocket")

    def _at_home(self, url: str, what: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self._host:
            self._problems.append(f"foreign {what}: {url[:200]}")

    def _failed(self, request: Request) -> None:
        self._problems.append(f"failed request: {request.url} ({request.failure})")


async def signed_in(browser: Browser, base_url: str, token: str) -> Cookies:
    """Show a token to the sign-in page, as a person does, and return the session."""
    one = await Visit.begin(browser, base_url)
    await one.to("/")
    await one.page.get_by_label("Token").fill(token)
    await one.page.get_by_role("button", name="Sign in").click()
    await one.page.wait_for_selector("main#main")
    found = await one.context.cookies()
    assert await one.end() == []
    return found
