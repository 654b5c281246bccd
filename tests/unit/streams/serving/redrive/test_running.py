"""What the shell of a redrive refuses before it asks the broker for anything."""

import pytest

from streams.serving.acts import Allowance, TooManyActsError
from streams.serving.acts.writing import ControlWriter
from streams.serving.redrive import Chosen, planned
from streams.serving.redrive.running import Redriver
from topics.settings import BrokerSettings

from .test_plan import letter

BROKER = BrokerSettings(partitions=4)


async def test_dry_runs_and_redrives_are_counted_with_all_other_acts() -> None:
    """By actor; a dry run reads every letter there is."""
    allowance = Allowance(acts_per_min=1, actors_max=10)
    redriver = Redriver(BROKER, ControlWriter(BROKER), now_ms=lambda: 0, allowance=allowance)
    allowance.take("ann", 0)
    with pytest.raises(TooManyActsError):
        await redriver.plan(Chosen(), actor="ann")
    plan = planned([letter()], partitions=4)
    with pytest.raises(TooManyActsError):
        await redriver.redrive(plan, actor="ann", reason="mended")
