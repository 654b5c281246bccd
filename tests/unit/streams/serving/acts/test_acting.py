"""An operator's act is checked, written, and given back as it was written."""

import pytest

from streams.serving.acts import Act, ActRefusedError, Allowance, TooManyActsError
from streams.serving.acts.acting import Acts
from streams.serving.acts.writing import ControlWriter, record_of
from topics import BY_NAME, Control, Feedback, partition_of
from topics.envelope import header
from topics.settings import BrokerSettings

NOW_MS = 1_790_000_040_000
BROKER = BrokerSettings(partitions=4)


class Kept(ControlWriter):
    """Keeps acts instead of writing them."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__(BROKER)
        self.acts: list[Act] = []

    async def write(self, act: Act) -> None:
        """Keep an act."""
        self.acts.append(act)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def acts(kept: Kept) -> Acts:
    return Acts(kept, now_ms=lambda: NOW_MS)


async def test_what_is_done_is_what_was_written(acts: Acts, kept: Kept) -> None:
    """Each with who, when and why."""
    done: list[Control | Feedback] = [
        await acts.acknowledge("volume.surge/BTC/1", actor="ann"),
        await acts.mute("all", until_ms=NOW_MS + 1, actor="ann", reason="a move"),
        await acts.unmute("all", actor="bob", reason="moved"),
        await acts.feedback("state/BTC/1/0", "unhelpful", actor="bob", reason="it says nothing"),
    ]
    assert kept.acts == done
    assert [act.at_ms for act in done] == [NOW_MS] * 4
    assert [act.actor for act in done] == ["ann", "ann", "bob", "bob"]
    assert done[0].reason == "seen"


async def test_what_is_refused_is_not_written(acts: Acts, kept: Kept) -> None:
    """Nothing of it."""
    with pytest.raises(ActRefusedError):
        await acts.mute("BTC", until_ms=NOW_MS + 1, actor="ann", reason="r")
    with pytest.raises(ActRefusedError):
        await acts.feedback("state/BTC/1/0", "great", actor="ann", reason="r")
    assert not kept.acts


async def test_beyond_the_bound_an_actor_waits_and_others_do_not(kept: Kept) -> None:
    """Nothing is written, and the sentence says whose acts, how many and how long."""
    now_ms = NOW_MS
    allowance = Allowance(acts_per_min=2, actors_max=10)
    acts = Acts(kept, now_ms=lambda: now_ms, allowance=allowance)
    for target in ("all", "asset/BTC"):
        await acts.unmute(target, actor="ann", reason="over")
    with pytest.raises(TooManyActsError, match="ann acts too often: 2 a minute") as refused:
        await acts.acknowledge("volume.surge/BTC/1", actor="ann")
    assert (len(kept.acts), refused.value.retry_after_s) == (2, 30)
    await acts.acknowledge("volume.surge/BTC/1", actor="bob")
    now_ms += 30_000
    await acts.acknowledge("volume.surge/BTC/1", actor="ann")
    assert allowance.counts == {"allowed": 4, "refused": 1}


async def test_what_cannot_be_is_no_act_of_the_allowance(kept: Kept) -> None:
    """It is refused before it is counted."""
    allowance = Allowance(acts_per_min=1, actors_max=10)
    acts = Acts(kept, now_ms=lambda: NOW_MS, allowance=allowance)
    with pytest.raises(ActRefusedError):
        await acts.unmute("BTC", actor="ann", reason="r")
    await acts.unmute("all", actor="ann", reason="r")
    assert len(kept.acts) == 1


async def test_an_act_stands_under_its_subject(acts: Acts) -> None:
    """So that the next word on the same thing takes its place, in the same partition."""
    on = record_of(BROKER, await acts.mute("all", until_ms=NOW_MS + 1, actor="a", reason="r"))
    off = record_of(BROKER, await acts.unmute("all", actor="b", reason="r"))
    assert (on.topic, on.partition, on.key) == (off.topic, off.partition, off.key)
    assert (on.topic, on.key) == (BROKER.topic("control"), b"all")
    assert on.partition == partition_of("all", 4)
    assert header(on.headers, "ce_type") == b"tapereader.control"
    assert header(on.headers, "ce_id") != header(off.headers, "ce_id")
    said = await acts.feedback("state/BTC/1/0", "wrong", actor="a", reason="r")
    told = record_of(BROKER, said)
    assert header(told.headers, "ce_type") == b"tapereader.feedback"
    assert BY_NAME["control"].decoder().decode(told.value or b"") == said
