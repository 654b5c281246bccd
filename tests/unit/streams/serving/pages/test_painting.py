"""The painting halves: every page is made, under its policy, and its acts are done and answered."""

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from streams.serving import pages
from streams.serving.acts import making
from streams.serving.guard import Access
from streams.serving.guard.middleware import Guard
from streams.serving.pages import links
from streams.serving.pages.desk import Desk
from streams.serving.pages.doing import MINUTE_MS, acknowledging, muting, unmuting
from streams.serving.pages.elements import ACT_CHARS_MAX, Told, told
from streams.serving.pages.frame import PLACES, Frame
from streams.serving.settings import ServeSettings
from streams.serving.view import View
from tests.browser.invented import invented
from tests.browser.scene import HEADLINE, RULE
from tests.hostile.corpus import TEXTS
from topics import Control, TopicsError

from .told import NOW_MS, alert

OPERATOR, VIEWER = Access(role="operator", actor="ana"), Access(role="viewer", actor="bo")


@pytest.fixture(scope="module")
def view() -> View:
    """A crowd of everything, and one alert for each text that is meant to harm."""
    made = invented("crowd", NOW_MS)
    for i, text in enumerate(TEXTS):
        made.take(
            alert(
                i, rule=f"hostile.{i}", alert_id=f"hostile.{i}/SOL/USDT/1", headline=text.text[:200]
            )
        )
    return made


@pytest.fixture(scope="module")
def client(view: View) -> Iterator[TestClient]:
    """The pages behind their guard; NiceGUI is one a process, so they are registered once."""
    app, settings = FastAPI(), ServeSettings()
    pages.register(app, view, None, None, settings)
    guard = Guard(app, settings, page_policy=pages.page_policy)
    with TestClient(guard, base_url="http://localhost") as running:
        yield running


def elements(page: str) -> dict[str, Any]:
    """What a page is made of, as its script reads it."""
    found = re.search(r"parseElements\(String\.raw`(.*?)`\)", page, re.DOTALL)
    assert found is not None
    read: dict[str, Any] = json.loads(html.unescape(found[1]))
    return read


@pytest.mark.parametrize("path", [href for *_, href in PLACES])
def test_every_page_is_made_and_says_where_it_is(client: TestClient, path: str) -> None:
    """And every script in it runs by its nonce."""
    got = client.get(path)
    assert got.status_code == 200
    nonce = re.search(r"'nonce-([^']+)'", got.headers["content-security-policy"])
    assert nonce
    assert got.text.count("<script") == got.text.count(f'<script nonce="{nonce[1]}"')
    current = [
        e["props"]["href"]
        for e in elements(got.text).values()
        if "aria-current" in e.get("props", {})
    ]
    assert current == [path]


def test_the_overview_shows_the_worst(client: TestClient) -> None:
    """With its button."""
    page = client.get(links.OVERVIEW).text
    assert HEADLINE in page
    assert '"act":"acknowledge"' in page


def test_the_page_of_an_alert_is_made(client: TestClient, view: View) -> None:
    """Of one that is known, and of one that is not."""
    known = next(s.alert for s in view.alerts(NOW_MS) if s.alert.rule == RULE)
    assert HEADLINE in client.get(links.alert(known.alert_id)).text
    unknown = client.get(links.alert("no/such/1"))
    assert "No alert of this address" in unknown.text


def test_text_that_is_meant_to_harm_is_data_in_every_page(client: TestClient) -> None:
    """No tag begins in it, and the page's program reads it as a string."""
    page = client.get(links.ALERTS).text
    assert "zq7mark" in page
    for tag in ("<img", "<svg", "<iframe", "<style>@import url(http", "<base", "</textarea"):
        assert tag not in page
    texts = json.dumps([e.get("props", {}) for e in elements(page).values()])
    assert texts.count("zq7mark") >= len(TEXTS) - 2


@pytest.mark.parametrize(
    "sent", [None, 5, [], "x", {"act": None}, {"act": {"a": 1}, "key": 7, "other": "y"}]
)
def test_whatever_a_browser_sends_is_text_of_a_bounded_length(sent: object) -> None:
    """In known fields."""
    read = told(sent)
    assert all(isinstance(getattr(read, name), str) for name in Told.__struct_fields__)
    long = told({"reason": "x" * (ACT_CHARS_MAX + 1), "key": "y" * ACT_CHARS_MAX})
    assert (len(long.reason), len(long.key)) == (ACT_CHARS_MAX, ACT_CHARS_MAX)


