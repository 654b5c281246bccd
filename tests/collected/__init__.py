"""What each source of the collectors survives, out of a real Kafka: ``python -m tests.collected``."""
