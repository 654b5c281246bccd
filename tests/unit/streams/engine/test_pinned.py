"""What the engine subclasses or reaches into: there, and of the versions it was written against."""

import inspect
from importlib.metadata import version

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import PartitionRecords
from faust.stores import memory
from faust.tables.base import Collection
from faust.transport.consumer import Consumer as BaseConsumer
from faust.transport.drivers import aiokafka as driver

from streams.engine.fetched import Batches
from streams.engine.store import Store
from streams.engine.transport import Consumer, Producer, Thread, Transport


def test_the_versions_are_those_the_engine_was_proven_with() -> None:
    """A new one needs the kill tests again, and then a new line here."""
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")


def test_what_is_overridden_is_still_there() -> None:
    """A method renamed upstream would silently never be called."""
    for mine, theirs, names in (
        (
            Consumer,
            driver.Consumer,
            ("getmany", "perform_seek", "seek_to_committed", "_new_offset"),
        ),
        (Consumer, driver.Consumer, ("on_partitions_revoked", "_new_consumer_thread")),
        (Thread, driver.AIOKafkaConsumerThread, ("_create_worker_consumer", "on_start")),
        (Batches, PartitionRecords, ("_consumer_record",)),
        (Producer, driver.Producer, ("_settings_extra",)),
        (Store, memory.Store, ("on_rebalance", "persisted_offset", "set_persisted_offset")),
    ):
        for name in names:
            assert name in vars(mine), (mine, name)
            assert callable(getattr(theirs, name)), (theirs, name)
    for name in ("_new_transport",):
        assert callable(getattr(faust.App, name))
    assert callable(Collection._new_store_by_url)
    assert (Transport.Consumer, Transport.Producer) == (Consumer, Producer)


def test_what_is_reached_into_is_still_there() -> None:
    """Names behind an underscore may go without notice."""
    assert {"isolation_level", "fetch_max_wait_ms"} <= set(
        inspect.signature(AIOKafkaConsumer.__init__).parameters
    )
    source = inspect.getsource(AIOKafkaConsumer)
    assert "self._isolation_level = isolation_level" in source
    assert "self._fetch_max_wait_ms = fetch_max_wait_ms" in source
    source = inspect.getsource(fetcher)
    assert "self._records = collections.OrderedDict()" in source
    assert "self._records[tp] = FetchResult(" in source
    assert "self._records_iterator = self._unpack_records()" in source
    assert "consumer_record = self._consumer_record(tp, record)" in source
    names = inspect.getsource(BaseConsumer)
    for name in ("_acked_index", "_acked", "_read_offset", "_wait_next_records", "flow_active"):
        assert name in names, name
