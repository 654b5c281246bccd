"""Kafka's own jars, copied by Maven once for this user and kept outside the checkout."""

import fcntl
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .requirement import UnavailableError

POM = Path(__file__).parents[2] / "deploy" / "kafka" / "pom.xml"
"""The one place that says which Kafka."""
_MAVEN_S = 600.0
_FORMAT_S = 60.0
# "tapereader-tests" in base64url; Kafka wants 16 bytes.
_CLUSTER_ID = "dGFwZXJlYWRlci10ZXN0cw"
_OUTPUT_TAIL_CHARS = 400
# What formatting a data folder reads; a broker started on a copy may listen elsewhere.
_FORMAT_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": "1@127.0.0.1:9093",
    "controller.listener.names": "CONTROLLER",
    "listeners": "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Kafka on this machine's disk."""

    java: str
    """The Java to run it with."""
    home: Path
    """Holds the jars in ``libs``."""

    @property
    def formatted(self) -> Path:
        """An empty data folder. It knows no ports, so a copy of it serves every broker."""
        return self.home / "formatted"

    @property
    def command(self) -> list[str]:
        """The command without main class and arguments. Java expands ``*`` itself; a shell must not."""
        return [
            self.java,
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            str(self.home / "libs" / "*"),
        ]


def kafka_version() -> str:
    """Return the version the pom names."""
    found = re.search(r"<kafka\.version>([^<]+)</kafka\.version>", POM.read_text())
    if found is None:
        message = f"{POM} has no kafka.version"
        raise ValueError(message)
    return found[1]


def provide(environ: Mapping[str, str]) -> Distribution:
    """Return Kafka, fetched first where this user has none yet.

    Raises:
        UnavailableError: no Java, no Maven, or they failed.
    """
    java = _program("java", environ)
    digest = sha256(POM.read_bytes() + properties(_FORMAT_SETTINGS).encode()).hexdigest()
    home = cache(environ) / f"kafka-{kafka_version()}-{digest[:8]}"
    distribution = Distribution(java=java, home=home)
    once(home, lambda folder: _fetch(Distribution(java=java, home=folder), environ))
    return distribution


def cache(environ: Mapping[str, str]) -> Path:
    """Return where this project keeps what it downloads for tests (XDG base directories)."""
    root = environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "tapereader"


def once(folder: Path, build: Callable[[Path], None]) -> None:
    """Make ``folder`` by ``build`` unless it is there.

    It appears whole or not at all. Of processes that want it at once, one builds and the others wait.
    """
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)  # Of a build that was killed.
        draft.mkdir()
        try:
            build(draft)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def _fetch(distribution: Distribution, environ: Mapping[str, str]) -> None:
    home = distribution.home
    maven = [
        _program("mvn", environ),
        "--quiet",
        "--batch-mode",
        "--strict-checksums",
        f"--file={POM}",
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={home / 'libs'}",
    ]
    _run(maven, home, _MAVEN_S)
    config = home / "format.properties"
    config.write_text(properties(_FORMAT_SETTINGS | {"log.dirs": str(distribution.formatted)}))
    tool = ["kafka.tools.StorageTool", "format", "--config", str(config)]
    _run([*distribution.command, *tool, "--cluster-id", _CLUSTER_ID], home, _FORMAT_S)


def _program(name: str, environ: Mapping[str, str]) -> str:
    home = environ.get("JAVA_HOME")
    inside = Path(home, "bin", name) if home else None
    if inside is not None and inside.exists():
        return str(inside)
    found = shutil.which(name, path=environ.get("PATH"))
    if found is None:
        message = f"{name} is not on the PATH (Java 17 or newer and Maven are needed)"
        raise UnavailableError(message)
    return found


def _run(command: Sequence[str], folder: Path, patience_s: float) -> None:
    # Not guarded: both end by themselves, and a half-made draft is thrown away by the next run.
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # Commands of this module's own.
            command,
            cwd=folder,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=patience_s,
        )
    except subprocess.TimeoutExpired:
        message = f"{name} did not end within {patience_s:.0f} s"
        raise UnavailableError(message) from None
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace").strip()[-_OUTPUT_TAIL_CHARS:]
        message = f"{name} failed with exit status {done.returncode}: {output}"
        raise UnavailableError(message)


def properties(settings: Mapping[str, str]) -> str:
    """Return settings as a Java properties file."""
    return "".join(f"{key}={value}\n" for key, value in settings.items())
