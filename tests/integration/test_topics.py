"""`tapereader topics apply` and `check` on the real Kafka, as an operator runs them."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from deploy.settings import environment_of
from tests.servers import SharedKafka
from topics import TOPICS
from topics.broker import BrokerSettings, admin_client, topic_config

from .records import PATIENCE_S

pytestmark = pytest.mark.integration
PARTITIONS = 2

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def broker(kafka: SharedKafka, topic_prefix: str) -> BrokerSettings:
    return BrokerSettings(bootstrap=kafka.bootstrap, prefix=topic_prefix, partitions=PARTITIONS)


@pytest.fixture
def run(broker: BrokerSettings) -> Run:
    """Run a command of `tapereader topics`, with settings over the test's own."""

    def command(name: str, **over: object) -> "subprocess.CompletedProcess[str]":
        tree = broker.model_dump(mode="json") | over
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "deploy", "topics", name],
            env=environment_of({"broker": tree}, os.environ),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    return command


@pytest.fixture
def admin(broker: BrokerSettings) -> AdminClient:
    return admin_client(broker)


def set_config(admin: AdminClient, topic: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for altered in admin.incremental_alter_configs([resource]).values():
        altered.result(PATIENCE_S)


def create(admin: AdminClient, topic: str, partitions: int) -> None:
    admin.create_topics([NewTopic(topic, partitions)])[topic].result(PATIENCE_S)


def delete(admin: AdminClient, topic: str) -> None:
    admin.delete_topics([topic])[topic].result(PATIENCE_S)


def lines(done: "subprocess.CompletedProcess[str]") -> list[str]:
    return done.stdout.splitlines()


def test_apply_makes_what_the_catalog_says_and_mends_what_was_changed(
    run: Run, broker: BrokerSettings, admin: AdminClient
) -> None:
    """The second time there is nothing to do; what `check` names, the next `apply` puts right."""
    done = run("apply")
    assert (done.returncode, done.stderr) == (0, "")
    names = [broker.topic(topic.name) for topic in TOPICS]
    assert sorted(lines(done)) == sorted(
        f"{name}: created, {PARTITIONS} partitions" for name in names
    )
    assert (run("apply").stdout, run("check").stdout) == (
        "nothing to do\n",
        "as the catalog says\n",
    )
    assert_as_the_catalog_says(admin, broker)

    analyses, state = broker.topic("analyses"), broker.topic("streams-state-changelog")
    set_config(admin, analyses, "retention.ms", "1000")
    set_config(admin, state, "cleanup.policy", "delete")
    checked = run("check")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert sorted(lines(checked)) == sorted(
        [
            f"{analyses}: retention.ms is 1000, the catalog says 7776000000",
            f"{state}: cleanup.policy is delete, the catalog says compact",
        ]
    )
    assert sorted(lines(run("apply"))) == sorted(
        [
            f"{analyses}: retention.ms was 1000, now 7776000000",
            f"{state}: cleanup.policy was delete, now compact",
        ]
    )
    assert run("check").returncode == 0
    assert_as_the_catalog_says(admin, broker)
    assert_a_missing_topic_is_named_and_made(run, broker, admin)


def assert_a_missing_topic_is_named_and_made(
    run: Run, broker: BrokerSettings, admin: AdminClient
) -> None:
    """By `check`, with the command that makes it, and by the role that would need it."""
    gone = [broker.topic("late"), broker.topic("status")]
    for topic in gone:
        delete(admin, topic)
    checked = run("check")
    assert checked.returncode != 0
    told = checked.stdout + checked.stderr
    assert [name for name in gone if name not in told] == []
    assert broker.topic("analyses") not in told
    assert "`tapereader topics apply` creates" in told
    assert "Traceback" not in told
    assert sorted(lines(run("apply"))) == sorted(
        f"{name}: created, {PARTITIONS} partitions" for name in gone
    )


def assert_as_the_catalog_says(admin: AdminClient, broker: BrokerSettings) -> None:
    """By the broker's own words, and not by ours."""
    found = admin.list_topics(timeout=PATIENCE_S).topics
    for topic in TOPICS:
        name = broker.topic(topic.name)
        assert len(found[name].partitions) == PARTITIONS
        (described,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        config = described.result(PATIENCE_S)
        wanted = topic_config(topic)
        assert {key: config[key].value for key in wanted} == wanted


def test_other_partition_counts_are_named_and_never_changed(
    run: Run, broker: BrokerSettings, admin: AdminClient
) -> None:
    """State is cut by partition: all of them are named, with the setting that would fit."""
    wrong = {broker.topic("raw.market"): 1, broker.topic("aggregates"): 3}
    for topic, partitions in wrong.items():
        create(admin, topic, partitions)
    applied = run("apply")
    checked = run("check")
    for told in (applied, checked):
        assert told.returncode != 0
        said = told.stdout + told.stderr
        for topic, partitions in wrong.items():
            assert f"{topic} has {partitions} partitions" in said
        assert f"broker.partitions is {PARTITIONS}" in said
        assert "Traceback" not in said
    counts = admin.list_topics(timeout=PATIENCE_S).topics
    assert {topic: len(counts[topic].partitions) for topic in wrong} == wrong


def test_a_broker_that_refuses_is_told_with_its_words(run: Run) -> None:
    """One node cannot hold three copies."""
    done = run("apply", replication=3)
    assert done.returncode == 2
    assert "could not be created: " in done.stderr
    assert "replication factor" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_every_difference_ends_check_with_1(
    run: Run, broker: BrokerSettings, admin: AdminClient
) -> None:
    """As its help says, and all of them at once: 2 is for what could not be checked."""
    wrong, missing = broker.topic("raw.market"), broker.topic("status")
    create(admin, wrong, 1)
    checked = run("check")
    assert [name for name in (wrong, missing) if name not in checked.stdout] == []
    assert checked.returncode == 1
