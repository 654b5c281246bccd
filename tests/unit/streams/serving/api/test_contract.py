"""The API is what its OpenAPI document says, whatever it is asked: schemathesis, seeded, in this process."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings

from streams.serving.guard.middleware import Guard
from tests.unit.streams.serving.api.standing import Api

EXAMPLES = 6
"""Of each operation: about ten seconds of all."""
API = Api("broken")
HOST = Guard(API.app, API.served.settings)

schema = schemathesis.openapi.from_asgi("/openapi.json", API.app).exclude(path="/v1/stream")


@schema.parametrize()
@seed(8)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_reply_is_what_the_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate()
