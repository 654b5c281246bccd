#!/usr/bin/env python3
"""Ask the role in this container what a monitor asks: probe [healthz | readyz | metrics]. The image has no curl."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

PORT_KEY = "TAPEREADER_PROBES__PORT"
TIMEOUT_S = 3.0
"""Below the health check's own time-out, so that the reason is told."""


def main(arguments: list[str]) -> int:
    """Print the page, and return 0 if all is well, 1 if not, 2 if nobody answers."""
    page = arguments[0] if arguments else "healthz"
    port = int(os.environ.get(PORT_KEY, "9100"))
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"/{page}")
        response = connection.getresponse()
        sys.stdout.write(response.read().decode(errors="replace"))
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"probe: port {port} ({PORT_KEY}): {error!r}\n")
        return 2
    finally:
        connection.close()
    return 0 if response.status == HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
