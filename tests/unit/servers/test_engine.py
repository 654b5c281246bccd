"""Docker is used only where an engine on this machine answers and holds the images."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest
from testcontainers.core.config import testcontainers_config

from tests.servers import engine

IMAGE = engine.image("4.3.0")
REAPER = testcontainers_config.ryuk_image


class Engine(socketserver.ThreadingUnixStreamServer):
    """As much of the Docker engine's API as the search asks."""

    daemon_threads = True
    images: frozenset[str] = frozenset()


class Answer(BaseHTTPRequestHandler):
    """One request to the engine."""

    server: Engine

    def do_GET(self) -> None:
        path = unquote(self.path)
        if path.endswith("/version"):
            self.reply(200, {"ApiVersion": "1.44", "MinAPIVersion": "1.24"})
        elif path.endswith("/_ping"):
            self.reply(200, "OK")
        else:
            name = path.split("/images/")[1].removesuffix("/json")
            known = name in self.server.images
            self.reply(
                200 if known else 404, {"Id": "sha256:1", "message": f"No such image: {name}"}
            )

    def reply(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "client"

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Engine]:
    with Engine(str(tmp_path / "docker.sock"), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def environ(folder: Path) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{folder / 'docker.sock'}", "HOME": str(folder)}


def test_no_engine_is_a_lack(tmp_path: Path) -> None:
    """Where nothing listens, the search says so and leaves nothing open."""
    assert engine.lack(environ(tmp_path), IMAGE) == "no Docker engine answers"


def test_an_engine_elsewhere_is_a_lack(tmp_path: Path) -> None:
    """It is not even asked: tests never leave this machine."""
    lack = engine.lack({"DOCKER_HOST": "tcp://192.0.2.1:2376", "HOME": str(tmp_path)}, IMAGE)
    assert lack == "the Docker engine at tcp://192.0.2.1:2376 is not on this machine"


@pytest.mark.parametrize(
    ("images", "missing"),
    [(set(), IMAGE), ({REAPER}, IMAGE), ({"apache/kafka:4.2.0", REAPER}, IMAGE), ({IMAGE}, REAPER)],
)
def test_an_engine_without_an_image_is_a_lack(
    running: Engine, tmp_path: Path, images: set[str], missing: str
) -> None:
    """Nothing is pulled; without the reaper's image a killed run would leave its broker."""
    running.images = frozenset(images)
    assert engine.lack(environ(tmp_path), IMAGE) == f"the Docker engine does not hold {missing}"


def test_an_engine_with_both_images_will_do(running: Engine, tmp_path: Path) -> None:
    """Then nothing is lacking."""
    running.images = frozenset({IMAGE, REAPER})
    assert engine.lack(environ(tmp_path), IMAGE) is None


def test_something_else_that_listens_is_a_lack(tmp_path: Path) -> None:
    """A socket that speaks no Docker does not stop the search."""
    with socketserver.UnixStreamServer(str(tmp_path / "docker.sock"), Answer):
        # Nobody accepts: the question times out.
        lack = engine.lack(environ(tmp_path), IMAGE)
    assert lack is not None
    assert "does not answer as one" in lack
