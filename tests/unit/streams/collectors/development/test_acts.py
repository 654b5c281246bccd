"""What GitHub's items say was done, by whom and when."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.development.acts import Act, Readers, Unreadable, hashed, ms_of
from tests.servers.github import commit, sha_of, told, user

NOW_MS = 1_790_000_000_000
READERS = Readers(frozenset({"helper"}))
LISTINGS = ("commits", "issues", "releases", "reviews", "comments")


def only(listing: str, item: object) -> Act | Unreadable:
    (found,) = READERS.item(listing, json.dumps(item).encode(), 7)  # type: ignore[arg-type]
    return found


def act_of(listing: str, item: object) -> Act:
    found = only(listing, item)
    assert isinstance(found, Act), found
    return found


def test_a_commit_is_its_authors_at_the_time_it_was_committed() -> None:
    sha = sha_of(1)
    act = act_of("commits", commit(sha, NOW_MS, "Ann", NOW_MS - 10**9, "x"))
    assert (act.id, act.event_ms, act.who, act.bot) == (f"commit/{sha}", NOW_MS, "ann", False)


def test_a_rebase_keeps_the_work_and_an_amendment_does_not() -> None:
    first = commit(sha_of(1), NOW_MS, "ann", NOW_MS - 5_000, "x")
    rebased = commit(sha_of(2), NOW_MS + 9_000, "ann", NOW_MS - 5_000, "x")
    amended = commit(sha_of(3), NOW_MS + 9_000, "ann", NOW_MS - 5_000, "y")
    works = [act_of("commits", item).work for item in (first, rebased, amended)]
    assert works[0] == works[1] != works[2]


@pytest.mark.parametrize(
    ("login", "email", "who"),
    [
        ("Ann", "ann@example.org", "ann"),
        (None, "Ann@Example.org", "ann@example.org"),
        (None, "123+Ann@users.noreply.github.com", "ann"),
        (None, "ann@users.noreply.github.com", "ann"),
        (None, "49+dependabot[bot]@users.noreply.github.com", "dependabot[bot]"),
        (None, None, "ann b."),
    ],
)
def test_who_it_was(login: str | None, email: str | None, who: str) -> None:
    item = commit(sha_of(1), NOW_MS, "ann", NOW_MS, "x")
    item["author"] = {"login": login} if login else {}  # GitHub writes an empty object for nobody
    item["commit"]["author"] = {"name": "Ann B.", "email": email, "date": told(NOW_MS)}
    act = act_of("commits", item)
    assert act.who == who
    assert act.bot == who.endswith("[bot]")


@pytest.mark.parametrize(
    ("by", "bot"),
    [
        (user("ann"), False),
        (user("ann", bot=True), True),
        (user("robo[bot]"), True),
        (user("Helper"), True),
        (None, False),
    ],
)
def test_bots_are_told_by_type_name_or_setting(by: object, bot: bool) -> None:
    act = act_of("issues", {"number": 1, "created_at": told(NOW_MS), "user": by})
    assert act.bot is bot
    assert act.who == ("ghost" if by is None else by["login"].lower())  # type: ignore[index]


def test_issues_and_pull_requests_are_told_apart_and_numbered_by_repository() -> None:
    item = {"number": 3, "created_at": told(NOW_MS)}
    assert act_of("issues", item).id == "issue/7/3"
    assert act_of("issues", item | {"pull_request": {}}).id == "pull_request/7/3"


def test_a_draft_is_no_release_and_a_comment_outside_a_review_no_review() -> None:
    assert READERS.item("releases", b'{"id":1,"draft":true,"published_at":null}', 7) == []
    assert READERS.item("reviews", b'{"id":1,"created_at":"2026-01-01T00:00:00Z"}', 7) == []


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:01Z", 1_000),
        ("1969-12-31T23:59:59Z", -1_000),
        ("1970-01-01T01:00:00.5+01:00", 500),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ],
)
def test_times(text: str, at_ms: int) -> None:
    assert ms_of(text) == at_ms


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_unreadable(text: str) -> None:
    found = only("issues", {"number": 1, "created_at": text})
    assert isinstance(found, Unreadable)


@pytest.mark.parametrize(
    "item",
    [
        1,
        None,
        {},
        {"sha": "x" * 40, "commit": {}},
        {"sha": sha_of(1) + "\n", "commit": {"author": {"date": told(NOW_MS)}}},
        {"sha": sha_of(1), "commit": {"author": {"date": "\ud800"}}},
        {"sha": sha_of(1), "commit": {"author": {"date": told(NOW_MS), "name": {"a": 1}}}},
    ],
)
def test_a_hostile_item_is_unreadable_and_keeps_its_bytes(item: object) -> None:
    found = only("commits", item)
    assert isinstance(found, Unreadable)
    assert found.original == json.dumps(item).encode()


def test_a_name_out_of_half_a_character_is_hashed_all_the_same() -> None:
    assert len(hashed("a\ud800", b"salt")) == 16


def test_another_salt_makes_other_people() -> None:
    assert hashed("ann", b"one") == hashed("ann", b"one") != hashed("ann", b"two")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(listing=st.sampled_from(LISTINGS), items=st.lists(JSON, max_size=4))
def test_every_item_is_an_act_or_unreadable(listing: str, items: list[object]) -> None:
    found = READERS.page(listing, msgspec.json.encode(items), 7)  # type: ignore[arg-type]
    assert len(found) == len(items)  # by chance none is a draft


@given(body=st.binary(max_size=60))
def test_a_page_is_a_list_or_says_so(body: bytes) -> None:
    try:
        READERS.page("commits", body, 7)
    except msgspec.MsgspecError:
        return
    assert body.strip()[:1] == b"["
