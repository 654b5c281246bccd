"""The guard as a caller sees it."""

from typing import Any

import pytest

from streams.serving.guard.access import Access
from streams.serving.guard.gate import COOKIE, HEADER_BYTES_MAX, HEADERS_MAX
from tests.unit.streams.serving.guard.asking import OPERATOR, TOKENS, VIEWER, Door, bearer

PROBLEM = "application/problem+json"
HTML = {"accept": "text/html,application/xhtml+xml"}


async def _signed_in(door: Door, token: str = VIEWER) -> str:
    async with door.client() as client:
        came = await client.post("/signin", data={"token": token, "next": "/alerts"})
    assert came.status_code == 303
    return str(came.cookies[COOKIE])


async def test_without_tokens_whoever_is_on_this_machine_is_an_operator() -> None:
    door = Door()
    async with door.client() as client:
        assert (await client.get("/")).status_code == 200
    assert door.inner.came == [("/", Access(role="operator", actor="loopback"))]


async def test_without_tokens_one_on_this_machine_only_looks_if_so_configured() -> None:
    door = Door(loopback_operator=False)
    async with door.client() as client:
        refused = await client.post("/api/v1/mutes")
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:tapereader:problem:forbidden"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.", ""])
async def test_it_answers_to_its_own_names_alone(host: str) -> None:
    door = Door()
    async with door.client() as client:
        came = await client.get("/", headers={"host": host})
    own = host == "localhost."
    assert came.status_code == (200 if own else 421)
    assert bool(door.inner.came) is own


async def test_two_hosts_are_none() -> None:
    door = Door()
    async with door.client() as client:
        request = client.build_request(
            "GET", "/", headers=[("host", "localhost"), ("host", "evil")]
        )
        assert (await client.send(request)).status_code == 421


async def test_a_program_shows_its_token_in_a_header() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        none = await client.get("/api/v1/summary")
        wrong = await client.get("/api/v1/summary", headers=bearer("not-anybodys-token"))
        basic = await client.get("/api/v1/summary", headers={"authorization": f"Basic {VIEWER}"})
        right = await client.get("/api/v1/summary", headers=bearer(VIEWER))
    assert [r.status_code for r in (none, wrong, basic, right)] == [401, 401, 401, 200]
    assert none.headers["www-authenticate"].startswith("Bearer")
    assert none.headers["content-type"] == PROBLEM
    assert door.inner.came == [("/api/v1/summary", Access(role="viewer", actor="vera"))]


async def test_a_token_in_the_address_is_no_token() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        for name in ("token", "access_token", "authorization"):
            assert (await client.get("/api/v1/summary", params={name: VIEWER})).status_code == 401


async def test_a_viewer_looks_and_an_operator_acts() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        looked = await client.post("/api/v1/mutes", headers=bearer(VIEWER))
        acted = await client.post("/api/v1/mutes", headers=bearer(OPERATOR))
    assert (looked.status_code, acted.status_code) == (403, 200)
    assert "serve.operator_tokens" in looked.json()["allowed"]


async def test_a_person_signs_in_and_goes_on_where_they_wanted() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        sent = await client.get("/alerts/a%2Fb?x=1", headers=HTML)
        assert sent.status_code == 303
        page = await client.get(sent.headers["location"], headers=HTML)
        assert 'name="next" value="/alerts/a%2Fb?x=1"' in page.text
        came = await client.post("/signin", data={"token": OPERATOR, "next": "/alerts/a%2Fb?x=1"})
        assert (came.status_code, came.headers["location"]) == (303, "/alerts/a%2Fb?x=1")
        told = came.headers["set-cookie"]
        assert all(word in told for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert "Secure" not in told  # over plain http on this machine
        assert OPERATOR not in told
        assert (await client.get("/alerts", headers=HTML)).status_code == 200
        assert door.inner.came[-1][1] == Access(role="operator", actor="oscar")
        out = await client.post("/signout")
        assert out.headers["location"] == "/signin"
        assert (await client.get("/alerts", headers=HTML)).status_code == 303


async def test_behind_https_the_cookie_is_for_https_alone() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        came = await client.post("https://localhost/signin", data={"token": VIEWER})
    assert "Secure" in came.headers["set-cookie"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/\tx",
        "javascript:1",
        "",
        "/signin",
    ],
)
async def test_signing_in_leads_nowhere_else(elsewhere: str) -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        came = await client.post("/signin", data={"token": VIEWER, "next": elsewhere})
        page = await client.get("/signin", params={"next": elsewhere})
    assert came.headers["location"] == "/"
    assert 'name="next" value="/"' in page.text


