"""A door that is not in the table, or whose test is gone, fails here."""

import pytest

from .corpus import MARK, TEXTS
from .doors import (
    OF_COMMANDS,
    OF_PAGES,
    OF_ROUTES,
    OTHERS,
    OURS_ALONE,
    TOP,
    commands,
    pages,
    routes,
)


def test_every_page_is_a_door_of_the_table() -> None:
    """Whoever adds one sends the corpus through it."""
    assert pages() == set(OF_PAGES)


def test_every_route_is_a_door_of_the_table() -> None:
    """By the module that declares it."""
    assert routes() == set(OF_ROUTES)


def test_every_command_is_a_door_of_the_table_or_prints_nothing_of_strangers() -> None:
    """As the command's own tree has them, those that help does not list too."""
    assert commands() == OF_COMMANDS.keys() | OURS_ALONE.keys()
    assert not OF_COMMANDS.keys() & OURS_ALONE.keys()


@pytest.mark.parametrize(
    "where",
    sorted({*OF_COMMANDS.values(), *OF_PAGES.values(), *OF_ROUTES.values(), *OTHERS.values()}),
)
def test_what_sends_the_corpus_is_there(where: str) -> None:
    """The file, and the test in it."""
    file, _, name = where.partition("::")
    text = (TOP / file).read_text()
    assert f"def {name}" in text
    assert "hostile" in text


def test_each_text_can_be_found_again() -> None:
    """And no two are one."""
    assert all(MARK in text for _, text in TEXTS)
    assert len({text for _, text in TEXTS}) == len({name for name, _ in TEXTS}) == len(TEXTS)
