"""Git's advertisement, read with bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.collectors.development.refs import PREFIX_BYTES, NoAdvertisementError, head_of
from tests.servers.github import Repo, advertised, packet

NOW_MS = 1_790_000_000_000
HEADER = packet(b"# service=git-upload-pack\n") + b"0000"
SHA = "a" * 40


def test_the_head_of_a_repository_and_of_an_empty_one() -> None:
    repo = Repo("acme/coin", 1)
    assert head_of(advertised(repo)) == ""
    repo.commit(NOW_MS)
    newest = repo.commit(NOW_MS)
    assert head_of(advertised(repo)) == newest


def test_the_beginning_is_enough() -> None:
    repo = Repo("acme/coin", 1)
    sha = repo.commit(NOW_MS)
    whole = advertised(repo)
    assert len(whole) > 4 * PREFIX_BYTES
    assert head_of(whole[:PREFIX_BYTES]) == sha


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>sign in</html>",
        b"zzzz",
        b"0001",
        b"0004",
        HEADER,
        HEADER + packet(b"not a sha HEAD\0x\n"),
        HEADER + packet(SHA.encode() + b" refs/heads/main\0x\n"),
        HEADER + packet(SHA[:-1].encode() + b"\xff HEAD\0x\n"),
        (HEADER + packet(SHA.encode() + b" HEAD\0x\n"))[:-1],
        b"0000" * 5 + packet(SHA.encode() + b" HEAD\0x\n"),
    ],
)
def test_what_is_none_says_so(body: bytes) -> None:
    with pytest.raises(NoAdvertisementError):
        head_of(body)


@given(body=st.binary(max_size=200) | st.binary(max_size=100).map(lambda more: HEADER + more))
def test_hostile_bytes_are_refused_or_name_a_commit(body: bytes) -> None:
    try:
        head = head_of(body)
    except NoAdvertisementError:
        return
    assert head == "" or len(head) in (40, 64)