async def test_what_is_sent_to_the_page_is_never_its_markup() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        page = await client.get("/signin", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in page.text
    assert "'unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("forged", ["", "x", "oscar.9999999999.00", "oscar.x.y", "..", "é.1.2"])
async def test_a_cookie_that_was_not_signed_here_is_none(forged: str) -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        told = f"{COOKIE}={forged}".encode()
        request = client.build_request("GET", "/api/v1/summary", headers=[(b"cookie", told)])
        assert (await client.send(request)).status_code == 401


async def test_a_cookie_holds_on_another_replica_until_it_expires_or_its_token_goes() -> None:
    cookie = await _signed_in(Door(**TOKENS, session_hours=1))
    other = Door(**TOKENS)
    async with other.client(cookies={COOKIE: cookie}) as client:
        assert (await client.get("/api/v1/summary")).status_code == 200
        other.clock.now_s += 3_601
        assert (await client.get("/api/v1/summary")).status_code == 401
    changed = Door(viewer_tokens={"vera": "another-token-0123456789"})
    async with changed.client(cookies={COOKIE: cookie}) as client:
        assert (await client.get("/api/v1/summary")).status_code == 401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:8081", "file://"]
)
async def test_another_sites_page_neither_acts_nor_opens_a_websocket(origin: str) -> None:
    door = Door()
    async with door.client() as client:
        acted = await client.post("/api/v1/mutes", headers={"origin": origin})
        assert (acted.status_code, acted.json()["title"]) == (
            403,
            "The request comes from another site's page",
        )
        signed = await client.post("/signin", headers={"origin": origin})
        assert signed.status_code == 403
    told = await door.websocket(origin=origin)
    assert told[0] == {**told[0], "type": "websocket.http.response.start", "status": 403}
    assert not door.inner.came


async def test_its_own_page_acts_and_opens_a_websocket() -> None:
    door = Door(allowed_origins=["https://tape.example.org"])
    for origin in ("http://localhost:8080", "https://tape.example.org"):
        async with door.client() as client:
            assert (await client.post("/api/v1/x", headers={"origin": origin})).status_code == 200
        assert (await door.websocket(origin=origin))[0]["type"] == "websocket.accept"


async def test_a_websocket_needs_who_opens_it() -> None:
    door = Door(**TOKENS)
    own = "http://localhost:8080"
    assert (await door.websocket(origin=own))[0]["status"] == 401
    cookie = await _signed_in(door)
    opened = await door.websocket(origin=own, cookie=f"a=b; {COOKIE}={cookie}")
    assert opened[0]["type"] == "websocket.accept"
    assert door.inner.came[-1][1].actor == "vera"


async def test_another_sites_page_reads_nothing_but_a_person_may_follow_its_link() -> None:
    door = Door()
    async with door.client() as client:
        read = await client.get("/api/v1/summary", headers={"sec-fetch-site": "cross-site"})
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", **HTML}
        followed = await client.get("/alerts", headers=link)
    assert (read.status_code, followed.status_code) == (403, 200)


