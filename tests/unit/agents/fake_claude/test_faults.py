import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.fake_claude.errors import ScriptError
from agents.fake_claude.faults import FAULTS, STEPS_MAX, Player, load

_RANGES = st.tuples(st.integers(1, 12), st.one_of(st.none(), st.integers(0, 6))).map(
    lambda pair: [pair[0], None if pair[1] is None else pair[0] + pair[1]]
)
_SPANS = st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(1, 6))).map(
    lambda pair: [pair[0], None if pair[1] is None else pair[0] + pair[1]]
)
_STEPS = st.one_of(
    st.fixed_dictionaries({"requests": _RANGES, "fault": st.sampled_from(FAULTS)}),
    st.fixed_dictionaries({"seconds": _SPANS, "fault": st.sampled_from(FAULTS)}),
)


def player(*steps: dict[str, Any]) -> Player:
    """Return a player at the beginning of a script."""
    return Player(load(json.dumps(steps).encode()))


def faults(playing: Player, *times_s: float) -> list[str | None]:
    """Return what goes wrong with requests made at these times."""
    steps = [playing.next(time_s) for time_s in times_s]
    return [step.fault if step else None for step in steps]


def test_requests_are_counted_from_one_and_both_ends_are_hit() -> None:
    """The second and third of four."""
    playing = player({"requests": [2, 3], "fault": "html"})
    assert faults(playing, 0, 0, 0, 0) == [None, "html", "html", None]


def test_seconds_count_from_the_first_request_and_the_end_is_not_hit() -> None:
    """Whenever that was."""
    playing = player({"seconds": [10, 20], "fault": "overloaded"})
    assert faults(playing, 500, 509.9, 510, 519.9, 520) == [
        None, None, "overloaded", "overloaded", None,
    ]  # fmt: skip


def test_a_last_of_null_means_for_ever() -> None:
    """For requests and for seconds."""
    assert faults(player({"requests": [2, None], "fault": "slow"}), 0, 9e9)[1] == "slow"
    assert faults(player({"seconds": [5, None], "fault": "slow"}), 0, 9e9)[1] == "slow"


def hits(step: dict[str, Any], number: int, elapsed_s: int) -> bool:
    """Whether a request is among all the requests, or the seconds, a step names."""
    if "requests" in step:
        first, last = step["requests"]
        return number in range(first, 99 if last is None else last + 1)
    first, last = step["seconds"]
    return elapsed_s in range(first, 999 if last is None else last)


