"""Bluesky's stream: whatever happens to connections and hosts, no post is lost unseen and none comes twice."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from streams.collectors.port import Link, Observation, Refused, SourceError, Through
from streams.collectors.social.jetstream import Jetstream, JetstreamSettings
from tests.servers.jetstream import JetstreamServer, Trouble
from tests.servers.web import Hang, Status
from topics import GapDetected, GapPermanent, Heartbeat, Post, PostDeleted, encode

NOW_MS = 1_790_000_000_000
US = 1_000
AT = NOW_MS * US
SECOND = 1_000_000
BOTH = pytest.mark.parametrize("version", ["v1", "v2"])


def source(*urls: str, **changes: Any) -> Jetstream:
    """Return a source of those hosts that looks for two assets."""
    fields: dict[str, Any] = {
        "salt": "a salt of the tests",
        "assets": ["BTC", "SOL"],
        "silence_s": 2.0,
        "urls": urls,
    }
    settings = JetstreamSettings(type="jetstream", **(fields | changes))
    return Jetstream("bluesky", settings, now_ms=lambda: NOW_MS)


async def seen_until(bluesky: Jetstream, rkey: str, sessions: int = 20) -> list[Observation]:
    """Return what is seen, over as many connections as it takes, until a post of that key has come."""
    seen: list[Observation] = []
    for _ in range(sessions):
        try:
            async with asyncio.timeout(5), aclosing(bluesky.observations()) as observations:  # type: ignore[type-var]
                async for observation in observations:
                    seen.append(observation)
                    if isinstance(observation, Post) and observation.post_id.startswith(rkey + "."):
                        return seen
        except SourceError as error:
            seen.append(Link(state="disconnected", reason=str(error)))
    msg = f"{rkey} has not come: {seen}"
    raise AssertionError(msg)


def keys(seen: Iterable[Observation]) -> list[str]:
    """Return the keys of the posts that came, one for each asset."""
    return [one.post_id.partition(".")[0] for one in seen if isinstance(one, Post)]


def gaps(seen: Iterable[Observation]) -> list[tuple[str, int, int]]:
    """Return the gaps that will never be filled, each of which must have been detected before."""
    found = {one.gap_id for one in seen if isinstance(one, GapDetected)}
    lost = [one for one in seen if isinstance(one, GapPermanent)]
    assert found == {one.gap_id for one in lost}
    return [(one.subject, one.from_ms, one.to_ms) for one in lost]


def through(seen: Iterable[Observation]) -> list[int]:
    """Return the promises."""
    return [one.through_ms for one in seen if isinstance(one, Through)]


def filled(server: JetstreamServer, count: int, *, first: int = 0) -> JetstreamServer:
    """Append posts that name an asset, a second apart."""
    for number in range(first, first + count):
        server.post(f"k{number}", f"Bitcoin says {number}", AT + number * SECOND)
    return server


@asynccontextmanager
async def listening(
    server: JetstreamServer, version: str, **changes: Any
) -> AsyncIterator[Jetstream]:
    """Give a source that goes on behind the first post of the server."""
    async with server:
        bluesky = source(getattr(server, version), **changes)
        bluesky.resume([Heartbeat(source="bluesky", epoch=0, through_ms=NOW_MS)])
        yield bluesky


@BOTH
async def test_posts_that_name_an_asset_are_sent_and_others_counted(version: str) -> None:
    """In the stream's order and time, less ten seconds promised; an author's name for himself goes nowhere."""
    server = JetstreamServer()
    server.post("a", "Bitcoin and $SOL", AT, did="did:plc:somebody", langs=["de-AT", "en"])
    server.post("b", "the weather", AT + SECOND)
    server.commit("create", "c", AT + 2 * SECOND, record={"text": "Bitcoin"})
    server.frame("{}", AT + 3 * SECOND)
    server.post("z", "Bitcoin", AT + 4 * SECOND)
    async with listening(server, version) as bluesky:
        seen = await seen_until(bluesky, "z")
    assert keys(seen) == ["a", "a", "c", "z"]
    first = next(one for one in seen if isinstance(one, Post))
    assert (first.subject, first.platform, first.source) == ("BTC", "bluesky", "bluesky")
    assert (first.event_ms, first.received_ms, first.language) == (NOW_MS, NOW_MS, "de")
    assert first.engagement == 0
    assert all(b"somebody" not in encode(one) for one in seen if isinstance(one, Post))
    assert through(seen) == [NOW_MS - 10_000, NOW_MS - 9_000, NOW_MS - 8_000]
    tally = bluesky.posts.tally
    assert (tally.named, tally.unnamed, tally.refused) == (3, 1, 1)
    assert tally.seen == tally.named + tally.unnamed + tally.known + tally.imported + tally.refused


@BOTH
@pytest.mark.parametrize("what", ["cut", "close", "silence", "error"])
async def test_a_connection_that_ends_is_no_hole(version: str, what: str) -> None:
    """Wherever it ends, replay brings what was missed, each post once, and no gap is invented."""
    server = filled(JetstreamServer(), 12)
    server.troubles.extend(Trouble(after=n, what=what, twice=n == 3) for n in (1, 3, 0, 4))
    async with listening(server, version, silence_s=0.3) as bluesky:
        seen = await seen_until(bluesky, "k11")
    assert keys(seen) == [f"k{n}" for n in range(12)]
    assert gaps(seen) == []
    assert through(seen) == sorted(set(through(seen)))
    assert bluesky.posts.tally.refused == 0
    if what == "silence":
        assert any("no frame for" in one.reason for one in seen if isinstance(one, Link))


async def test_the_number_of_the_last_event_is_asked_for_of_the_same_host() -> None:
    """By time only where no number is known."""
    server = filled(JetstreamServer(first_seq=500), 4)
    server.troubles.append(Trouble(after=2))
    async with listening(server, "v2") as bluesky:
        await seen_until(bluesky, "k3")
    assert server.asked == [str(AT - 10 * SECOND), "501"]


@BOTH
async def test_what_the_host_has_no_more_is_a_gap_of_every_asset(version: str) -> None:
    """From the last event read to the first that came after, to the millisecond; then the stream goes on."""
    server = filled(JetstreamServer(), 9)
    server.troubles.append(Trouble(after=3))
    async with listening(server, version) as bluesky:
        before = await seen_until(bluesky, "k2")
        server.floor = 6
        after = await seen_until(bluesky, "k8")
    assert gaps(before) == []
    assert keys(after) == ["k6", "k7", "k8"]
    hole = (NOW_MS + 2_000, NOW_MS + 6_000)
    assert gaps(after) == [("BTC", *hole), ("SOL", *hole)]
    where = [n for n, one in enumerate(after) if isinstance(one, GapPermanent | Post)]
    assert isinstance(after[where[0]], GapPermanent), "the gap stands before what comes behind it"
    if version == "v2":
        assert any("CursorTooOld" in one.reason for one in after if isinstance(one, Link))
        assert server.asked[-1] == str(AT + 2 * SECOND - 10 * SECOND)


@pytest.mark.parametrize("speaks", [True, False])
async def test_a_host_that_counts_anew_is_asked_by_time(*, speaks: bool) -> None:
    """A number above all of its own would be taken for one of the future, and what was missed left out."""
    old, new = filled(JetstreamServer(first_seq=1_000), 6), filled(JetstreamServer(), 10)
    old.troubles.append(Trouble(after=5, what="close"))
    async with old:
        bluesky = source(old.v2, silence_s=0.3)
        bluesky.resume([Heartbeat(source="bluesky", epoch=0, through_ms=NOW_MS)])
        seen = await seen_until(bluesky, "k4")
        old.log, old.first_seq = new.log, 1
        waiting = asyncio.create_task(seen_until(bluesky, "k10"))
        if speaks:  # a new event shows its number, which is below what was asked for
            while len(old.asked) < 2:
                await asyncio.sleep(0.01)
        old.post("k10", "Bitcoin says 10", AT + 10 * SECOND)
        await old.tell()
        seen += await waiting
    assert keys(seen) == [f"k{n}" for n in range(11)]
    assert gaps(seen) == []


async def test_another_host_is_asked_by_time_and_further_back() -> None:
    """Its numbers are its own, and its clock may differ; what comes twice is known by its id."""
    dead, well = JetstreamServer(), filled(JetstreamServer(first_seq=70), 8)
    first = filled(JetstreamServer(), 4)
    first.troubles.append(Trouble(after=4))
    async with first, well, dead:
        dead.web.faults.extend([Status(503), Hang()])
        bluesky = source(first.v2, dead.v1, well.v1)
        bluesky.resume([Heartbeat(source="bluesky", epoch=0, through_ms=NOW_MS)])
        seen = await seen_until(bluesky, "k3")
        first.web.faults.extend([Status(502)])
        seen += await seen_until(bluesky, "k7")
    assert keys(seen) == [f"k{n}" for n in range(8)]
    assert gaps(seen) == []
    assert bluesky.posts.tally.known == 4
    assert well.asked == [str(AT + 3 * SECOND - 60 * SECOND)]


async def test_a_restart_goes_on_where_the_log_ends() -> None:
    """Behind the last event or promise, without a second of what was sent."""
    server = filled(JetstreamServer(), 8)
    server.troubles.append(Trouble(after=5))
    async with listening(server, "v1") as bluesky:
        seen = await seen_until(bluesky, "k4")
        again = source(server.v1)
        again.resume([one for one in seen if isinstance(one, Post)])
        more = await seen_until(again, "k7")
    assert keys(more) == ["k5", "k6", "k7"]
    assert gaps(more) == []
    assert again.posts.tally.known == 5


async def test_the_first_start_begins_with_now() -> None:
    """There is nothing before it, so nothing is missing."""
    server = filled(JetstreamServer(), 3)
    async with server:
        bluesky = source(server.v2)
        waiting = asyncio.create_task(seen_until(bluesky, "k3"))
        while not server.asked:
            await asyncio.sleep(0.01)
        filled(server, 1, first=3)
        await server.tell()
        seen = await waiting
    assert keys(seen) == ["k3"]
    assert server.asked == [""]
    assert gaps(seen) == []


HOSTILE = (
    "",
    "{",
    "[]",
    "null",
    '"' + "x" * 50_000,
    "[" * 100_000,
    '{"did":1,"time_us":"x","kind":[]}',
    '{"did":"d","time_us":-5,"kind":"commit"}',
    '{"did":"d","time_us":1e400,"kind":"commit"}',
    '{"did":"d","time_us":9999999999999999,"kind":"commit"}',
    '{"$type":"message","payload":{"$type":"x","seq":1,"time":"9999-01-01T00:00:00Z"}}',
    '{"$type":"message","payload":{"$type":"x","seq":1,"time":"0001-01-01T00:00:00Z"}}',
    '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#commit"}}',
    '{"$type":"message"}',
    '{"\\ud800":1}',
    "x" * 1_100_000,
)


@BOTH
async def test_frames_that_are_none_become_letters_and_the_next_event_comes(version: str) -> None:
    """Each with its bytes and a place of its own."""
    server = JetstreamServer()
    server.post("a", "Bitcoin", AT)
    for number, frame in enumerate(HOSTILE):
        server.frame(frame, AT + number)
    server.post("t", 5, AT + SECOND)
    server.post("l", "Bitcoin", AT + SECOND, langs="en")
    server.commit("create", "n", AT + SECOND)
    server.commit("explode", "m", AT + SECOND, record={"text": "Bitcoin"})
    server.post("z", "Bitcoin", AT + 2 * SECOND)
    async with listening(server, version) as bluesky:
        seen = await seen_until(bluesky, "z")
    refused = [one for one in seen if isinstance(one, Refused)]
    assert keys(seen) == ["a", "z"]
    assert len(refused) == bluesky.posts.tally.refused == len(HOSTILE) + 4
    assert len({one.origin for one in refused}) == len(refused)
    assert {one.reason for one in refused} == {
        "malformed",
        "invalid",
        "too_large",
        "absurd_time",
    }
    assert gaps(seen) == []


async def test_a_deletion_follows_its_post_under_each_of_its_assets() -> None:
    """Once, by whoever made it; of what was never sent it is counted."""
    server = JetstreamServer()
    server.post("a", "Bitcoin and $SOL", AT)
    server.commit("delete", "a", AT + SECOND, did="did:plc:bob")
    server.commit("delete", "a", AT + 2 * SECOND)
    server.commit("delete", "a", AT + 3 * SECOND)
    server.post("a", "Bitcoin and $SOL", AT + 4 * SECOND)
    server.post("z", "Bitcoin", AT + 5 * SECOND)
    async with listening(server, "v2") as bluesky:
        seen = await seen_until(bluesky, "z")
    deleted = [one for one in seen if isinstance(one, PostDeleted)]
    assert [(one.subject, one.event_ms) for one in deleted] == [
        ("BTC", NOW_MS + 2_000),
        ("SOL", NOW_MS + 2_000),
    ]
    posts = [one for one in seen if isinstance(one, Post)]
    assert {one.post_id for one in deleted} == {posts[0].post_id}
    assert keys(seen) == ["a", "a", "z"], "what was taken back does not come in again"
    assert bluesky.posts.sent.unknown == 1


async def test_an_edit_and_the_end_of_an_account_take_back_what_was_said() -> None:
    """Of the edit the new text is not read; a suspension of the host's own doing is no end."""
    server = JetstreamServer()
    server.post("a", "Bitcoin", AT)
    server.post("b", "Bitcoin", AT)
    server.post("c", "Bitcoin", AT, did="did:plc:bob")
    server.commit("update", "b", AT + SECOND, record={"text": "Solana $SOL"})
    server.commit("update", "unknown", AT + SECOND, record={"text": "Solana $SOL"})
    server.account("did:plc:bob", AT + 2 * SECOND, active=False, status="throttled")
    server.account("did:plc:bob", AT + 2 * SECOND, active=True)
    server.account("did:plc:ann", AT + 3 * SECOND, active=False, status="deleted")
    server.post("z", "Bitcoin", AT + 5 * SECOND, did="did:plc:eve")
    async with listening(server, "v1") as bluesky:
        seen = await seen_until(bluesky, "z")
    deleted = [one.post_id.partition(".")[0] for one in seen if isinstance(one, PostDeleted)]
    assert deleted == ["b", "a"]
    assert bluesky.posts.tally.withdrawn == 2


