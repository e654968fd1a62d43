"""Configuration, read once from the environment and frozen.

An error names the variable and what is wrong with it, never its value: values hold passwords.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

KAFKA_SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_SCOPES = "openid email"
_PROVIDER = "your organisation"


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
class OidcSettings:
    """The OpenID Connect provider at which people sign in. Without a secret the client is a public
    one, which PKCE alone protects. `public_url` is where browsers find the console."""

    issuer: str
    client_id: str
    public_url: str
    client_secret: str | None = field(default=None, repr=False)
    scopes: str = _SCOPES
    name: str = _PROVIDER

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_url}/provider/answer"


@dataclass(frozen=True, slots=True)
class Settings:
    """What every service needs to start. `database_url` None means the embedded PostgreSQL."""

    database_url: str | None = field(default=None, repr=False)
    kafka: KafkaSettings | None = None
    clock_file: Path | None = None
    data_dir: Path = Path("vigil-data")
    limits: Limits = Limits()
    log_level: str = "INFO"
    oidc: OidcSettings | None = None

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
            oidc=_oidc(env),
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


def _oidc(env: Mapping[str, str]) -> OidcSettings | None:
    if _text(env, "VIGIL_OIDC_ISSUER") is None:
        return None
    if find_spec("joserfc") is None:
        raise SettingsError("VIGIL_OIDC_ISSUER", "needs the extra: pip install 'vigil[oidc]'")
    scopes = _text(env, "VIGIL_OIDC_SCOPES") or _SCOPES
    if "openid" not in scopes.split():
        raise SettingsError("VIGIL_OIDC_SCOPES", "must hold openid")
    return OidcSettings(
        # To the letter as the provider writes it: it is compared, not only called.
        issuer=_secure_address(env, "VIGIL_OIDC_ISSUER"),
        client_id=_required(env, "VIGIL_OIDC_CLIENT_ID"),
        public_url=_secure_address(env, "VIGIL_PUBLIC_URL").rstrip("/"),
        client_secret=_text(env, "VIGIL_OIDC_CLIENT_SECRET"),
        scopes=scopes,
        name=_text(env, "VIGIL_OIDC_NAME") or _PROVIDER,
    )


def _required(env: Mapping[str, str], name: str) -> str:
    text = _text(env, name)
    if text is None:
        raise SettingsError(name, "must be set with VIGIL_OIDC_ISSUER")
    return text


def is_secure(url: str) -> bool:
    """Whether nobody on the way can read or change what goes there: TLS, or this very machine."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return parts.hostname in ("localhost", "127.0.0.1", "::1")
    return parts.scheme == "https" and bool(parts.hostname)


def _secure_address(env: Mapping[str, str], name: str) -> str:
    url = _required(env, name)
    parts = urlsplit(url)
    if not is_secure(url) or parts.username or parts.query or parts.fragment:
        raise SettingsError(name, "must be a bare https:// address")
    return url


def _limits(env: Mapping[str, str]) -> Limits:
    default = Limits()
    return Limits(
        max_body_bytes=_positive(env, "VIGIL_MAX_BODY_BYTES", default.max_body_bytes),
        max_line_bytes=_positive(env, "VIGIL_MAX_LINE_BYTES", default.max_line_bytes),
        max_json_depth=_positive(env, "VIGIL_MAX_JSON_DEPTH", default.max_json_depth),
        max_lines=_positive(env, "VIGIL_MAX_LINES", default.max_lines),
    )
