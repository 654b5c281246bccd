"""Addresses lead to the page they name, whatever the id."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.serving.pages import links

IDS = st.text(min_size=1, max_size=200)


@given(IDS)
def test_an_address_has_one_path_and_stays_on_this_host(name: str) -> None:
    """No id ends the path, begins a query, or names another host."""
    for make in (links.asset, links.aggregate, links.analysis, links.alert, links.letter):
        address = make(name)
        parts = urlsplit(address)
        assert links.is_local(address)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert address.isascii()


@given(IDS.filter(lambda s: not {".", ".."} & set(s.split("/"))))
def test_an_id_comes_back_from_its_address(name: str) -> None:
    """As the server decodes it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return
    assert unquote(links.alert(name)).removeprefix("/alerts/") == name


@pytest.mark.parametrize("name", ["..", "../..", "a/../b", "./a", "."])
def test_no_part_of_an_id_climbs(name: str) -> None:
    """A browser would resolve it before it asks."""
    parts = links.alert(name).split("/")
    assert not {".", ".."} & set(parts)


def test_a_range_of_raw_events_has_its_ends_in_the_query() -> None:
    """Kind and subject in the path."""
    parts = urlsplit(links.raw("market", "BTC/USDT", 1, 2))
    assert parts.path == "/raw/market/BTC/USDT"
    assert parse_qs(parts.query) == {"from": ["1"], "to": ["2"]}


@pytest.mark.parametrize(
    ("address", "local"),
    [("/", True), ("/a//b", True), ("//a", False), ("/\\a", False), ("a", False)],
)
def test_local_is_a_path_and_no_other_host(address: str, local: bool) -> None:
    """Browsers read a backslash as a slash."""
    assert links.is_local(address) is local
