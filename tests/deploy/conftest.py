"""The shared Kafka fixtures, for the tests of the broker itself."""

from tests.kafka_support import collect_refused_connections, kafka_bootstrap

__all__ = ["collect_refused_connections", "kafka_bootstrap"]
