"""Each page in a real browser before the real role: what it says, where it leads, and that nothing goes wrong."""

from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Browser

from . import scene
from .conftest import OPERATOR, TOKENS, VIEWER, Open
from .scene import HEADLINE, MINUTE_MS
from .stage import Stage
from .visit import Cookies, Visit, signed_in

WORDS: dict[str, tuple[str, ...]] = {
    "overview": (HEADLINE, "BTC", "0.0000836", "1.00 USD", "Acknowledge"),
    "alerts": ("Critical", HEADLINE, "SOL"),
    "alert": (HEADLINE, "Critical", "SOL/USDT", "SOL fell sharply while sellers took most"),
    "asset": ("SOL/USDT", "USDT", HEADLINE, "complete"),
    "analysis": (
        "SOL fell sharply while sellers took most of the volume",
        "Sellers took 60 % of the volume.",
        "simulated",
        "claude-haiku-5-5",
        "-8.10",
        "12,105 tokens in, 1,311 out",
        "0.0000836",
        "a model was asked",
    ),
    "aggregate": ("SOL/USDT", "136.701", "complete", "first"),
    "raw": ("SOL/USDT", "136.70", "simex"),
    "feeds": ("simex", "ETH/USDT", "Connected", "7 events"),
    "cost": ("0.0000836", "claude-haiku-5-5", "deep dive", "1.00 USD"),
    "letters": ("raw.market/1/77", "invalid", "Dry run"),
    "letter": ("raw.market/1/77", "invalid", "Expected `str`, got `int`", "subject"),
}
"""What a person must be able to read on each."""
LEADS: dict[str, tuple[str, ...]] = {
    "overview": ("asset", "alert", "analysis"),
    "alert": ("asset", "aggregate", "analysis"),
    "analysis": ("asset", "alert", "aggregate"),
    "aggregate": ("asset", "alert", "analysis", "raw"),
    "asset": ("alert", "analysis", "aggregate"),
    "letters": ("letter",),
    "feeds": ("raw",),
}
"""Where links on each lead."""
PHONE_WIDTH, WIDTHS = 390, (768, 1280)
"""Of screens, in pixels: nothing is cut off at the latter, and nobody scrolls sideways at the first."""
CUT = """
() => [...document.querySelectorAll('.sheet')].filter(one => one.scrollWidth > one.clientWidth + 1)
    .map(one => one.innerText.slice(0, 80))
"""


def address(name: str, stage: Stage) -> str:
    """Return where a page of the scene's objects is."""
    end_ms = stage.begun_ms // MINUTE_MS * MINUTE_MS
    return {
        "overview": "/",
        "alert": "/alerts/" + quote(scene.alert(end_ms).alert_id),
        "asset": "/assets/SOL",
        "analysis": "/analyses/" + quote(scene.analysis(end_ms).analysis_id),
        "aggregate": "/aggregates/" + quote(scene.crash_id(end_ms)),
        "raw": f"/raw/market/SOL/USDT?from={end_ms - 5 * MINUTE_MS}&to={end_ms}",
        "letters": "/deadletters",
        "letter": "/deadletters/raw.market/1/77",
    }.get(name, f"/{name}")


@pytest.mark.parametrize("name", list(WORDS))
async def test_a_page_says_what_the_topics_say(visit: Open, stage: Stage, name: str) -> None:
    """With one main part, one heading and a title; it leads to what belongs to it, and fits on a phone."""
    one = await visit(address(name, stage))
    for words in WORDS[name]:
        await one.reads(words)
    assert await one.page.get_by_role("main").count() == 1
    assert await one.page.locator("h1").count() == 1
    assert (await one.page.title()).endswith("Tapereader")
    assert (await one.page.evaluate("document.documentElement.lang")).startswith("en")
    await leads_to(one, [path_of(other, name, stage) for other in LEADS.get(name, ())])
    for width in WIDTHS:
        await one.page.set_viewport_size({"width": width, "height": 1024})
        assert await one.page.evaluate(CUT) == []
    await one.page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    assert await one.page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH


async def leads_to(one: Visit, paths: list[str]) -> None:
    """Check that a page has links that begin so, and none that lead elsewhere or into another window."""
    for path in paths:
        await one.page.wait_for_selector(f'main a[href^="{path}"]')
    hrefs = await one.page.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
    assert all(href.startswith(("/", "#")) and not href.startswith("//") for href in hrefs)
    assert await one.page.locator("a[target]").count() == 0


def path_of(name: str, here: str, stage: Stage) -> str:
    """Return how a link from one page to another begins."""
    if name == "raw":
        return "/raw/market/"
    if (here, name) == ("overview", "analysis"):
        return "/analyses/"
    return address(name, stage).partition("?")[0]


