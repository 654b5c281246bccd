"""The guard before a real browser: signing in, links from elsewhere, other sites' forms, and what the policy refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from playwright.async_api import Browser
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from streams.serving.guard import access_of
from streams.serving.guard.gate import COOKIE
from streams.serving.guard.middleware import Guard
from streams.serving.pages import page_policy
from streams.serving.settings import ServeSettings
from tests.servers.process import free_ports

from .conftest import Open

OPERATOR = "a-token-of-an-operator-of-tests"
REFUSED = "Content Security Policy"


async def _who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with who came in, and how."""
    if scope["type"] == "http":
        told = f"<p>{Request(scope).method} by {access_of(scope).actor}</p>"
        await HTMLResponse(told)(scope, receive, send)


@asynccontextmanager
async def guarded() -> AsyncIterator[str]:
    """Serve behind a guard that wants tokens, and give the address."""
    (port,) = free_ports(1)
    settings = ServeSettings.model_validate({"operator_tokens": {"oscar": OPERATOR}})
    guard = Guard(_who, settings, page_policy=page_policy)
    config = uvicorn.Config(guard, port=port, lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


async def test_a_person_signs_in_and_stays_so_whoever_links_to_them(chromium: Browser) -> None:
    """A strict cookie does not come with another site's link; the page that answers then asks once more."""
    async with guarded() as base, await chromium.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{base}/alerts/x?y=1")
        await page.fill("#token", "not-anybodys-token")
        await page.click("button")
        assert "Nobody has this token" in await page.inner_text("[role=alert]")
        await page.fill("#token", OPERATOR)
        await page.click("button")
        assert page.url == f"{base}/alerts/x?y=1"
        assert await page.inner_text("p") == "GET by oscar"
        (cookie,) = await context.cookies()
        assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Strict")
        await page.goto("about:blank")
        await page.set_content(f'<a href="{base}/feeds">a link in a chat</a>')
        await page.click("a")
        await page.wait_for_selector("text=GET by oscar")


async def test_another_sites_form_does_nothing(chromium: Browser) -> None:
    async with guarded() as base, await chromium.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{base}/")
        await page.fill("#token", OPERATOR)
        await page.click("button")
        await page.goto("about:blank")
        await page.set_content(
            f'<form method="post" action="{base}/api/v1/mutes"><button>x</button>'
        )
        await page.click("button")
        await page.wait_for_url(f"{base}/**")
        assert "urn:tapereader:problem:foreign_origin" in await page.inner_text("body")


async def test_a_page_runs_loads_and_styles_nothing_that_is_not_its_own(visit: Open) -> None:
    """Whatever came into its document: a script, a handler, a style, a picture, a frame."""
    made = await visit("/")
    made.expect_problem(REFUSED)
    made.expect_problem("failed request|foreign request")
    page = made.page
    await page.wait_for_selector("main")
    await page.evaluate(
        """() => {
            const put = (tag, fields) => {
                const element = document.createElement(tag);
                for (const [name, value] of Object.entries(fields)) element.setAttribute(name, value);
                document.body.append(element);
                return element;
            };
            const script = document.createElement('script');
            script.textContent = 'window.ran = "script"';
            document.body.append(script);
            put('button', {id: 'handler', onclick: 'window.ran = "handler"'}).click();
            put('a', {id: 'link', href: 'javascript:window.ran = "link"'}).click();
            put('style', {}).textContent = 'main { display: none }';
            put('p', {id: 'styled', style: 'position: fixed'});
            put('iframe', {srcdoc: '<script>parent.ran = "frame"</script>'});
            put('object', {data: '/alerts'});
            window.picture = put('img', {src: 'https://evil.invalid/x.png'});
        }"""
    )
    await page.wait_for_timeout(500)
    assert await page.evaluate("window.ran") is None
    assert await page.is_visible("main")
    styled = "getComputedStyle(document.querySelector('#styled')).position"
    assert await page.evaluate(styled) == "static"
    assert await page.evaluate("window.picture.naturalWidth") == 0


async def test_an_address_of_no_page_says_so(visit: Open) -> None:
    made = await visit("/nowhere/<b>")
    made.expect_problem("404")
    assert "There is no such page" in await made.text()
    await made.page.click("a")
    await made.page.wait_for_selector("main")
    assert made.page.url.endswith("/")
