"""How long a record takes from its topic to a pixel: `python -m tests.browser.pixel`.

The real serve role reads an embedded broker; Chromium shows the overview. Each alert says in its headline when it was
given to the producer; the page notes when a headline that says so is in the document and a frame has been painted.
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
from pathlib import Path

from playwright.async_api import Page

from .chromium import find_chromium, launched
from .dashboard import STAMP
from .scene import alert, scene
from .stage import Stage, now_ms, staged
from .visit import Visit

SEED = 1
GAP_S = (0.3, 1.1)
"""Between two alerts: no beat of the page's own."""
PATIENCE_S = 10.0
_WATCH = """(mark) => {
  window.seen = {};
  const look = () => {
    for (const found of document.body.textContent.matchAll(new RegExp(mark + "(\\\\d+)", "g"))) {
      if (found[1] in window.seen) continue;
      window.seen[found[1]] = 0;
      requestAnimationFrame(() => requestAnimationFrame(() => { window.seen[found[1]] = Date.now(); }));
    }
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Two animation frames later the first of them has been painted."""


async def measure(samples: int) -> None:
    """Start everything, time so many alerts, and print how long they took."""
    with tempfile.TemporaryDirectory() as folder, staged(Path(folder)) as stage:
        await stage.write(*scene(now_ms()))
        stage.start()
        await stage.ready()
        async with launched(find_chromium(os.environ)) as browser:
            visit = await Visit.begin(browser, stage.base_url)
            await visit.to("/")
            await visit.page.wait_for_selector(".beat")
            waits = sorted(await _timed(stage, visit.page, samples))
            problems = await visit.end()
        await stage.end()
    print(  # noqa: T201 - a measurement
        f"topic to pixel: p50 {statistics.median(waits):.0f} ms, p95 {waits[int(len(waits) * 0.95)]} ms,"
        f" max {waits[-1]} ms (n={len(waits)}; load {os.getloadavg()[0]:.1f}; problems: {problems or 'none'})"
    )


async def _timed(stage: Stage, page: Page, samples: int) -> list[int]:
    await page.evaluate(_WATCH, STAMP)
    pauses, waits = random.Random(SEED), []
    for number in range(samples):
        await asyncio.sleep(pauses.uniform(*GAP_S))
        began_ms = now_ms()
        await stage.write(
            alert(
                began_ms,
                alert_id=f"stamp/SOL/USDT/{number}",
                rule="stamp",
                headline=f"{STAMP}{began_ms}",
            )
        )
        async with asyncio.timeout(PATIENCE_S):
            while not (
                shown_ms := await page.evaluate("(stamp) => window.seen[stamp]", str(began_ms))
            ):
                await asyncio.sleep(0.02)
        waits.append(int(shown_ms) - began_ms)
    return waits


def main() -> None:
    """Measure as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=60)
    asyncio.run(measure(parser.parse_args().samples))


if __name__ == "__main__":
    main()
