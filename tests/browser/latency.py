"""How long a record takes from its topic to a pixel: `python -m tests.browser.latency --records 100`.

The real role reads an embedded broker; one Chromium looks at one asset. Each record is a window of that asset with a
price of its own, and the page itself notes when that price is drawn.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from statistics import quantiles

from msgspec.structs import replace
from playwright.async_api import Page

from topics import Aggregate

from .chromium import find_chromium, launched
from .scene import MINUTE_MS, scene, traded, window
from .stage import Stage, now_ms, staged
from .visit import Visit

PAUSE_S = 0.37
"""Between two records: no multiple of the page's own pace."""
_WATCH = """() => {
    window.drawnAt = {};
    const look = () => {
        const text = document.body.innerText;
        for (const price of text.match(/77,\\d{3}(?:\\.\\d+)?/g) || []) {
            window.drawnAt[price] ??= Date.now();
        }
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


async def measured(stage: Stage, page: Page, *, records: int) -> list[float]:
    """Return, in milliseconds, how long each record took from its send to the change of the page that shows it."""
    await page.wait_for_selector("text=BTC/USDT")
    await page.evaluate(_WATCH)
    at_ms = now_ms() // MINUTE_MS * MINUTE_MS - MINUTE_MS
    took: list[float] = []
    for number in range(records):
        price = 77_001.0 + number
        made = window(traded(64_000.0, price), "BTC/USDT", "market", at_ms)
        edition = _edited(made, number)
        sent_ms = now_ms()
        await stage.write(edition)
        drawn = await page.wait_for_function(
            "price => window.drawnAt[price]", arg=f"{price:,.0f}", polling=20
        )
        took.append(float(await drawn.json_value()) - sent_ms)
        await asyncio.sleep(PAUSE_S)
    return took


def _edited(made: Aggregate, number: int) -> Aggregate:
    """Return the same window, corrected for the so-manieth time."""
    return replace(
        made,
        revision=number + 1,
        reason="corrected",
        aggregate_id=made.aggregate_id.rpartition("/")[0] + f"/{number + 1}",
    )


async def _main(records: int) -> None:
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        await stage.write(*scene(now_ms()))
        stage.start()
        await stage.ready()
        async with launched(find_chromium(os.environ)) as browser:
            one = await Visit.begin(browser, stage.base_url)
            await one.to("/assets/BTC")
            took = await measured(stage, one.page, records=records)
            problems = await one.end()
    cuts = quantiles(took, n=20)
    sys.stdout.write(
        f"topic to pixel, {len(took)} records: p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms,"
        f" max {max(took):.0f} ms; {len(problems)} problems\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100)
    asyncio.run(_main(parser.parse_args().records))
