"""What the guard decides, whatever is sent: properties."""

from hypothesis import given
from hypothesis import strategies as st

from streams.serving.guard.access import Access
from streams.serving.guard.addresses import UNKNOWN, client_of, host_and_port, is_own_origin
from streams.serving.guard.gate import Asked, Gate
from streams.serving.guard.limits import Buckets, whole_seconds
from streams.serving.guard.problem import Problem, cited
from streams.serving.guard.sign_in import local_path, page, read_form
from streams.serving.guard.tokens import Keyring
from streams.serving.settings import ServeSettings
from tests.unit.streams.serving.guard.asking import OPERATOR, TOKENS, VIEWER

SETTINGS = ServeSettings.model_validate(TOKENS)
RING = Keyring(SETTINGS)
anything = st.text(st.characters(codec="latin-1"), max_size=60)
asked = st.builds(
    Asked,
    kind=st.sampled_from(["http", "websocket"]),
    method=st.sampled_from(["GET", "POST", "DELETE", "HEAD", "OPTIONS", "TRACE", "x"]),
    path=anything | st.sampled_from(["/", "/signin", "/api/v1/x", "/_nicegui_ws/socket.io"]),
    client=anything,
    headers=st.integers(0, 200),
    header_bytes=st.integers(0, 30_000),
    host=st.none() | anything | st.just("localhost"),
    origin=st.none() | anything | st.just("http://localhost"),
    authorization=st.none() | anything | st.just(f"Bearer {VIEWER}"),
    cookie=st.none() | anything,
    length=st.none() | st.integers(0, 10**6),
    fetch_site=st.none() | st.sampled_from(["cross-site", "same-origin", "none", "x"]),
    fetch_mode=st.none() | st.sampled_from(["navigate", "cors"]),
    accepts_html=st.booleans(),
)


@given(asked)
def test_nobody_comes_in_without_a_token_a_name_and_an_origin(one: Asked) -> None:
    verdict = Gate(SETTINGS, RING).judge(one, now_s=0, wall_s=0)
    if isinstance(verdict, Access):
        assert one.authorization == f"Bearer {VIEWER}"  # no cookie of ours was made up
        assert verdict.actor == "vera"
        assert host_and_port(one.host or "") is not None
        assert one.host is not None
        assert not (one.changes and one.origin not in (None, "http://localhost"))
        acts = one.kind == "http" and one.changes and one.path.startswith("/api/")
        assert not acts
    if isinstance(verdict, Problem):
        assert 400 <= verdict.status < 500
        assert verdict.body(one.path)


@given(anything, st.integers(0, 2**40))
def test_a_cookie_is_whose_it_was_made_for_until_it_expires(text: str, expires_s: int) -> None:
    oscar = Access(role="operator", actor="oscar")
    made = RING.cookie(oscar, expires_s=expires_s)
    assert RING.access_by_cookie(made, expires_s - 1) == oscar
    assert RING.access_by_cookie(made, expires_s) is None
    assert RING.access_by_cookie(text, 0) is None
    assert OPERATOR not in made


@given(st.integers(0, 200), st.characters(codec="ascii"))
def test_a_cookie_with_one_other_character_is_none(place: int, other: str) -> None:
    made = RING.cookie(Access(role="viewer", actor="vera"), expires_s=9_999)
    place %= len(made)
    changed = made[:place] + other + made[place + 1 :]
    assert changed == made or RING.access_by_cookie(changed, 0) is None


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 3)), max_size=60),
    st.floats(0.1, 5),
    st.integers(1, 5),
)
def test_no_client_gets_more_than_its_rate_and_its_burst(
    asks: list[tuple[str, float]], rate_per_s: float, burst: int
) -> None:
    buckets = Buckets(rate_per_s=rate_per_s, burst=burst, clients_max=10)
    now_s, taken = 0.0, dict.fromkeys("abc", 0)
    for client, later_s in asks:
        now_s += later_s
        wait_s = buckets.take(client, now_s)
        taken[client] += wait_s == 0
        assert taken[client] <= burst + rate_per_s * now_s + 1e-6
        if wait_s:
            assert buckets.wait_s(client, now_s) > 0
            assert buckets.wait_s(client, now_s + wait_s + 1e-9) == 0


def test_clients_beyond_the_bound_make_room_for_each_other() -> None:
    buckets = Buckets(rate_per_s=1, burst=1, clients_max=3)
    for client in "abcd":
        buckets.take(client, 0)
    assert (len(buckets), buckets.forgotten) == (3, 1)
    assert buckets.take("d", 0) > 0
    assert buckets.take("a", 0) == 0  # forgotten, so as new


def test_a_rate_below_one_permit_is_still_a_rate() -> None:
    """Half a wrong token a minute: one is looked at, and another two minutes later."""
    buckets = Buckets(rate_per_s=0.5 / 60, burst=0.5, clients_max=3)
    assert [buckets.take("a", now_s) for now_s in (0, 0, 120)] == [0, 120, 0]


def test_a_client_is_an_address_or_a_network_of_ipv6() -> None:
    assert client_of("192.0.2.7") == client_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff") == "2001:db8::/64"
    assert client_of("x") == client_of(None) == UNKNOWN
    assert whole_seconds(0.01) == whole_seconds(1) == 1


@given(anything)
def test_only_the_origin_of_the_host_is_its_own(origin: str) -> None:
    if is_own_origin(origin, "tape.example.org", ()):
        scheme, _, rest = origin.strip().lower().partition("://")
        assert (scheme, rest.removesuffix(".")) in {
            (s, f"tape.example.org{p}")
            for s, p in (("http", ""), ("https", ""), ("http", ":80"), ("https", ":443"))
        }
    assert is_own_origin("https://tape.example.org:443", "tape.example.org", ())
    assert not is_own_origin("http://tape.example.org:443", "tape.example.org", ())
    assert not is_own_origin("https://tape.example.org.evil", "tape.example.org", ())


@given(st.text(max_size=100))
def test_what_comes_after_signing_in_is_a_path_of_ours(wanted: str) -> None:
    path = local_path(wanted)
    assert path.startswith("/")
    assert not path.startswith("//")
    assert path.isprintable()
    assert "\\" not in path
    html = page(next_path=wanted, told=f"x{wanted}").body.decode()
    assert html.count("<") == page(next_path="/", told="x").body.decode().count("<")


@given(st.binary(max_size=200))
def test_a_form_is_read_or_refused(body: bytes) -> None:
    form = read_form(body)
    assert form is None or form.next.startswith("/")


@given(st.text(max_size=200))
def test_what_is_cited_is_short_and_printable(text: str) -> None:
    assert cited(text).isprintable()
    assert len(cited(text)) <= 83
