"""Kafka in Docker, where an engine on this machine answers and holds the images. Nothing is ever pulled."""

import socket
from collections.abc import Mapping
from contextlib import closing

import docker  # type: ignore[import-untyped]  # It has neither types nor stubs in the locks.
from docker.context import ContextAPI  # type: ignore[import-untyped]  # As above.
from docker.errors import (  # type: ignore[import-untyped]  # As above.
    DockerException,
    ImageNotFound,
)
from requests.exceptions import RequestException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

_HOST = "unix:///var/run/docker.sock"
_ASK_S = 1
_PORT = 9092
_CONTROLLER_PORT = 9093


def image(version: str) -> str:
    """Return the official image of a Kafka version."""
    return f"apache/kafka:{version}"


def lack(environ: Mapping[str, str], image: str) -> str | None:
    """Say what keeps Docker from running ``image``, or None when nothing does.

    The image that removes the containers of killed runs must be there too: without it they would stay.
    """
    settings = dict(environ)
    context = ContextAPI.kwargs_from_context(environment=settings)
    host = environ.get("DOCKER_HOST") or context.get("base_url") or _HOST
    scheme, _, path = host.partition("://")
    if scheme not in {"unix", "http+unix"}:
        return f"the Docker engine at {host} is not on this machine"
    if not _listens(path):
        return "no Docker engine answers"
    name = image
    try:
        client = docker.from_env(timeout=_ASK_S, environment=settings)
        with closing(client):
            client.ping()
            for name in (image, testcontainers_config.ryuk_image):
                client.images.get(name)
    except ImageNotFound:
        return f"the Docker engine does not hold {name}"
    except (DockerException, RequestException) as error:
        return f"the Docker engine at {host} does not answer as one: {error}"
    return None


def _listens(path: str) -> bool:
    # Asked first, for the client leaves its socket open when nobody listens.
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_ASK_S)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class KafkaContainer:
    """A container of the official image. testcontainers' own one runs another vendor's image only."""

    def __init__(self, image: str, settings: Mapping[str, str], port: int) -> None:
        """Publish it at ``port``; ``settings`` are server properties."""
        self.bootstrap = f"127.0.0.1:{port}"
        self._container = DockerContainer(image).with_bind_ports(_PORT, port)
        self._container.with_env("KAFKA_HEAP_OPTS", "-Xmx512m")
        listeners = {
            "listeners": f"PLAINTEXT://:{_PORT},CONTROLLER://:{_CONTROLLER_PORT}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@localhost:{_CONTROLLER_PORT}",
        }
        for key, value in {**settings, **listeners}.items():
            self._container.with_env("KAFKA_" + key.replace(".", "_").upper(), value)

    def start(self) -> None:
        """Start it; it answers some seconds later."""
        self._container.start()

    def close(self) -> None:
        """End it and remove it."""
        self._container.stop()
