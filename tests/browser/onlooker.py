"""Somebody who has the dashboard open while a market is played: an alert appears, and they follow it to what was said."""

from urllib.parse import unquote

from msgspec import Struct

from .chromium import launched
from .visit import Visit

_ALERTS = 'main a[href^="/alerts/"]'
_APPEARS = f"""([before, but]) => {{
    const found = [...document.querySelectorAll('{_ALERTS}')].map(a => [a.getAttribute('href'), a.textContent]);
    return found.find(([href]) => !before.includes(href) && !href.includes(but)) ?? null;
}}"""
_SPEAKS = 'section[aria-label="Analyses that speak of it"] a[href^="/analyses/"]'


class Sighting(Struct, frozen=True, kw_only=True):
    """What they saw."""

    alert_id: str
    headline: str
    alert_page: str
    """Its text."""
    analysis_page: str
    leads_back: bool
    """Whether the analysis names the alert, with a link to it."""
    same_document: bool
    """Whether the alert appeared without the page being loaded again."""
    problems: list[str]
    """Errors on the console, requests to other hosts, and what else went wrong."""


async def sighting(program: str, base_url: str, *, but: str) -> Sighting:
    """Open the overview, wait for an alert that was not there, and read its page and that of the first analysis of it.

    ``but`` is a part of the addresses of alerts that are not waited for.
    """
    async with launched(program) as browser:
        visit = await Visit.begin(browser, base_url)
        page = (await visit.to("/")).page
        await page.wait_for_selector(".beat")
        before = await page.eval_on_selector_all(
            _ALERTS, "all => all.map(a => a.getAttribute('href'))"
        )
        await page.evaluate("window.sameDocument = true")
        appeared = await page.wait_for_function(_APPEARS, arg=[before, but])
        href, headline = await appeared.json_value()
        same_document = bool(await page.evaluate("window.sameDocument === true"))
        await page.goto(base_url + href)
        analysis = str(await page.locator(_SPEAKS).first.get_attribute("href"))
        alert_page = await visit.text()
        await page.goto(base_url + analysis)
        await page.wait_for_selector(".headline")
        leads_back = await page.locator(f'main a[href="{href}"]').count() > 0
        analysis_page = await visit.text()
        return Sighting(
            alert_id=unquote(href.removeprefix("/alerts/")),
            headline=headline,
            alert_page=alert_page,
            analysis_page=analysis_page,
            leads_back=leads_back,
            same_document=same_document,
            problems=await visit.end(),
        )