async def test_one_who_followed_a_link_is_asked_again_with_their_cookie() -> None:
    """A strict cookie does not come with another site's link; it does with the next request."""
    door = Door(**TOKENS)
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", **HTML}
    async with door.client() as client:
        came = await client.get('/alerts/"><b>', headers=link)
    assert came.status_code == 200
    assert '<meta http-equiv="refresh" content="0">' in came.text
    assert "<b>" not in came.text


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    door = Door(rates={"requests_per_s": 2, "requests_burst": 3})
    async with door.client() as client, door.client("10.0.0.9") as other:
        codes = [(await client.get("/")).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = await client.get("/")
        assert refused.headers["retry-after"] == "1"
        assert (await other.get("/")).status_code == 200
        door.clock.now_s += 0.5
        assert (await client.get("/")).status_code == 200


async def test_whoever_tries_tokens_is_soon_not_heard_even_with_a_right_one() -> None:
    door = Door(**TOKENS, rates={"refusals_per_min": 3})
    async with door.client() as client, door.client("10.0.0.9") as other:
        for _ in range(3):
            wrong = await client.post("/signin", data={"token": "wrong"})
            assert (wrong.status_code, "Nobody has this token" in wrong.text) == (401, True)
        late = await client.post("/signin", data={"token": VIEWER})
        assert (late.status_code, late.headers["retry-after"]) == (429, "20")
        assert (await client.get("/api/v1/x", headers=bearer(VIEWER))).status_code == 429
        assert (await other.get("/api/v1/x", headers=bearer(VIEWER))).status_code == 200
        door.clock.now_s += 20
        assert (await client.get("/api/v1/x", headers=bearer(VIEWER))).status_code == 200


async def test_headers_have_a_bound() -> None:
    door = Door()
    async with door.client() as client:
        most = HEADERS_MAX - 5  # httpx sends five of its own
        fits = await client.get("/", headers={f"x-{i}": "1" for i in range(most)})
        many = await client.get("/", headers={f"x-{i}": "1" for i in range(most + 1)})
        long = await client.get("/", headers={"x": "1" * HEADER_BYTES_MAX})
    assert [r.status_code for r in (fits, many, long)] == [200, 431, 431]


async def test_a_body_has_a_bound_and_says_its_length_first() -> None:
    async def slowly() -> Any:
        yield b"{}"

    door = Door(body_bytes_max=1_024)
    async with door.client() as client:
        fits = await client.post("/api/v1/x", content=b" " * 1_024)
        long = await client.post("/api/v1/x", content=b" " * 1_025)
        unsaid = await client.post("/api/v1/x", content=slowly())
    assert [r.status_code for r in (fits, long, unsaid)] == [200, 413, 411]


async def test_every_answer_tells_the_browser_what_it_may_not_do() -> None:
    door = Door(**TOKENS)
    async with door.client() as client:
        answers = [
            await client.get("/api/v1/x", headers=bearer(VIEWER)),
            await client.get("/", headers=bearer(VIEWER)),
            await client.get("/api/v1/x"),
            await client.get("/signin"),
            await client.get("/", headers={"host": "evil"}),
        ]
    for answer in answers:
        told = answer.headers
        assert told["x-content-type-options"] == "nosniff"
        assert told["x-frame-options"] == "DENY"
        assert told["referrer-policy"] == "same-origin"
        assert "camera=()" in told["permissions-policy"]
        assert "content-security-policy" in told
        assert "access-control-allow-origin" not in told
    assert answers[0].headers["content-security-policy"].startswith("default-src 'none';")
    assert answers[1].headers["content-security-policy"].startswith("script-src 'nonce-")


async def test_a_prefix_that_only_a_proxy_may_say_does_not_come_in() -> None:
    """NiceGUI writes `X-Forwarded-Prefix` into its page."""
    door = Door()
    async with door.client() as client:
        await client.get("/", headers={"x-forwarded-prefix": "/evil"})
    assert b"x-forwarded-prefix" not in dict(door.inner.headers)