class Recorded:
    """Acts, as far as they are asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.done: list[Control] = []
        self._error = error

    async def acknowledge(self, alert_id: str, *, actor: str, reason: str = "seen") -> None:
        self._put(making.acknowledgement(alert_id, actor=actor, reason=reason, at_ms=NOW_MS))

    async def mute(self, target: str, *, until_ms: int, actor: str, reason: str) -> None:
        self._put(making.mute(target, until_ms=until_ms, actor=actor, reason=reason, at_ms=NOW_MS))

    async def unmute(self, target: str, *, actor: str, reason: str) -> None:
        self._put(making.unmute(target, actor=actor, reason=reason, at_ms=NOW_MS))

    def _put(self, act: Control) -> None:
        if self._error:
            raise self._error
        self.done.append(act)


class Heard(Frame):
    """A frame without a page, that remembers what it said."""

    def __init__(self, acts: Recorded | None, access: Access = OPERATOR) -> None:
        super().__init__(Desk(View(), None, acts, ServeSettings(), now_ms=lambda: NOW_MS), access)
        self.said: list[tuple[bool, str]] = []
        self.connected = access

    def connected_as(self) -> Access:
        return self.connected

    def say(self, words: str, *, good: bool = True) -> None:
        self.said.append((good, words))


async def test_an_acknowledgement_is_written_in_the_name_of_who_looks() -> None:
    """Of the row's alert, or of the page's, whatever the browser sends then."""
    acts = Recorded()
    frame = Heard(acts)
    await acknowledging(frame)(Told("acknowledge", key="a/B/1"))
    await acknowledging(frame, "c/D/2")(Told("acknowledge", key="x", reason="on it"))
    assert [(act.subject, act.actor, act.reason) for act in acts.done] == [
        ("alert/a/B/1", "ana", "seen"),
        ("alert/c/D/2", "ana", "on it"),
    ]
    assert [good for good, _ in frame.said] == [True, True]


async def test_who_may_only_look_does_nothing() -> None:
    """Though their browser asks."""
    acts = Recorded()
    frame = Heard(acts, VIEWER)
    await acknowledging(frame)(Told("acknowledge", key="a/B/1"))
    assert acts.done == []
    assert "operator" in frame.said[0][1]


async def test_a_page_of_somebody_who_signed_out_since_acts_no_more() -> None:
    """Whoever comes back to its connection may look at a page of their own."""
    acts = Recorded()
    frame = Heard(acts)
    frame.connected = VIEWER
    await acknowledging(frame)(Told("acknowledge", key="a/B/1"))
    assert acts.done == []
    assert "no longer signed in as ana" in frame.said[0][1]


async def test_a_mute_always_ends_and_is_of_what_the_page_names() -> None:
    """A browser chooses among the page's own targets and times; anything else is the first."""
    acts = Recorded()
    frame = Heard(acts)
    mute = muting(frame, ["rule/a/B", "rule/a"])
    await mute(Told("mute", choice="60", scope="1", reason="known"))
    await mute(Told("mute", choice="99999999", scope="-1", reason="known"))
    assert [(act.subject, (act.expires_ms or 0) - NOW_MS) for act in acts.done] == [
        ("rule/a", 60 * MINUTE_MS),
        ("rule/a/B", 15 * MINUTE_MS),
    ]


async def test_a_mute_without_a_reason_is_refused_in_words() -> None:
    """And nothing is written."""
    acts = Recorded()
    frame = Heard(acts)
    await muting(frame, ["all"])(Told("mute", choice="15", scope="0"))
    assert acts.done == []
    assert frame.said == [(False, "Not done. reason: it is missing")]


async def test_unmuting_takes_back_the_mute_that_holds() -> None:
    """If one does."""
    acts = Recorded()
    frame = Heard(acts)
    await unmuting(frame, lambda: "rule/a")(Told("unmute"))
    await unmuting(frame, lambda: None)(Told("unmute"))
    assert [(act.subject, act.value) for act in acts.done] == [("rule/a", "off")]
    assert frame.said[-1] == (True, "No mute holds any more.")


async def test_a_broker_that_does_not_answer_is_told() -> None:
    """The page stays."""
    frame = Heard(Recorded(TopicsError("no acknowledgement in 10 s")))
    await acknowledging(frame)(Told("acknowledge", key="a/B/1"))
    assert frame.said == [(False, "Not done. no acknowledgement in 10 s")]


async def test_without_a_way_to_write_that_is_told() -> None:
    """As in a view of a file."""
    frame = Heard(None)
    await acknowledging(frame)(Told("acknowledge", key="a/B/1"))
    assert frame.said == [(False, "This dashboard has no way to write acts.")]
