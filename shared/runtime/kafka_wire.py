"""What goes over the wire to Kafka and comes back, without the Kafka client itself."""

from typing import Any

from shared.contracts.topics import TopicSpec
from shared.runtime.bus import MAX_MESSAGE_BYTES, Message
from shared.runtime.settings import KafkaSettings

ID_HEADER = "vigil-id"

ENVELOPE_BYTES = 64 * 1024
"""Room for key, headers and framing beyond the largest value."""


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """The client's configuration keys for reaching the broker."""
    config = {
        "bootstrap_servers": list(settings.bootstrap_servers),
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_plain_username,
        "sasl_plain_password": settings.sasl_plain_password,
        "ssl_cafile": settings.ssl_cafile,
        "ssl_certfile": settings.ssl_certfile,
        "ssl_keyfile": settings.ssl_keyfile,
        # The client's own default lets a reader wait half a minute after a broker is back.
        "reconnect_backoff_max_ms": 2_000,
    }
    return {name: value for name, value in config.items() if value is not None}


def partitions_of(topic: TopicSpec, settings: KafkaSettings) -> int:
    """How many partitions the topic must have here."""
    return settings.partitions or topic.partitions


def creation_of(topic: TopicSpec, settings: KafkaSettings) -> dict[str, Any]:
    """What a missing topic is created with."""
    replicas = settings.replication_factor
    return {
        "num_partitions": partitions_of(topic, settings),
        "replication_factor": replicas,
        "configs": {
            "cleanup.policy": "delete",
            "retention.ms": str(topic.retention_ms),
            "max.message.bytes": str(MAX_MESSAGE_BYTES + ENVELOPE_BYTES),
            "min.insync.replicas": str(max(1, replicas - 1)),
        },
    }


def partition_counts(admin: Any) -> dict[str, int]:
    """Partitions of each topic the broker has; `admin` is the Kafka client's."""
    return {
        topic["name"]: len(topic["partitions"])
        for topic in admin.describe_topics()
        if not topic["error_code"]
    }


def headers_of(message: Message) -> list[tuple[str, bytes]]:
    """A message's headers and id as record headers."""
    return [
        (ID_HEADER, message.id.encode()),
        *((name, value.encode()) for name, value in message.headers.items()),
    ]


def message_of(record: Any) -> Message:
    """Any record becomes a message, also one that no producer of ours has written."""
    headers = {_text(name): _text(value) for name, value in record.headers or ()}
    own_id = headers.pop(ID_HEADER, None)
    return Message(
        topic=record.topic,
        key=_text(record.key),
        id=own_id or f"{record.topic}/{record.partition}/{record.offset}",
        value=record.value or b"",
        headers=headers,
    )


def _text(raw: Any) -> str:
    """Readable text that PostgreSQL can store, whatever the bytes were."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else str(raw or "")
    return text.replace("\x00", "\\x00")
