"""What goes over the wire to Kafka and comes back, without the Kafka client itself."""

from typing import Any

from shared.runtime.bus import Message
from shared.runtime.settings import KafkaSettings

ID_HEADER = "vigil-id"


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
