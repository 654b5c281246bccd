"""What a page does while it is looked at: it follows the topics, says when it cannot, and writes what people do."""

from statistics import quantiles

import msgspec
import pytest
from playwright.async_api import Page

from topics import Alert, Control, Feedback

from . import scene
from .conftest import OPERATOR, TOKENS, VIEWER, Open
from .pixel import PAGES, measured
from .scene import MINUTE_MS
from .stage import Stage, now_ms
from .test_pages import address

REGION = '[aria-live="assertive"]'
TABS_MAX = 80
"""More than a page of one object has of what can have the focus."""
SLOW_MS = 2_500
"""From topic to pixel on a busy machine. `python -m tests.browser.pixel` says what it is on an idle one."""


def new_alert(number: int, severity: str) -> Alert:
    """Return an alert that has just fired."""
    at_ms = now_ms() // MINUTE_MS * MINUTE_MS
    return scene.alert(
        at_ms,
        alert_id=f"rule_{number}/ETH/USDT/{at_ms}",
        rule=f"rule_{number}",
        asset="ETH",
        subject="ETH/USDT",
        severity=severity,
        headline=f"ETH does thing number {number}",
    )


async def test_what_comes_is_shown_without_a_reload_and_only_what_is_critical_is_spoken(
    visit: Open, stage: Stage
) -> None:
    """What was there when the page was opened is not news; a warning is shown and not said."""
    one = await visit("/alerts")
    page = one.page
    await page.wait_for_selector(f"text={scene.HEADLINE}")
    await page.evaluate("window.sameDocument = true")
    region = page.locator(REGION)
    await stage.write(new_alert(1, "warning"))
    await page.wait_for_selector("text=ETH does thing number 1")
    assert await region.inner_text() == ""
    await stage.write(new_alert(2, "critical"))
    await page.wait_for_selector("main >> text=ETH does thing number 2")
    await page.wait_for_function(
        f"""() => document.querySelector('{REGION}').textContent.includes('ETH does thing number 2')"""
    )
    spoken = await region.inner_text()
    assert scene.HEADLINE not in spoken
    assert "number 1" not in spoken
    assert await page.evaluate("window.sameDocument")


async def test_from_topic_to_pixel_it_takes_no_time_that_people_notice(
    visit: Open, stage: Stage
) -> None:
    """Record by record, as the browser sees its own page change."""
    one = await visit(PAGES["asset"][0])
    took_ms = await measured(stage, one.page, "asset", records=8)
    assert quantiles(took_ms, n=20)[18] < SLOW_MS, took_ms


async def test_a_monitor_sees_who_looks_and_how_full_the_view_is(visit: Open, stage: Stage) -> None:
    """Of the process that serves the pages, on the port of its probes."""
    before = await stage.metrics()
    await visit("/")
    seen = await stage.metrics()
    assert seen["tapereader_serve_viewers"] >= 1
    answers = 'tapereader_serve_answer_seconds_count{door="pages"}'
    assert seen[answers] > before[answers]
    kept, most, forgotten = (
        seen[f'tapereader_serve_view_{what}{{part="alerts"}}']
        for what in ("kept", "kept_max", "forgotten_total")
    )
    assert 0 < kept < most
    assert forgotten == 0


async def test_when_nothing_comes_the_browser_says_so_itself_and_goes_on_by_itself(
    visit: Open, stage: Stage
) -> None:
    """The role is stopped, not dead: connections are up, and silent."""
    one = await visit("/")
    one.expect_problem("ws|WebSocket|ERR_")
    page = one.page
    await page.wait_for_selector("text=live")
    stage.pause()
    try:
        await page.wait_for_selector("text=No update for")
    finally:
        stage.resume()
    await page.wait_for_function("() => !document.body.innerText.includes('No update for')")
    await page.wait_for_selector("text=live")
    await stage.write(new_alert(3, "notice"))
    await page.wait_for_selector("text=ETH does thing number 3")


