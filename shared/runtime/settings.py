"""Configuration, read once from the environment and frozen.

An error names the variable and what is wrong with it, never its value: values hold passwords.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

KAFKA_SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


class SettingsError(ValueError):
    """A variable of the environment is missing or wrong."""

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}")
        self.variable = variable


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the broker; names follow kafka-python's own configuration keys."""

    bootstrap_servers: tuple[str, ...]
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    sasl_plain_username: str | None = None
    sasl_plain_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    replication_factor: int = 1
    partitions: int | None = None
    """Overrides the partition count of every topic's contract; None keeps the contract's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost."""

    max_body_bytes: int = 16 * 1024 * 1024
    max_line_bytes: int = 256 * 1024
    max_json_depth: int = 16
    max_lines: int = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What every service needs to start. `database_url` None means the embedded PostgreSQL."""

    database_url: str | None = field(default=None, repr=False)
    kafka: KafkaSettings | None = None
    clock_file: Path | None = None
    data_dir: Path = Path("vigil-data")
    limits: Limits = Limits()
    log_level: str = "INFO"

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> "Settings":
        """Reads the environment. Raises SettingsError on the first variable that is wrong."""
        env = os.environ if environ is None else environ
        return Settings(
            database_url=_database_url(env),
            kafka=_kafka(env),
            clock_file=_path(env, "VIGIL_CLOCK_FILE"),
            data_dir=_path(env, "VIGIL_DATA_DIR") or Path("vigil-data"),
            limits=_limits(env),
            log_level=_one_of(
                env, "VIGIL_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"
            ),
        )


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _path(env: Mapping[str, str], name: str) -> Path | None:
    text = _text(env, name)
    return Path(text).expanduser() if text else None


def _positive(env: Mapping[str, str], name: str, default: int) -> int:
    text = _text(env, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(name, "must be a whole number of at least 1")
    return int(text)


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    text = (_text(env, name) or default).upper()
    if text not in allowed:
        raise SettingsError(name, "must be one of " + ", ".join(allowed))
    return text


def _database_url(env: Mapping[str, str]) -> str | None:
    url = _text(env, "DATABASE_URL")
    if url and not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise SettingsError("DATABASE_URL", "must begin with postgresql:// (the only database)")
    return url


def _kafka(env: Mapping[str, str]) -> KafkaSettings | None:
    servers = _text(env, "KAFKA_BOOTSTRAP_SERVERS")
    if servers is None:
        return None
    addresses = tuple(part.strip() for part in servers.split(",") if part.strip())
    for address in addresses:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise SettingsError("KAFKA_BOOTSTRAP_SERVERS", "must be host:port[,host:port...]")
    protocol = _one_of(
        env, "KAFKA_SECURITY_PROTOCOL", KAFKA_SECURITY_PROTOCOLS, default="PLAINTEXT"
    )
    mechanism = _text(env, "KAFKA_SASL_MECHANISM")
    if protocol.startswith("SASL") and mechanism is None:
        raise SettingsError("KAFKA_SASL_MECHANISM", f"must be set with {protocol}")
    return KafkaSettings(
        bootstrap_servers=addresses,
        security_protocol=protocol,
        sasl_mechanism=mechanism,
        sasl_plain_username=_text(env, "KAFKA_SASL_PLAIN_USERNAME"),
        sasl_plain_password=_text(env, "KAFKA_SASL_PLAIN_PASSWORD"),
        ssl_cafile=_text(env, "KAFKA_SSL_CAFILE"),
        ssl_certfile=_text(env, "KAFKA_SSL_CERTFILE"),
        ssl_keyfile=_text(env, "KAFKA_SSL_KEYFILE"),
        replication_factor=_positive(env, "KAFKA_REPLICATION_FACTOR", 1),
        partitions=_positive(env, "KAFKA_PARTITIONS", 1)
        if _text(env, "KAFKA_PARTITIONS")
        else None,
    )


def _limits(env: Mapping[str, str]) -> Limits:
    default = Limits()
    return Limits(
        max_body_bytes=_positive(env, "VIGIL_MAX_BODY_BYTES", default.max_body_bytes),
        max_line_bytes=_positive(env, "VIGIL_MAX_LINE_BYTES", default.max_line_bytes),
        max_json_depth=_positive(env, "VIGIL_MAX_JSON_DEPTH", default.max_json_depth),
        max_lines=_positive(env, "VIGIL_MAX_LINES", default.max_lines),
    )
