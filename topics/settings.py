"""How to reach Kafka and how this pipeline lies on it: plain values, no connection."""

import ssl
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class BrokerSettings(BaseModel):
    """How to reach Kafka, and how this pipeline's topics are laid out on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap: str = Field(default="127.0.0.1:9092", min_length=1)
    """Comma-separated host:port list of one or more brokers."""
    prefix: str = Field(default="tapereader.", pattern=r"^[A-Za-z0-9._-]{1,80}$")
    """Before every topic, group and transactional id, so that many pipelines share a cluster."""
    partitions: int = Field(default=12, ge=1, le=1000)
    """Of every topic. It cannot change later: state is cut by partition."""
    replication: int = Field(default=1, ge=1, le=7)
    """Copies of every partition. 3 on a cluster, with min.insync.replicas 2."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None
    """A PEM file of the authorities to trust, beside the system's."""
    embedded: bool = False
    """The demo's own broker: it creates topics by itself, and its transaction markers have no checksum."""

    def topic(self, name: str) -> str:
        """Return a catalog topic's name on the broker."""
        return self.prefix + name

    def client_options(self) -> dict[str, Any]:
        """Return what every aiokafka client is given."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
        }
        if "SASL" in self.security:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password and self.password.get_secret_value(),
            }
        if "SSL" in self.security:
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        return options

    def reader_options(self) -> dict[str, Any]:
        """Return what every aiokafka consumer is given: nobody reads what was not committed."""
        return self.client_options() | {
            "isolation_level": "read_committed",
            "check_crcs": not self.embedded,
            "enable_auto_commit": False,
        }
