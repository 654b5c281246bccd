"""The compose file and its image, as far as they can be judged without an engine."""

import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from typer.main import get_command

from deploy.cli import app
from deploy.settings import Settings, load
from tests.servers.jars import kafka_version
from topics import SettingsError

from .plain_yaml import read

TOP = Path(__file__).parents[3]
FOLDER = TOP / "deploy" / "docker"
COMPOSE: dict[str, Any] = read(TOP / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SIMULATED: dict[str, dict[str, Any]] = read(FOLDER / "simulated.yml")["services"]
KEY: dict[str, Any] = read(FOLDER / "key.yml")
WHOLE = SERVICES | {"fake-claude": SIMULATED["fake-claude"]}
"""Every service that stands on its own; the other entries of the overlays only add to one."""
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
VERSION = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
IMAGE = f"tapereader:{VERSION}"
ROLES = {name: service for name, service in SERVICES.items() if service["image"] == IMAGE}
USER = "10001:10001"
TOKEN = "a-token-nobody-can-guess"  # noqa: S105 - of a test
PINNED = re.compile(r"[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*")
VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")

every_service = pytest.mark.parametrize("name", sorted(WHOLE))
every_role = pytest.mark.parametrize("name", sorted(ROLES))


def of_image() -> dict[str, str]:
    """Return the environment the image brings along."""
    block = re.findall(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)[-1]
    return dict(re.findall(r'(\w+)="?([^"\s\\]+)"?', block))


def environment(name: str, *overlays: dict[str, Any]) -> dict[str, str]:
    """Return what a role's process finds, with the mounted settings at their place in the checkout."""
    given: dict[str, str] = of_image() | SERVICES[name]["environment"]
    for overlay in overlays:
        given |= overlay.get("environment", {})
    mounted = {inside: TOP / outside for outside, inside in mounts(SERVICES[name])}
    return given | {"TAPEREADER_CONFIG": str(mounted[given["TAPEREADER_CONFIG"]])}


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (outside, inside) of each volume."""
    return [tuple(volume.split(":")[:2]) for volume in service.get("volumes", [])]


def settings(name: str, *overlays: dict[str, Any]) -> Settings:
    """Return the settings in force in a role's container; each of its secrets holds the same token."""
    given = environment(name, *overlays)
    with TemporaryDirectory() as folder:
        for secret in SERVICES[name].get("secrets", []):
            Path(folder, secret).write_text(TOKEN + "\n")
        if given.get("TAPEREADER_SECRETS_DIR") == "/run/secrets":
            given["TAPEREADER_SECRETS_DIR"] = folder
        return load(given)


def one_shot(service: dict[str, Any]) -> bool:
    """Say whether a service is meant to end by itself."""
    return bool(service.get("restart") == "no")


@every_service
def test_every_image_is_pinned(name: str) -> None:
    """To the last number: what was tried is what runs."""
    assert PINNED.fullmatch(WHOLE[name]["image"])


def test_the_images_are_those_the_project_knows() -> None:
    """Kafka is the one the tests run; ours is this version, and builds on a pinned base."""
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_version()}"
    assert SIMULATED["fake-claude"]["image"] == IMAGE
    assert sorted(ROLES) == ["agent", "collect", "notify", "serve", "streams", "topics"]
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE)
    assert base is not None
    assert PINNED.fullmatch(base[1])
    assert f'image.version="{VERSION}"' in DOCKERFILE