@settings(deadline=None)
@given(st.lists(_STEPS, max_size=4), st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_the_first_step_that_fits_is_played(steps: list[dict[str, Any]], gaps: list[int]) -> None:
    """As by a search that lists every request and second a step names."""
    playing = player(*steps)
    now_s = 0
    for number, gap in enumerate(gaps, start=1):
        now_s += gap
        elapsed_s = now_s - gaps[0]
        fitting = [step["fault"] for step in steps if hits(step, number, elapsed_s)]
        assert faults(playing, now_s) == [fitting[0] if fitting else None]


def test_another_script_is_played_from_its_beginning() -> None:
    """Its first request is the next one."""
    playing = player()
    faults(playing, 0, 1, 2)
    playing.restart(load(b'[{"requests": [1, 1], "fault": "hang"}]'))
    assert faults(playing, 3, 4) == ["hang", None]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ({"requests": [1, 1], "fault": "overlaoded"}, "key 'fault': Invalid enum value 'overlaoded' (one of overloaded, rate_limited"),
        ({"requests": [1, 1]}, "key 'fault': Object missing required field `fault`"),
        ({"fault": "slow"}, "key 'requests' or key 'seconds': exactly one"),
        ({"fault": "slow", "requests": [1, 1], "seconds": [1, 2]}, "exactly one"),
        ({"fault": "slow", "requests": [0, 1]}, "key 'requests': Expected `int` >= 1"),
        ({"fault": "slow", "requests": [1]}, "key 'requests': Expected `array` of length 2"),
        ({"fault": "slow", "requests": [3, 2]}, "key 'requests': it ends at 2, before it begins at 3"),
        ({"fault": "slow", "requests": "1-3"}, "key 'requests': Expected `array | null`"),
        ({"fault": "slow", "seconds": [2, 2]}, "key 'seconds': it ends at 2.0"),
        ({"fault": "slow", "seconds": [-1, 2]}, "key 'seconds': Expected `float` >= 0"),
        ({"fault": "slow", "requests": [1, 1], "delay": 3}, "key 'delay': Object contains unknown field"),
        ({"fault": "slow", "requests": [1, 1], "delay_s": 0}, "key 'delay_s': Expected `float` > 0"),
        ({"fault": "hang", "requests": [1, 1], "delay_s": 1}, "key 'delay_s': it goes with the fault 'slow' or 'slow_stream', not with 'hang'"),
        ({"fault": "error", "requests": [1, 1], "retry_after_s": 1}, "key 'retry_after_s': it goes with the fault 'rate_limited'"),
        ({"fault": "slow", "requests": [1, 1], "category": "bio"}, "key 'category': it goes with the fault 'refusal'"),
        ({"fault": "refusal", "requests": [1, 1], "category": "rude"}, "key 'category': Invalid enum value 'rude'"),
        ({"fault": "rate_limited", "requests": [1, 1], "retry_after_s": 86_401}, "key 'retry_after_s': Expected `int` <= 86400"),
        ({"fault": "error", "requests": [1, 1], "status": 404}, "key 'status': Invalid enum value 404"),
        ({"fault": "slow", "requests": [1, 1], "status": 503}, "key 'status': it goes with the fault 'error'"),
        ({"fault": "spend_limited", "requests": [1, 1], "code": "broke"}, "key 'code': Invalid enum value 'broke'"),
        ({"fault": "error", "requests": [1, 1], "code": "organization_on_hold"}, "key 'code': it goes with the fault 'spend_limited'"),
        ({"fault": "slow", "requests": [1, 1], "probability": 0}, "key 'probability': Expected `float` > 0"),
        ({"fault": "slow", "requests": [1, 1], "probability": 1.1}, "key 'probability': Expected `float` <= 1"),
        ({"fault": "slow", "requests": [1, 1], "model": "claude-haku"}, "key 'model': there is no model 'claude-haku'"),
        (5, "key '?': Expected `object`, got `int`"),
    ],
)  # fmt: skip
def test_a_step_that_is_wrong_is_named_with_its_key(step: object, says: str) -> None:
    """Before anything is played: a fault that never comes would make a test pass for nothing."""
    right = {"requests": [1, 1], "fault": "slow"}
    with pytest.raises(ScriptError) as caught:
        load(json.dumps([right, step]).encode())
    assert str(caught.value).startswith("step 2: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"{}", "not a list of steps"), (b"[", "not JSON"), (b"", "not JSON"), (b"\xff", "not JSON")],
)
def test_what_is_no_script_is_refused(data: bytes, says: str) -> None:
    """It says whether it is the JSON or the list."""
    with pytest.raises(ScriptError, match=says):
        load(data)


def test_the_steps_of_a_script_are_bounded() -> None:
    """The bound itself is played, one more is refused."""
    step = {"requests": [1, 1], "fault": "slow"}
    assert len(load(json.dumps([step] * STEPS_MAX).encode())) == STEPS_MAX
    with pytest.raises(ScriptError, match=f"has {STEPS_MAX + 1} steps; at most {STEPS_MAX}"):
        load(json.dumps([step] * (STEPS_MAX + 1)).encode())


def test_a_script_that_is_not_json_is_named_by_its_line() -> None:
    """Where a person finds the comma."""
    data = b'[\n  {"requests": [1, 1], "fault": "slow"},\n  {"requests": [2, 2] "fault": "slow"}\n]'
    with pytest.raises(ScriptError, match="not JSON: line 3, column 23: Expecting ',' delimiter"):
        load(data)


def test_a_step_of_one_model_leaves_the_others_alone() -> None:
    """All requests count, whichever model they are to."""
    playing = player({"requests": [2, 3], "fault": "html", "model": "claude-opus-5-5"})
    asked = ["claude-opus-5-5", "claude-haiku-5-5", "claude-opus-5-5", "claude-opus-5-5"]
    steps = [playing.next(0, model) for model in asked]
    assert [step.fault if step else None for step in steps] == [None, None, "html", None]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_probable_step_hits_its_share_by_its_seed(share: float) -> None:
    """The same seed the same requests, another seed others, and the next step has the rest."""
    script = load(
        json.dumps(
            [
                {"requests": [1, None], "fault": "html", "probability": share},
                {"requests": [1, None], "fault": "slow"},
            ]
        ).encode()
    )
    runs = [faults(Player(script, seed), *[0.0] * 2_000) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert abs(runs[0].count("html") / 2_000 - share) < 0.05
    assert set(runs[0]) == {"html", "slow"}


def test_steps_of_one_probability_are_thrown_for_apart() -> None:
    """Else the second of two even chances would never be played."""
    halves = [{"requests": [1, None], "fault": f, "probability": 0.5} for f in ("html", "slow")]
    hit = faults(player(*halves), *[0.0] * 2_000)
    for fault, share in (("html", 0.5), ("slow", 0.25), (None, 0.25)):
        assert abs(hit.count(fault) / 2_000 - share) < 0.05


def test_the_first_request_is_when_the_seconds_begin() -> None:
    """Its time of day can be read; before it, and after a restart, there is none."""
    playing, seen = player(), []
    seen.append(playing.began_ms)
    for at in (5, 6):
        playing.next(at, wall_ms=at * 1_000)
        seen.append(playing.began_ms)
    playing.restart(())
    assert [*seen, playing.began_ms] == [None, 5_000, 5_000, None]