async def test_a_phone_has_the_whole_overview(visit: Open) -> None:
    """Touch, a narrow screen of many pixels: no scrolling sideways, and what can be done can be reached."""
    one = await visit("/", phone=True)
    await one.page.wait_for_selector(f"text={HEADLINE}")
    assert await one.page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
    box = await one.page.get_by_role("button", name="Acknowledge").first.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE_WIDTH


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_light_and_dark_are_as_the_reader_likes(visit: Open, scheme: str) -> None:
    """Dark words on a light ground, or the other way round."""
    one = await visit("/", color_scheme=scheme)
    await one.page.wait_for_selector(f"text={HEADLINE}")
    ground, words = await one.page.evaluate(
        """() => {
            const light = (colour) => {
                const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
                return (r + g + b) / 765;
            };
            const style = getComputedStyle(document.body);
            return [light(style.backgroundColor), light(style.color)];
        }"""
    )
    lighter, darker = (ground, words) if scheme == "light" else (words, ground)
    assert lighter > 0.6
    assert darker < 0.4


async def test_the_keyboard_is_enough(visit: Open) -> None:
    """The skip link comes first and leads to the content, then the places in their order; two keys go to a page."""
    one = await visit("/")
    page = one.page
    await page.wait_for_selector(f"text={HEADLINE}")

    async def focused() -> str:
        return str(await page.evaluate("document.activeElement.innerText"))

    await page.keyboard.press("Tab")
    assert await focused() == "Skip to the content"
    for name in ("Tapereader", "Overview", "Alerts", "Feeds"):
        await page.keyboard.press("Tab")
        assert await focused() == name
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/alerts")
    await page.wait_for_selector(f"text={HEADLINE}")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("g")
    await page.keyboard.press("f")
    await page.wait_for_url("**/feeds")


async def test_whoever_may_only_look_is_not_offered_to_act(visit: Open, stage: Stage) -> None:
    """The page says why."""
    one = await visit(address("alert", stage), who=VIEWER)
    await one.page.wait_for_selector("text=Acting needs an operator")
    assert await one.page.get_by_role("button", name="Acknowledge").is_disabled()
    await one.page.wait_for_selector("text=signed in as bob, viewer")


@pytest.mark.parametrize("of", ["alerts", "analyses", "aggregates", "deadletters"])
async def test_what_nobody_knows_is_a_page_that_says_so_with_404(
    cookies: dict[str, Cookies], stage: Stage, of: str
) -> None:
    """As the API does; the page is drawn as all others are."""
    session = {one["name"]: one["value"] for one in cookies[VIEWER]}
    async with httpx.AsyncClient(base_url=stage.base_url, cookies=session) as client:
        known = await client.get("/alerts")
        unknown = await client.get(f"/{of}/nobody/knows/1")
    assert (known.status_code, unknown.status_code) == (200, 404)
    assert "signed in as bob" in unknown.text


async def test_a_page_that_was_signed_out_elsewhere_acts_no_more(
    chromium: Browser, stage: Stage
) -> None:
    """Its websocket is ended with the session: its buttons write nothing, and loaded again it asks for a token."""
    alert = address("alert", stage)
    one = await Visit.begin(chromium, stage.base_url)
    one.expect_problem("401|WebSocket|failed request")
    await one.context.add_cookies(
        await signed_in(chromium, stage.base_url, TOKENS["operator_tokens"][OPERATOR])
    )
    page = (await one.to(alert)).page
    await page.wait_for_selector("text=signed in as ana, operator")
    before = len(await stage.read("control"))
    other = await one.context.new_page()
    await other.goto(stage.base_url + "/feeds")
    await other.get_by_role("button", name="Sign out").click()
    await other.wait_for_url("**/signin")
    await page.get_by_role("button", name="Acknowledge").click()
    await page.wait_for_timeout(500)
    assert len(await stage.read("control")) == before
    await page.goto(stage.base_url + alert)
    assert "/signin?" in page.url
    assert await one.end() == []


async def test_whoever_has_no_token_comes_to_the_sign_in_page_and_then_where_they_wanted(
    visit: Open, stage: Stage
) -> None:
    """A wrong token is told so."""
    one = await visit("/feeds", who=None)
    one.expect_problem("401")
    await one.page.get_by_label("Token").fill("nobody-has-this-token")
    await one.page.get_by_role("button", name="Sign in").click()
    await one.page.wait_for_selector("text=Nobody has this token.")
    await one.page.get_by_label("Token").fill("viewer-token-of-the-browser-tests")
    await one.page.get_by_role("button", name="Sign in").click()
    await one.page.wait_for_url(stage.base_url + "/feeds")
    await one.page.wait_for_selector("text=simex")
