"""The ids the SDK's own tests ask for. No API has them; the fake knows them only when told to.

The tests are generated from a specification, so they retrieve a model called ``model_id`` and a batch called
``message_batch_id``, and they send a message to every model that was ever retired.
"""

from anthropic.resources.messages import DEPRECATED_MODELS
from msgspec import structs

from .models import MODELS, Model

MODEL_ID = "model_id"
BATCH_ID = "message_batch_id"


def example_models() -> dict[str, Model]:
    """Return the models, and those that only the tests know."""
    old = MODELS["claude-haiku-4-5"]
    unknown = {*DEPRECATED_MODELS, MODEL_ID} - MODELS.keys()
    return {**MODELS, **{name: structs.replace(old, id=name) for name in sorted(unknown)}}
