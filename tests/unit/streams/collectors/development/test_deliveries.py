"""What a webhook's delivery says is what asking finds."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.collectors.development.acts import Act, Readers, Unreadable
from streams.collectors.development.deliveries import (
    PUSHED_MAX,
    Delivery,
    DeliveryError,
    read,
    signed,
)
from tests.servers.github import Repo, delivered, described, pushed, told, user

from .listening import SECRET

NOW_MS = 1_790_000_000_000
READERS = Readers(frozenset())


def of(event: str, payload: object) -> Delivery:
    return read(event, json.dumps(payload).encode(), READERS)


def bare(act: Act) -> tuple[str, str, int, str, bool]:
    return act.act, act.id, act.event_ms, act.who, act.bot


def same(delivery: Delivery, listing: str, items: list[Any], repo: Repo) -> bool:
    """Return whether a delivery says what a listing does."""
    listed = READERS.page(listing, msgspec.json.encode(items), repo.id)  # type: ignore[arg-type]
    ours = [bare(act) for act in delivery.found if isinstance(act, Act)]
    return sorted(ours) == sorted(bare(act) for act in listed if isinstance(act, Act)) != []


def test_a_push_says_what_the_listing_of_commits_does() -> None:
    repo = Repo("acme/coin", 9)
    for n in range(3):
        repo.commit(NOW_MS + n * 1_000, who=("Ann", "bob", "robo[bot]")[n])
    delivery = of("push", pushed(repo, repo.commits))
    assert (delivery.repository_id, delivery.look) == (9, False)
    assert same(delivery, "commits", repo.commits, repo)


def test_issues_pull_requests_releases_and_comments_are_the_same_acts() -> None:
    repo = Repo("acme/coin", 9)
    repo.thing(NOW_MS, "ann")
    repo.thing(NOW_MS, "bob", pull=True)
    repo.release(NOW_MS, "cy")
    repo.comments.append({"id": 5, "created_at": told(NOW_MS), "user": user("dan")})
    pull, issue = repo.issues
    about = {"repository": described(repo)}
    told_of = {
        "issues": {"action": "opened", "issue": issue},
        "pull_request": {"action": "opened", "pull_request": pull},
        "release": {"action": "published", "release": repo.releases[0]},
        "issue_comment": {"action": "created", "comment": repo.comments[0]},
    }
    listings = {
        "issues": ("issues", [issue]),
        "pull_request": ("issues", [pull]),
        "release": ("releases", repo.releases),
        "issue_comment": ("comments", repo.comments),
    }
    for event, payload in told_of.items():
        assert same(of(event, payload | about), *listings[event], repo), event


def test_a_review_has_the_id_that_its_remarks_name() -> None:
    repo = Repo("acme/coin", 9)
    repo.reviewed(NOW_MS, 77)
    review = {"id": 77, "submitted_at": told(NOW_MS), "user": user("ann")}
    payload = {"action": "submitted", "review": review, "repository": described(repo)}
    assert same(of("pull_request_review", payload), "reviews", repo.remarks, repo)


@pytest.mark.parametrize(
    ("changes", "look"),
    [
        ({"forced": True}, True),
        ({"created": True}, True),
        ({"deleted": True}, False),
        ({"ref": "refs/heads/side"}, False),
        ({"ref": "refs/tags/main"}, False),
    ],
)
def test_a_push_that_a_delivery_cannot_tell_is_looked_at(
    changes: dict[str, Any], look: bool
) -> None:
    repo = Repo("acme/coin", 9)
    repo.commit(NOW_MS)
    delivery = of("push", pushed(repo, repo.commits, **changes))
    assert (delivery.found, delivery.look) == ((), look)


def test_a_forks_push_is_looked_at_and_a_full_one_too() -> None:
    repo = Repo("acme/coin", 9, parent=Repo("up/coin", 8))
    repo.commit(NOW_MS)
    assert of("push", pushed(repo, repo.commits)).look
    repo.parent = None
    full = pushed(repo, repo.commits * PUSHED_MAX)
    assert of("push", full).look
    full["commits"].pop()
    assert not of("push", full).look


@pytest.mark.parametrize(
    ("event", "action"),
    [("issues", "closed"), ("star", "created"), ("fork", ""), ("release", "edited")],
)
def test_what_is_no_act_says_nothing(event: str, action: str) -> None:
    repo = Repo("acme/coin", 9)
    delivery = of(event, {"action": action, "repository": described(repo)})
    assert (delivery.found, delivery.look) == ((), False)


def test_what_belongs_to_no_repository_is_of_none_that_is_followed() -> None:
    assert of("installation", {"action": "created"}).repository_id == 0
    with pytest.raises(DeliveryError):
        of("push", {"ref": "refs/heads/main"})


def test_one_bad_commit_is_its_own() -> None:
    repo = Repo("acme/coin", 9)
    repo.commit(NOW_MS)
    payload = pushed(repo, repo.commits)
    payload["commits"].append({"id": "nonsense"})
    found = of("push", payload).found
    assert [type(each) for each in found] == [Act, Unreadable]


@given(body=st.binary(max_size=80), event=st.sampled_from(["push", "issues"]))
@example(body=b"{}", event="push")
def test_hostile_bytes_say_so(body: bytes, event: str) -> None:
    with pytest.raises(DeliveryError):
        read(event, body, READERS)


@given(body=st.binary(max_size=80))
@example(body=b"{}")
@example(body=b"{")
def test_hostile_bytes_of_an_event_that_is_none_of_ours_say_so_or_nothing(body: bytes) -> None:
    """An object without a repository is an organisation's."""
    try:
        assert read("x", body, READERS).found == ()
    except DeliveryError:
        assert body.strip() != b"{}"


def test_a_signature_is_of_this_body_under_this_secret() -> None:
    request = delivered(SECRET, "push", {})
    signature = request["headers"]["X-Hub-Signature-256"]
    assert signed(request["data"], SECRET.encode(), signature)
    assert not signed(request["data"] + b" ", SECRET.encode(), signature)
    assert not signed(request["data"], b"another", signature)


@given(signature=st.text(max_size=80))
def test_no_other_signature_will_do(signature: str) -> None:
    assert not signed(b"{}", SECRET.encode(), signature)
