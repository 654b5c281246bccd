"""The hostile corpus in every page of a real browser, and in what commands print: it is shown, and does nothing."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from deploy.settings import environment_of
from tests.hostile.corpus import MARK, RAN, TEXTS
from tests.hostile.records import ASSET, records

from .scene import MINUTE_MS, scene
from .stage import Stage, now_ms, staged
from .visit import Visit

STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""What a terminal would heed, or nobody would see."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def evil(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A role whose log is full of it."""
    del chromium
    with staged(tmp_path_factory.mktemp("evil"), prefix="evil.") as made:
        made.begun_ms = now_ms()
        await made.write(*scene(made.begun_ms), *records(made.begun_ms))
        made.start()
        await made.ready()
        yield made


def paths(begun_ms: int) -> dict[str, str]:
    """Return a page of each kind that holds it."""
    end_ms = begun_ms // MINUTE_MS * MINUTE_MS
    return {
        "overview": "/",
        "alerts": "/alerts",
        "alert": f"/alerts/rule_1/{ASSET}/{end_ms}",
        "asset": f"/assets/{ASSET}",
        "analysis": f"/analyses/deep_dive/{ASSET}/{end_ms - MINUTE_MS}/0",
        "another analysis": f"/analyses/deep_dive/{ASSET}/{end_ms - 10 * MINUTE_MS}/0",
        "raw": f"/raw/social/{ASSET}?from={end_ms - MINUTE_MS}&to={end_ms}",
        "feeds": "/feeds",
        "cost": "/cost",
        "letters": "/deadletters",
        "letter": "/deadletters/" + quote("evil/script/0"),
        "no text": "/deadletters/" + quote(f"evil/no-text/{len(TEXTS) + 3}"),
        "no such page": "/assets/" + quote(f"<script>window.{RAN}=1</script>"),
    }


@pytest.mark.parametrize("name", list(paths(0)))
async def test_on_no_page_does_anything_of_it_run(
    chromium: Browser, evil: Stage, name: str
) -> None:
    """It is text, nothing is asked of another host, and the console has nothing to say."""
    one = await Visit.begin(chromium, evil.base_url)
    one.expect_problem("404")
    await one.to(paths(evil.begun_ms)[name])
    await one.page.wait_for_selector("main h1", state="attached")
    if name not in ("overview", "no such page"):
        await one.page.wait_for_function("mark => document.body.innerText.includes(mark)", arg=MARK)
    await one.page.wait_for_timeout(200)
    assert await one.page.evaluate(f"window.{RAN}") is None
    for tag in ("iframe", "base", "main img", "main script", "main style"):
        assert await one.page.locator(tag).count() == 0, tag
    assert await one.end() == []


@pytest.mark.parametrize(
    "arguments",
    [("acts", "list"), ("deadletters", "list"), ("deadletters", "explain", "evil/terminal/16")],
    ids=" ".join,
)
async def test_what_a_command_prints_steers_no_terminal(
    evil: Stage, arguments: tuple[str, ...]
) -> None:
    """Each line is a line, and says what is there."""
    tree = {"state_dir": str(evil.folder), "broker": evil.broker.model_dump(mode="json")}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", "deploy", *arguments],
        env=environment_of(tree, os.environ),
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = done.stdout.decode()
    assert MARK in said, done.stderr
    assert STEERS.findall(said) == []
