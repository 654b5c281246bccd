from collections.abc import Awaitable, Callable

from anthropic import AsyncAnthropic

from agents.fake_claude.examples import BATCH_ID, MODEL_ID, example_models
from agents.fake_claude.models import MODELS


def test_the_examples_add_to_the_models_and_change_none() -> None:
    """Retired models and the one called ``model_id``."""
    known = example_models()
    assert {name: known[name] for name in MODELS} == MODELS
    assert {MODEL_ID, "claude-2.1"} <= known.keys()
    assert all(model.id == name for name, model in known.items())


async def test_a_fake_that_is_told_to_knows_them(start: Callable[..., Awaitable[str]]) -> None:
    """As often as they are asked for: nothing is used up."""
    url = await start(sdk_examples=True)
    async with AsyncAnthropic(api_key="k", base_url=url, max_retries=0) as client:
        assert (await client.models.retrieve(MODEL_ID)).id == MODEL_ID
        listed = [info.id async for info in client.models.list()]
        assert listed == list(MODELS)
        batches = client.messages.batches
        for _ in range(2):
            assert (await batches.retrieve(BATCH_ID)).processing_status == "in_progress"
            assert (await batches.cancel(BATCH_ID)).processing_status == "canceling"
            assert (await batches.delete(BATCH_ID)).id == BATCH_ID
