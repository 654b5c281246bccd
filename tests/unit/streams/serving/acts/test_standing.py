"""What operators' acts mean now, for every reader alike."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.serving.acts import Act, StandingActs, making, targets_of
from topics import Alert, Control, Feedback

T0 = 1_790_000_000_000
HOUR = 3_600_000
ALERT = Alert(
    alert_id=f"volume.surge/BTC/USD/{T0}",
    rule="volume.surge",
    asset="BTC",
    subject="BTC/USD",
    state="firing",
    severity="warning",
    since_ms=T0,
    as_of_ms=T0,
    headline="much",
)
TARGETS = ("all", "asset/BTC", "rule/volume.surge", "rule/volume.surge/BTC/USD")


def mute(target: str, until_ms: int, at_ms: int = T0) -> Control:
    return making.mute(target, until_ms=until_ms, actor="ann", reason="known", at_ms=at_ms)


def unmute(target: str, at_ms: int = T0) -> Control:
    return making.unmute(target, actor="bob", reason="over", at_ms=at_ms)


def acknowledge(alert_id: str = ALERT.alert_id, actor: str = "ann", at_ms: int = T0) -> Control:
    return making.acknowledgement(alert_id, actor=actor, reason="seen", at_ms=at_ms)


def judge(analysis: str, actor: str, verdict: str = "wrong", reason: str = "r") -> Feedback:
    return making.feedback(analysis, verdict, actor=actor, reason=reason, at_ms=T0)


def order(subject: str, value: str, expires_ms: int | None = None) -> Control:
    return Control(
        control_id=f"{subject}{value}",
        act="force_breaker",
        subject=subject,
        value=value,
        actor="ann",
        reason="r",
        at_ms=T0,
        expires_ms=expires_ms,
    )


def standing(*acts: Act) -> StandingActs:
    made = StandingActs()
    for act in acts:
        made.take(act)
    return made


ACTS = st.one_of(
    st.builds(mute, st.sampled_from(TARGETS), st.integers(T0 + 1, T0 + 10)),
    st.builds(unmute, st.sampled_from(TARGETS)),
    st.builds(acknowledge, st.sampled_from([ALERT.alert_id, "other/BTC/1"]), st.sampled_from("ab")),
    st.builds(judge, st.sampled_from(["x", "y"]), st.sampled_from("ab"), st.sampled_from(["wrong", "unhelpful"])),
    st.builds(order, st.sampled_from(["breaker/*", "breaker/a"]), st.sampled_from(["open", "auto"])),
)  # fmt: skip


@given(st.lists(ACTS, max_size=20), st.integers(T0, T0 + 12))
def test_the_last_word_of_each_subject_counts_and_nothing_else(
    acts: list[Act], now_ms: int
) -> None:
    """Against a table written down plainly: what came before a subject's last word might as well not have been."""
    made, last = standing(*acts), {}
    for act in acts:
        last[act.subject] = act
    muting = [a for t in TARGETS if isinstance(a := last.get(t), Control) and a.value == "on"]
    holding = [a for a in muting if (a.expires_ms or 0) > now_ms]
    found = made.mute_of(ALERT, now_ms)
    assert (found is None) == (not holding)
    if found is not None:
        assert found in holding
        assert found.expires_ms == max(a.expires_ms or 0 for a in holding)
    acknowledged = made.acknowledgement_of(ALERT)
    assert (acknowledged is None) == (f"alert/{ALERT.alert_id}" not in last)
    assert {f.subject: f.verdict for f in made.feedback()} == {
        f.subject: f.verdict for f in last.values() if isinstance(f, Feedback)
    }
    assert standing(*acts, *acts[-1:]).in_force(now_ms) == made.in_force(now_ms)


