"""How long a record takes from its topic to a painted pixel: `python -m tests.browser.pixel`.

The real serve role reads an embedded broker; Chromium shows a page. What is written has a text of its own: on the
overview an alert's headline, on the page of an asset a window's last price. The page itself notes when that text is in
the document and a frame with it has been painted.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from playwright.async_api import Page

from .chromium import find_chromium, launched
from .scene import MINUTE_MS, alert, scene, traded, window
from .stage import Stage, now_ms, staged
from .visit import Visit

SEED = 1
GAP_S = (0.3, 1.1)
"""Between two records: no beat of the page's own."""
FIRST_PRICE = 77_001
"""In USDT, of the first window; one more for each. Nothing else on the page is a number like it."""
_WATCH = """(pattern) => {
  window.painted = {};
  const look = () => {
    for (const [found] of document.body.innerText.matchAll(new RegExp(pattern, "g"))) {
      if (found in window.painted) continue;
      window.painted[found] = 0;
      requestAnimationFrame(() => requestAnimationFrame(() => { window.painted[found] = Date.now(); }));
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Two animation frames later the first of them has been painted."""

Made = tuple[Struct, str]
"""A record, and the text by which it is known on the page."""


def an_alert(number: int) -> Made:
    """Return an alert that has just fired; it is known by its headline."""
    text = f"stamped {number} times"
    return alert(now_ms(), alert_id=f"stamp/SOL/USDT/{number}", rule="stamp", headline=text), text


def a_window(number: int) -> Made:
    """Return the last minute of BTC, corrected once more; it is known by its last price."""
    at_ms = now_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS
    price = FIRST_PRICE + number
    made = window(traded(64_000.0, float(price)), "BTC/USDT", "market", at_ms)
    begin = made.aggregate_id.rpartition("/")[0]
    edition = replace(
        made, revision=number + 1, reason="corrected", aggregate_id=f"{begin}/{number + 1}"
    )
    return edition, f"{price:,}"


PAGES: dict[str, tuple[str, Callable[[int], Made], str]] = {
    "overview": ("/", an_alert, "stamped \\d+ times"),
    "asset": ("/assets/BTC", a_window, "77,\\d{3}"),
}
"""By name: the address, what is written, and the pattern of its text."""


async def measured(stage: Stage, page: Page, name: str, *, records: int) -> list[float]:
    """Return, in milliseconds, how long each record took from its send to the frame that shows it."""
    _, make, pattern = PAGES[name]
    await page.wait_for_selector(".beat")
    await page.evaluate(_WATCH, pattern)
    pauses, waits = random.Random(SEED), []
    for number in range(records):
        await asyncio.sleep(pauses.uniform(*GAP_S))
        record, text = make(number)
        sent_ms = now_ms()
        await stage.write(record)
        painted = await page.wait_for_function("text => window.painted[text]", arg=text, polling=20)
        waits.append(float(await painted.json_value()) - sent_ms)
    return waits


async def _main(name: str, records: int) -> None:
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        await stage.write(*scene(now_ms()))
        stage.start()
        await stage.ready()
        async with launched(find_chromium(os.environ)) as browser:
            visit = await Visit.begin(browser, stage.base_url)
            await visit.to(PAGES[name][0])
            waits = await measured(stage, visit.page, name, records=records)
            problems = await visit.end()
        await stage.end()
    cuts = statistics.quantiles(waits, n=20)
    print(  # noqa: T201 - a measurement
        f"topic to pixel on the page {name}: p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms,"
        f" max {max(waits):.0f} ms (n={len(waits)}; load {os.getloadavg()[0]:.1f}; problems: {problems or 'none'})"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", choices=list(PAGES), default="overview")
    parser.add_argument("--records", type=int, default=60)
    chosen = parser.parse_args()
    asyncio.run(_main(chosen.page, chosen.records))