async def test_a_post_of_before_a_restart_is_known_when_it_is_taken_back() -> None:
    """As far as the log's last minutes show it; one taken back then is not told again."""
    server = JetstreamServer()
    server.post("a", "Bitcoin", AT)
    server.post("b", "Bitcoin", AT)
    server.commit("delete", "b", AT + SECOND)
    server.post("c", "Bitcoin", AT + SECOND)
    server.troubles.append(Trouble(after=4))
    async with listening(server, "v2") as bluesky:
        past = [x for x in await seen_until(bluesky, "c") if isinstance(x, Post | PostDeleted)]
        again = source(server.v2)
        again.resume(past)
        server.commit("delete", "a", AT + 2 * SECOND)
        server.post("z", "Bitcoin", AT + 3 * SECOND)
        seen = await seen_until(again, "z")
    assert [x.post_id[0] for x in seen if isinstance(x, PostDeleted)] == ["a"]


async def test_what_was_imported_from_long_ago_is_not_sent() -> None:
    """Nor does a time that is none, or of the future, keep a post out."""
    server = JetstreamServer()
    server.post("old", "Bitcoin", AT, createdAt="2019-01-01T00:00:00Z")
    server.post("odd", "Bitcoin", AT, createdAt="yesterday")
    server.post("naive", "Bitcoin", AT, createdAt="2019-01-01T00:00:00")
    server.post("far", "Bitcoin", AT, createdAt="9999-12-31T23:59:59Z")
    server.post("z", "Bitcoin", AT)
    async with listening(server, "v2") as bluesky:
        seen = await seen_until(bluesky, "z")
    assert keys(seen) == ["odd", "naive", "far", "z"]
    assert bluesky.posts.tally.imported == 1


