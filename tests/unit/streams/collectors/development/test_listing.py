"""How far back a listing is read."""

import pytest

from streams.collectors.development.acts import Act, Found, Unreadable
from streams.collectors.development.listing import _reaches

T0 = 1_790_000_000_000


def act(at_ms: int) -> Act:
    return Act(act="commit", id=str(at_ms), event_ms=at_ms, who="ann")


NEW, OLD, BAD = act(T0), act(T0 - 1), Unreadable(message="no", original=b"")


@pytest.mark.parametrize(
    ("page", "more"),
    [
        ([], False),
        ([NEW], True),
        ([OLD], False),
        ([NEW] * 75 + [OLD] * 25, False),
        ([NEW] * 76 + [OLD] * 24, True),
        ([OLD] * 99 + [NEW], True),  # dated before its parents
        ([NEW] * 4 + [BAD], False),
    ],
)
def test_the_last_quarter_of_a_page_says_whether_there_is_more(
    page: list[Found], more: bool
) -> None:
    assert _reaches(page, T0) is more
