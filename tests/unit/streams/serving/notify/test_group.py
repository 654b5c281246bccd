"""One replica has all partitions."""

from aiokafka.cluster import ClusterMetadata

from streams.serving.notify.group import OneForAll

PARTITIONS = {"alerts": {0, 1, 2}, "analyses": {0, 1, 2}}


class Cluster(ClusterMetadata):  # type: ignore[misc]  # aiokafka is untyped
    """One that has these topics."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return PARTITIONS.get(topic)


def test_the_first_by_name_has_all_partitions_and_the_others_none() -> None:
    """Whatever the order in which they came."""
    members = {
        name: OneForAll.metadata(["alerts", "analyses"])
        for name in ("notify-b-2", "notify-a-1", "notify-c-3")
    }
    given = {
        name: found.partitions() for name, found in OneForAll.assign(Cluster(), members).items()
    }
    assert [len(given[name]) for name in ("notify-a-1", "notify-b-2", "notify-c-3")] == [6, 0, 0]


def test_a_topic_that_nobody_knows_yet_has_no_partitions() -> None:
    """The next rebalance has them."""
    members = {"a": OneForAll.metadata(["alerts", "missing"])}
    found = OneForAll.assign(Cluster(), members)["a"].partitions()
    assert {place.topic for place in found} == {"alerts"}
    OneForAll.on_assignment(OneForAll.assign(Cluster(), members)["a"])
