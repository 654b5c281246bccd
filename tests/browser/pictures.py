"""Pictures of every page on the demo's data: `python -m tests.browser.pictures` writes docs/images/*.png.

It runs the demo with its simulated model, waits until the incidents it plants are over, and looks at the pages as
anybody would: in one Chromium, at the address the demo tells. Then it ends the demo.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser

from .chromium import find_chromium, launched
from .visit import Visit

FOLDER = Path(__file__).parents[2] / "docs" / "images"
FALLEN_S, AFTER_S = 15.0, 36.0
"""From the market's begin: SOL has crashed and its alert fires; every incident of the first set is over."""
COLOURS = 128
START_S = 120.0
BYTES_MAX = 250_000
"""Of one picture: people load them with the README."""
HEIGHT_MAX = 1_100
HEIGHTS_MAX = {"asset": 1_460}
"""Of those that are cut elsewhere: all charts are over one axis, which is below the last."""
STANDING = {"alerts": "/alerts", "feeds": "/feeds", "cost": "/cost"}
ASSET = "SOL"
"""Of the flash crash."""
TRAIL = (
    ("alert", "/alerts", f"/alerts/flash_crash/{ASSET}"),
    ("analysis", "alert", "/analyses/"),
    ("window", "alert", "/aggregates/"),
    ("raw", "window", "/raw/"),
    ("deadletter", "/deadletters", "/deadletters/"),
)
"""A picture's name, the page that leads there, and how the link begins."""


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Run the demo, and give the dashboard's address once its market has begun."""
    said = folder / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "deploy", "demo", "--model", "simulated"],
            stdout=out,
            stderr=out,
        )
    try:
        give_up_s = time.monotonic() + START_S
        while not re.search(r"[1-9]\d* events/s", said.read_text(errors="replace")):
            if process.poll() is not None or time.monotonic() > give_up_s:
                raise SystemExit(said.read_text(errors="replace"))
            time.sleep(0.2)
        found = re.search(r"Dashboard: (http://127\.0\.0\.1:\d+)", said.read_text(errors="replace"))
        assert found is not None
        yield found[1]
    finally:
        process.terminate()
        process.wait()


async def found(browser: Browser, base_url: str) -> dict[str, str]:
    """Return the path of each picture's page, gone to by the links a person would follow."""
    paths = STANDING | {"deadletters": "/deadletters"}
    one = await Visit.begin(browser, base_url)
    for name, before, begin in TRAIL:
        await one.to(paths.get(before, before))
        link = one.page.locator(f'main a[href^="{begin}"]').first
        paths[name] = str(await link.get_attribute("href"))
    await one.end()
    return paths


async def photographed(
    browser: Browser, base_url: str, path: str, file: Path, **options: Any
) -> None:
    """Write a picture of a page, as small as it can be."""
    one = await Visit.begin(browser, base_url, **options)
    await one.to(path)
    await one.page.wait_for_selector("main h1", state="attached")
    await one.page.wait_for_timeout(1_500)  # charts are drawn
    height = int(await one.page.evaluate("document.documentElement.scrollHeight"))
    width = int(await one.page.evaluate("innerWidth"))
    most = HEIGHTS_MAX.get(file.stem, HEIGHT_MAX)
    clip: Any = {"x": 0, "y": 0, "width": width, "height": min(height, most)}
    shot = await one.page.screenshot(full_page=True, clip=clip)
    Image.open(BytesIO(shot)).convert("RGB").quantize(COLOURS).save(file, optimize=True)
    assert await one.end() == []


def check(folder: Path) -> None:
    """End with a word about each picture that is too large to be loaded with a page."""
    large = [file.name for file in folder.glob("*.png") if file.stat().st_size > BYTES_MAX]
    if large:
        sys.exit(f"more than {BYTES_MAX:,} bytes: {', '.join(large)}")


async def pictures(base_url: str, folder: Path) -> None:
    """Write all pictures, first those of what has just happened."""
    async with launched(find_chromium(os.environ)) as browser:
        await asyncio.sleep(FALLEN_S)
        for name, path, options in (
            ("overview", "/", {}),
            ("asset", f"/assets/{ASSET}", {}),
            ("phone", "/", {"phone": True, "device_scale_factor": 1}),
            ("overview-dark", "/", {"color_scheme": "dark"}),
        ):
            await photographed(browser, base_url, path, folder / f"{name}.png", **options)
        await asyncio.sleep(AFTER_S - FALLEN_S)
        for name, path in (await found(browser, base_url)).items():
            await photographed(browser, base_url, path, folder / f"{name}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--address", help="of a dashboard that runs already")
    chosen = parser.parse_args()
    if chosen.address:
        asyncio.run(pictures(chosen.address, chosen.folder))
    else:
        with tempfile.TemporaryDirectory() as temporary, demo(Path(temporary)) as address:
            asyncio.run(pictures(address, chosen.folder))
    check(chosen.folder)
