import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.errors import ApiError
from agents.fake_claude.pages import LIMIT_MAX, page


def items(count: int) -> list[dict[str, str]]:
    """Return so many items."""
    return [{"id": f"i{at}"} for at in range(count)]


@settings(deadline=None)
@given(st.integers(0, 30), st.integers(1, 12))
def test_walking_the_pages_meets_every_item_once(count: int, limit: int) -> None:
    """Forward by ``after_id``."""
    met: list[dict[str, str]] = []
    query = {"limit": str(limit)}
    while True:
        got = page(items(count), query)
        met += got["data"]
        if not got["has_more"]:
            break
        query["after_id"] = got["last_id"]
    assert met == items(count)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 12))
def test_walking_back_meets_every_item_before_the_last(count: int, limit: int) -> None:
    """Backward by ``before_id``."""
    met: list[dict[str, str]] = []
    query = {"limit": str(limit), "before_id": f"i{count - 1}"}
    while True:
        got = page(items(count), query)
        met = got["data"] + met
        if not got["has_more"]:
            break
        query["before_id"] = got["first_id"]
    assert met == items(count)[:-1]


@pytest.mark.parametrize(("count", "has_more"), [(2, False), (3, True)])
def test_a_last_page_that_is_full_is_the_last(count: int, *, has_more: bool) -> None:
    """There is more only where there is something."""
    assert page(items(count), {"limit": "2"})["has_more"] is has_more


def test_a_cursor_that_names_nothing_is_passed_over() -> None:
    """The SDK's own tests send such ones."""
    assert page(items(3), {"after_id": "x", "before_id": "y"})["data"] == items(3)


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "", str(LIMIT_MAX + 1)])
def test_a_limit_out_of_range_is_a_400(limit: str) -> None:
    """One to a thousand."""
    with pytest.raises(ApiError, match="limit"):
        page([], {"limit": limit})
    assert page([], {"limit": str(LIMIT_MAX)})["data"] == []
