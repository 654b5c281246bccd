"""A missing server skips a test, and fails it where the run must have it."""

import pytest

from tests.servers import REQUIRE, ServerError, UnavailableError, obtain, required
from tests.servers.requirement import given


def nothing() -> str:
    message = "java is not on the PATH"
    raise UnavailableError(message)


def test_what_is_there_is_returned() -> None:
    """Whether it is required changes nothing then."""
    assert obtain("kafka", lambda: "a broker", {}) == "a broker"
    assert obtain("kafka", lambda: "a broker", {REQUIRE: "kafka"}) == "a broker"


@pytest.mark.parametrize("names", ["", "redis", " redis ,"])
def test_what_is_missing_skips_with_the_reason(names: str) -> None:
    """A run that does not require it goes on, and says what was tried."""
    with pytest.raises(pytest.skip.Exception, match="kafka: java is not on the PATH"):
        obtain("kafka", nothing, {REQUIRE: names})


@pytest.mark.parametrize("names", ["kafka", "redis,kafka", " kafka , redis"])
def test_what_is_missing_fails_where_it_is_required(names: str) -> None:
    """A run that promised it cannot pass by skipping."""
    # Both are caught here: a skip that got out of this test would skip it instead of failing it.
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as caught:
        obtain("kafka", nothing, {REQUIRE: names})
    assert caught.type is pytest.fail.Exception
    assert f"java is not on the PATH ({REQUIRE} says it must be there)" in str(caught.value)


def test_a_broken_server_is_never_a_skip() -> None:
    """Only what cannot be had is skipped; what is there and fails is an error."""

    def broken() -> str:
        message = "it ended while it started"
        raise ServerError(message)

    with pytest.raises(ServerError):
        obtain("kafka", broken, {})


def test_a_misspelt_requirement_is_refused() -> None:
    """A name that no service has would be a gate that never closes."""
    with pytest.raises(ValueError, match=r"kafak.*may name.*kafka"):
        required({REQUIRE: "redis,kafak"})


@pytest.mark.parametrize("address", ["127.0.0.1:9092", "localhost:9092"])
def test_a_given_server_of_this_machine_is_taken(address: str) -> None:
    """The variable's value is the address."""
    assert given({"GIVEN": address}, "GIVEN", lambda text: text.split(":")[0]) == address


@pytest.mark.parametrize("environ", [{}, {"GIVEN": ""}])
def test_no_server_given_is_none(environ: dict[str, str]) -> None:
    """An empty variable gives nothing, as an absent one."""
    assert given(environ, "GIVEN", lambda text: text) is None


def test_a_given_server_elsewhere_is_refused() -> None:
    """Tests never leave the machine, by a variable neither."""
    with pytest.raises(ServerError, match=r"GIVEN is 'kafka\.example:9092'"):
        given({"GIVEN": "kafka.example:9092"}, "GIVEN", lambda text: text.split(":")[0])
