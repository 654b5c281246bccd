"""The consumer group: one replica has all partitions, the others stand by.

An alert's asset decides its partition. Were partitions shared, each replica would see a part of a rule's firings, and
"one message for all of them" and "so many messages an hour" would hold for none. There is no need to share: alerts
are few, and a message takes milliseconds.
"""

from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)

GROUP = "notify"


class OneForAll(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped
    """Gives every partition to the first member by id, which begins with its instance's name."""

    name = "tapereader-one-for-all"
    version = 0

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Return the partitions of each member."""
        first = min(members)
        topics = sorted({topic for found in members.values() for topic in found.subscription})
        every = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]
        return {
            member: ConsumerProtocolMemberAssignment(
                cls.version, every if member == first else [], b""
            )
            for member in members
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return what a member says of itself."""
        return ConsumerProtocolMemberMetadata(cls.version, list(topics), b"")

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Take note of nothing."""
