"""The API is what its OpenAPI document says, whatever it is asked: schemathesis, seeded, in this process."""

import re
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.applications import Starlette
from starlette.routing import Mount
from structlog.testing import capture_logs

from streams.serving.api import app as routes
from tests.unit.streams.serving.api.standing import Api

EXAMPLES = 6
"""Of each operation: about ten seconds of all."""
API = Api("broken")
HOST = Starlette(routes=[Mount("/api", API.app)])

schema = schemathesis.openapi.from_asgi("/api/openapi.json", HOST).exclude(path="/v1/stream")


@schema.parametrize()
@seed(8)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_reply_is_what_the_document_says(case: schemathesis.Case[Any]) -> None:
    with capture_logs():  # a defect's log would be drawn with all that its frames hold: for minutes
        response = case.call()
    told = response.json() if response.status_code == 400 else {}
    # No schema can say which cursors were given, nor how far two times may be apart.
    beyond = told.get("type", "").endswith("bad_cursor") or "from_ms to to_ms" in str(told)
    case.validate_response(response, excluded_checks=[positive_data_acceptance] if beyond else [])


def test_every_operation_but_the_endless_one_is_asked() -> None:
    """Whatever the modules declare; the stream has tests of its own."""
    declared = re.compile(r"@(?:router|v1)\.(?:get|post|put|patch|delete)\(")
    files = Path(routes.__file__).parent.glob("*.py")
    count = sum(len(declared.findall(file.read_text())) for file in files)
    asked = {found.ok().label for found in schema.get_all_operations()}  # type: ignore[union-attr]
    assert len(asked) == count - 1
    assert "GET /v1/stream" not in asked