async def test_a_role_that_is_started_again_gets_its_viewers_back(
    visit: Open, stage: Stage
) -> None:
    """Without anybody reloading a page, or signing in once more."""
    one = await visit("/")
    one.expect_problem("ws|WebSocket|ERR_|50.|Failed to fetch|disconnect")
    await one.page.wait_for_selector("text=live")
    assert await stage.end() == 0, stage.said()
    await one.page.wait_for_selector("text=No update for")
    stage.start(**TOKENS)
    await stage.ready()
    await one.page.wait_for_function(
        "() => !document.body.innerText.includes('No update for')"
        " && document.body.innerText.includes('live')"
    )
    await stage.write(new_alert(4, "notice"))
    await one.page.wait_for_selector("text=ETH does thing number 4")


async def controls(stage: Stage, about: str) -> list[Control | Feedback]:
    """Return what people did about something."""
    decode = msgspec.json.Decoder(Control | Feedback).decode
    found = [decode(record.value) for record in await stage.read("control")]
    return [act for act in found if about in act.subject]


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has this name has the focus, and check that it is seen."""
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        found, seen = await page.evaluate(
            """() => {
                const at = document.activeElement;
                const words = at.labels?.[0]?.firstChild?.textContent ?? at.textContent;
                return [words, getComputedStyle(at).outlineStyle !== 'none'];
            }"""
        )
        if found == name:
            assert seen, f"nobody sees that {name} has the focus"
            return
    pytest.fail(f"no Tab leads to {name}")


async def test_what_people_do_is_an_act_in_the_log_with_their_name(
    visit: Open, stage: Stage
) -> None:
    """By the keyboard alone: acknowledge and mute an alert, say that an analysis is wrong; every page shows it at once."""
    fired = new_alert(5, "warning")
    await stage.write(fired)
    one = await visit("/alerts/" + fired.alert_id)
    page, keyboard = one.page, one.page.keyboard
    await page.wait_for_selector("text=Act")
    await tab_to(page, "Acknowledge")
    await keyboard.press("Enter")
    await page.wait_for_selector("text=Acknowledged.")
    await tab_to(page, "For")
    await keyboard.press("ArrowDown")
    await tab_to(page, "Reason")
    await keyboard.type("known <b>listing</b>")
    await keyboard.press("Enter")
    await page.wait_for_selector("text=Muted for 1 hour.")
    done = sorted(await controls(stage, "rule_5"), key=lambda act: act.at_ms)
    assert [(act.act, act.actor) for act in done if isinstance(act, Control)] == [
        ("acknowledge", OPERATOR),
        ("mute", OPERATOR),
    ]
    assert isinstance(done[-1], Control)
    assert done[-1].reason == "known <b>listing</b>"
    assert done[-1].expires_ms is not None
    await page.goto(stage.base_url + address("analysis", stage))
    await tab_to(page, "Reason")
    await keyboard.type("it rose")
    await tab_to(page, "Say so")
    await keyboard.press("Enter")
    await page.wait_for_selector("text=it rose")
    (said,) = await controls(stage, "deep_dive/SOL")
    assert (said.actor, said.reason) == (OPERATOR, "it rose")


async def test_a_dry_run_of_a_redrive_says_what_would_be_and_writes_nothing(
    visit: Open, stage: Stage
) -> None:
    """Letter by letter, before anybody is asked for a reason."""
    one = await visit("/deadletters")
    page = one.page
    before = len(await stage.read("raw.market"))
    await page.get_by_role("button", name="Dry run").click()
    await page.wait_for_selector("text=Nothing has been written.")
    await page.wait_for_selector("text=What a redrive would do")
    assert len(await stage.read("raw.market")) == before


@pytest.mark.parametrize("path", ["/api/v1/alerts", "/api/v1/assets"])
async def test_pages_and_programs_see_the_same(visit: Open, stage: Stage, path: str) -> None:
    """The API answers the same session."""
    one = await visit("/", who=VIEWER)
    answer = await one.context.request.get(stage.base_url + path)
    assert answer.status == 200
    assert "SOL" in await answer.text()
