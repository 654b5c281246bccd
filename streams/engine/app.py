"""Faust's app on our transport, store and checkpoints."""

from collections.abc import Callable
from typing import Any

import faust
from faust.types import Message, StoreT, TransportT

from topics.settings import BrokerSettings

from .ownership import Ownership
from .store import Store
from .tables import Tables
from .transport import Transport

OwnershipFactory = Callable[[], Ownership]


class Slices(faust.Schema[Any, Any]):
    """Hands a slice to the agent as it is: decoding is ours, so that bad bytes are dead letters."""

    def loads_key(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's
        """Return the key untouched."""
        return message.key

    def loads_value(self, app: Any, message: Message, **_: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's
        """Return the slice untouched."""
        return message.value


class Table(faust.Table[bytes, bytes]):
    """Declares the state's changelog to Faust, and so its partitions; the programs hold the state."""

    def _new_store_by_url(self, url: Any) -> StoreT[Any, Any]:  # noqa: ANN401 - Faust's
        return Store(
            url,
            self.app,
            self,
            table_name=self.name,
            key_type=self.key_type,
            key_serializer=self.key_serializer,
            value_serializer=self.value_serializer,
            value_type=self.value_type,
            loop=self.loop,
            options=self.options,
        )


class EngineApp(faust.App):
    """A Faust app whose state is written by transactions, one a partition and checkpoint."""

    ownership: Ownership
    slice_records_max: int

    def _new_transport(self) -> TransportT:
        return Transport(self.conf.broker_consumer, self)


def create_engine_app(
    app_id: str,
    broker: BrokerSettings,
    ownership: Ownership,
    *,
    instance_id: str,
    slice_records_max: int,
    session_timeout_s: float,
    data_dir: str,
) -> EngineApp:
    """Return an app that reads the ownership's source topics, with one agent and one table.

    ``instance_id`` names this process among the app's workers, the same after each restart, so that the
    group does not wait for a time-out when it comes back.
    """
    app = EngineApp(
        app_id,
        broker=[f"kafka://{host}" for host in broker.bootstrap.split(",")],
        broker_credentials=_credentials(broker),
        broker_check_crcs=not broker.embedded,
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=session_timeout_s / 4,
        broker_commit_interval=0.5,
        consumer_group_instance_id=instance_id,
        topic_partitions=broker.partitions,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        store="memory://",
        datadir=data_dir,
        stream_wait_empty=False,
        web_enabled=False,
        cython_optimizations=True,
        Table=Table,
        TableManager=Tables,
    )
    app.ownership = ownership
    app.slice_records_max = slice_records_max
    source = app.topic(
        *sorted(ownership.source_topics),
        schema=Slices(),
        key_serializer="raw",
        value_serializer="raw",
        maxsize=8,
    )
    app.Table("state", key_type=bytes, value_type=bytes, partitions=broker.partitions)

    async def fold(stream: Any) -> None:  # noqa: ANN401 - Faust's
        """Give every slice to its program. No exception may leave: Faust would acknowledge and go on."""
        try:
            async for event in stream.noack().events():
                message = event.message
                if message.generation_id != app.consumer_generation_id:
                    continue
                writer = ownership.feed(message.topic, message.partition, event.value)
                if writer is not None:
                    writer.acknowledge.append(event.ack)
        except Exception as error:  # noqa: BLE001 - see above
            ownership.fatal("the fold failed", error)

    app.agent(source, name="fold")(fold)
    return app


def _credentials(broker: BrokerSettings) -> faust.types.auth.CredentialsT | None:
    options = broker.client_options()
    context = options.get("ssl_context")
    if "SASL" in broker.security:
        return faust.SASLCredentials(
            username=broker.username,
            password=broker.password.get_secret_value() if broker.password else None,
            mechanism=broker.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
