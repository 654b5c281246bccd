"""Each page in a real browser: what it says, and that nothing goes wrong."""

from .conftest import Open
from .scene import HEADLINE
from .stage import Stage


async def test_the_overview_says_what_is_wrong_and_who_asks(visit: Open) -> None:
    """In words, at once: the sentence, the worst asset, the alert that nobody acknowledged, the money."""
    one = await visit("/")
    await one.page.wait_for_selector("text=SOL")
    text = await one.text()
    assert HEADLINE in text


async def test_x(stage: Stage) -> None:
    print(stage.said())