async def test_keys_that_no_id_can_hold_get_ids_and_deletions_find_them() -> None:
    """However long, whatever is in them."""
    server = JetstreamServer()
    server.post("x" * 500, "Bitcoin", AT)
    server.post("a|b/c", "Bitcoin", AT)
    server.commit("delete", "x" * 500, AT + SECOND)
    server.commit("delete", "a|b/c", AT + SECOND)
    server.post("z", "Bitcoin", AT + SECOND)
    async with listening(server, "v1") as bluesky:
        seen = await seen_until(bluesky, "z")
    made = [one.post_id for one in seen if isinstance(one, Post)][:2]
    assert [one.post_id for one in seen if isinstance(one, PostDeleted)] == made
    assert all(len(post_id) <= 128 for post_id in made)


async def test_a_slow_host_and_a_slow_taker_lose_nothing() -> None:
    """Being slow to take holds the socket back."""
    server = filled(JetstreamServer(), 40)
    server.troubles.append(Trouble(after=10**9, slow_s=0.005))
    async with listening(server, "v1") as bluesky:
        seen: list[Observation] = []
        async with aclosing(bluesky.observations()) as observations:  # type: ignore[type-var]
            async for one in observations:
                seen.append(one)
                await asyncio.sleep(0.01)
                if keys([one]) == ["k39"]:
                    break
    assert keys(seen) == [f"k{n}" for n in range(40)]


async def test_tls_is_checked_and_a_trusted_authority_is_enough(tmp_path: Any) -> None:
    """A certificate of an authority nobody trusts is refused in words."""
    server = filled(JetstreamServer(tls=True), 2)
    async with server:
        stranger = source(server.v2)
        with pytest.raises(SourceError, match="ertificate"):
            [one async for one in stranger.observations()]
        assert server.web.authority is not None
        server.web.authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        trusting = source(server.v2, ca_file=str(tmp_path / "ca.pem"))
        trusting.resume([Heartbeat(source="bluesky", epoch=0, through_ms=NOW_MS)])
        assert keys(await seen_until(trusting, "k1")) == ["k0", "k1"]