@every_service
def test_every_service_is_watched_or_ends_by_itself(name: str) -> None:
    """Nothing runs unseen, and what lives is started again when it dies."""
    service = WHOLE[name]
    if one_shot(service):
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"
        assert {"interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()


@every_service
def test_no_service_can_do_more_than_it_must(name: str) -> None:
    """No root, no capability, no new privilege, nothing to write to but what is named."""
    service = WHOLE[name]
    assert not service["user"].startswith(("0", "root"))
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc"} & service.keys()
    assert all(inside != "/var/run/docker.sock" for _, inside in mounts(service))


@every_service
def test_every_service_has_bounds(name: str) -> None:
    """Of memory, processor, processes, logs, temporary files, and of the time it may take to end."""
    service = WHOLE[name]
    assert {"mem_limit", "cpus", "pids_limit", "stop_grace_period"} <= service.keys()
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert all("size=" in folder for folder in service.get("tmpfs", []))


@every_service
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    """Kafka here asks nobody who they are."""
    assert all(port.startswith("127.0.0.1:") for port in WHOLE[name].get("ports", []))


@pytest.mark.parametrize("name", ["ledger", "cache"])
def test_each_redis_is_reached_by_the_agent_alone(name: str) -> None:
    """It has no password, so its network has no one else and no way out."""
    members = [n for n, service in SERVICES.items() if name in service["networks"]]
    assert members == [f"redis-{name}", "agent"]
    assert COMPOSE["networks"][name] == {"internal": True}
    assert "ports" not in SERVICES[f"redis-{name}"]


def given_to(name: str) -> dict[str, str]:
    """Return the settings a Redis is started with."""
    words = SERVICES[name]["command"]
    return dict(zip(words[::2], words[1::2], strict=True))


def test_the_ledger_evicts_nothing_and_survives_a_restart() -> None:
    """A forgotten reservation would be money spent twice."""
    given = given_to("redis-ledger")
    assert given["--maxmemory-policy"] == "noeviction"
    assert given["--appendonly"] == "yes"
    assert given["--dir"] in {inside for _, inside in mounts(SERVICES["redis-ledger"])}


def test_the_cache_is_another_redis_and_drops_what_is_asked_for_least() -> None:
    """Where the ledger is full it refuses; where the cache is, it forgets."""
    given = given_to("redis-cache")
    assert given["--maxmemory-policy"] == "allkeys-lfu"
    assert (given["--appendonly"], given["--save"]) == ("no", "")
    agent = settings("agent").agent
    assert agent.cache.redis_url == "redis://redis-cache:6379/0"
    assert agent.budget.redis_url == "redis://redis-ledger:6379/0"


@every_service
def test_what_a_service_names_is_there(name: str) -> None:
    """Networks, volumes, files, and services whose condition can come true."""
    service = WHOLE[name]
    assert set(service.get("networks", [])) <= COMPOSE["networks"].keys()
    for outside, _ in mounts(service):
        assert (
            (TOP / outside).is_file() if outside.startswith(".") else outside in COMPOSE["volumes"]
        )
    for other, wanted in service.get("depends_on", {}).items():
        ends = one_shot(SERVICES[other])
        assert ends == (wanted["condition"] == "service_completed_successfully")


@pytest.mark.parametrize("name", [*sorted(ROLES), "fake-claude"])
def test_every_command_is_one_of_ours(name: str) -> None:
    """A misspelt role would be found only when it is started."""
    command = get_command(app)
    words = [VARIABLE.sub(r"\1", str(word)) for word in WHOLE[name]["command"]]
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    # One that has commands below it is itself a role only where it says so.
    assert getattr(command, "invoke_without_command", True)
    command.make_context(name, words, resilient_parsing=False)


@every_role
def test_every_role_gets_settings_it_accepts(name: str) -> None:
    """The very keys and the very file: a misspelt one is refused."""
    service = ROLES[name]
    assert service["user"] == USER
    found = settings(name)
    listeners = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"PIPELINE://{found.broker.bootstrap}" in listeners
    assert found.broker.replication == 1
    # The image's health check asks this port, from inside and from other containers.
    assert (found.probes.host, found.probes.port) == ("0.0.0.0", 9100)  # noqa: S104 - in a container
    assert any(str(found.state_dir) == folder.split(":")[0] for folder in service["tmpfs"])


def test_what_is_collected_is_configured_and_the_default_needs_no_network() -> None:
    """The other one is live."""
    (word,) = SERVICES["collect"]["command"][2:]
    default = VARIABLE.fullmatch(word)
    assert default is not None
    sources = settings("collect").collect.sources
    assert sources[default[1]].type == "synthetic"
    assert {source.type for source in sources.values()} == {"synthetic", "exchange"}


def test_the_agent_knows_its_ledger() -> None:
    """By the service's name, at Redis's own port."""
    assert settings("agent").agent.budget.redis_url == "redis://redis-ledger:6379/0"


def test_the_dashboard_is_for_whoever_has_the_token() -> None:
    """Its container listens to all, so it asks; the token is a secret that serve alone sees."""
    (secret,) = SERVICES["serve"]["secrets"]
    assert [name for name, service in SERVICES.items() if secret in service.get("secrets", [])] == [
        "serve"
    ]
    serve = settings("serve").serve
    assert serve.operator_tokens["operator"].get_secret_value() == TOKEN
    assert SERVICES["serve"]["ports"] == [f"127.0.0.1:8080:{serve.port}"]
    (source,) = COMPOSE["secrets"][secret].values()
    default = VARIABLE.fullmatch(source)
    assert default is not None
    assert default[1].removeprefix("./") in (TOP / ".gitignore").read_text().splitlines()
    with pytest.raises(SettingsError, match="nobody needs a token"):
        load(environment("serve") | {"TAPEREADER_SECRETS_DIR": ""})


def test_kafka_takes_what_one_node_must_be_told() -> None:
    """With Kafka's own defaults no transaction would ever commit here, and misspelt topics would appear."""
    given = SERVICES["kafka"]["environment"]
    copies = {key for key in given if key.endswith(("REPLICATION_FACTOR", "MIN_ISR"))}
    assert {
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR",
    } <= copies
    assert {given[key] for key in copies} == {1}
    assert given["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert given["KAFKA_LOG_DIRS"] in {inside for _, inside in mounts(SERVICES["kafka"])}
    assert settings("streams").streams.session_timeout_s >= 6  # its group.min.session.timeout.ms


def test_the_key_overlay_gives_the_key_to_the_agent_alone(tmp_path: Path) -> None:
    """The secret's name is the setting's; without a file named, compose refuses."""
    assert list(KEY["services"]) == ["agent"]
    (secret,) = KEY["services"]["agent"]["secrets"]
    given = KEY["services"]["agent"]["environment"]
    assert given["TAPEREADER_SECRETS_DIR"] == "/run/secrets"
    assert KEY["secrets"][secret]["file"].startswith("${ANTHROPIC_API_KEY_FILE:?")
    (tmp_path / secret).write_text("a-key")
    model = load(
        environment("agent") | given | {"TAPEREADER_SECRETS_DIR": str(tmp_path)}
    ).agent.model
    assert model.api_key is not None
    assert model.api_key.get_secret_value() == "a-key"
    assert model.base_url == "https://api.anthropic.com"


def test_the_simulated_overlay_is_accepted_and_says_that_it_is_simulated() -> None:
    """The fake shares the agent's loopback, the only place it speaks and the agent calls."""
    model = settings("agent", SIMULATED["agent"]).agent.model
    command = SIMULATED["fake-claude"]["command"]
    port = command[command.index("--port") + 1]
    assert model.simulated
    assert model.base_url == f"http://127.0.0.1:{port}"
    assert SIMULATED["fake-claude"]["network_mode"] == "service:agent"
