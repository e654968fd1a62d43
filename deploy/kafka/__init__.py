"""A real Apache Kafka from Maven Central jars, for tests and for machines without Docker."""