@given(st.lists(ACTS, max_size=20), st.integers(T0, T0 + 12))
def test_compaction_changes_nothing(acts: list[Act], now_ms: int) -> None:
    """Of each key only the last record is left; who reads then comes to what those came to who read all."""
    last = {act.subject: at for at, act in enumerate(acts)}
    whole, left = (
        standing(*acts),
        standing(*(a for at, a in enumerate(acts) if last[a.subject] == at)),
    )
    assert {(a.act, a.subject, a.value) for a in left.in_force(now_ms)} == {
        (a.act, a.subject, a.value) for a in whole.in_force(now_ms)
    }
    assert len(left.feedback()) == len(whole.feedback())


def test_a_mute_holds_until_its_end_and_not_at_it() -> None:
    """To the millisecond."""
    acts = standing(mute("asset/BTC", T0 + HOUR))
    assert acts.mute_of(ALERT, T0 + HOUR - 1) is not None
    assert acts.mute_of(ALERT, T0 + HOUR) is None
    assert acts.mutes(T0 + HOUR - 1)
    assert not acts.mutes(T0 + HOUR)


def test_an_unmute_beats_the_mute_before_it_and_yields_to_the_one_behind_it() -> None:
    """And takes back no mute of anything else."""
    on, off = mute("asset/BTC", T0 + HOUR), unmute("asset/BTC")
    assert standing(on, off).mute_of(ALERT, T0) is None
    assert standing(on, off, on).mute_of(ALERT, T0) == on
    wider = mute("all", T0 + HOUR)
    assert standing(wider, on, off).mute_of(ALERT, T0) == wider


def test_a_mute_silences_what_it_names_alone() -> None:
    """No other asset, rule or subject."""
    others = ("asset/ETH", "rule/volume", "rule/volume.surge/BTC", "rule/volume.surge/ETH/USD")
    acts = standing(*(mute(target, T0 + HOUR) for target in others))
    assert acts.mute_of(ALERT, T0) is None
    assert set(TARGETS) == set(targets_of(ALERT))


def test_an_acknowledgement_ends_with_its_alert() -> None:
    """The next firing has another id, and nobody has seen it."""
    acts = standing(acknowledge())
    assert acts.acknowledgement_of(ALERT) == acknowledge()
    assert acts.acknowledgement_of(replace(ALERT, state="cleared")) is None
    later = replace(ALERT, alert_id=f"volume.surge/BTC/USD/{T0 + 1}")
    assert acts.acknowledgement_of(later) is None


def test_an_act_that_is_sent_again_is_of_its_first_time() -> None:
    """Who has seen an alert has seen it then."""
    acts = standing(acknowledge())
    assert not acts.take(acknowledge(at_ms=T0 + 5))
    seen = acts.acknowledgement_of(ALERT)
    assert seen is not None
    assert seen.at_ms == T0


def test_a_deleted_record_is_forgotten() -> None:
    """Whatever it was."""
    redrive = making.redrive("0f", letters=["a"], places=["t/0"], actor="a", reason="r", at_ms=T0)
    acts = standing(mute("all", T0 + HOUR), acknowledge(), judge("x", "ann"), redrive)
    for act in (mute("all", T0 + HOUR), acknowledge(), judge("x", "ann"), redrive):
        acts.delete(act.subject)
    assert not acts.in_force(T0)
    assert not acts.feedback_of("x")
    assert not acts.redrives()


def test_what_is_kept_is_bounded_and_what_it_cost_is_counted() -> None:
    """The oldest makes room, of each sort."""
    acts = StandingActs(acts_max=2, feedback_max=2, redrives_max=2)
    for number in range(3):
        acts.take(acknowledge(f"r/BTC/{number}"))
        acts.take(judge(f"analysis{number}", "ann"))
        acts.take(
            making.redrive(f"{number}", letters=["a"], places=[], actor="a", reason="r", at_ms=T0)
        )
    assert [act.subject for act in acts.in_force(T0)] == ["alert/r/BTC/1", "alert/r/BTC/2"]
    assert [each.analysis_id for each in acts.feedback()] == ["analysis1", "analysis2"]
    assert [each.redrive_id for each in acts.redrives()] == ["1", "2"]
    assert [each.redrive_id for each in acts.redrives_of("a")] == ["1", "2"]
    assert acts.dropped == 3
