"""What the tests of venues share."""

from typing import Any

import pytest


@pytest.fixture(scope="session")
def ccxt_pro() -> Any:
    """Return ccxt's package, which takes seconds to import."""
    import ccxt.pro  # noqa: PLC0415 - see above

    return ccxt.pro
