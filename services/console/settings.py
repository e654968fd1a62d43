"""Where the other services are, and how long somebody stays signed in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.runtime.settings import SettingsError

_DEFAULT = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """Base addresses without a trailing slash; all durations in seconds. ``beside_timeout`` is for
    what a page can do without; ``stream_quiet``: the silence after which the notifier's stream of
    alerts counts as broken, which has a heartbeat every ten. ``packets_ahead``: whether a packet is
    begun before it is asked for.

    In the embedded mode the three addresses are this very server's.
    """

    monitor_url: str = _DEFAULT
    notifier_url: str = _DEFAULT
    ingest_url: str = _DEFAULT
    timeout: float = 10.0
    beside_timeout: float = 3.0
    stream_quiet: float = 25.0
    live_interval: float = 0.2
    session_idle: float = 2 * 60 * 60
    session_longest: float = 12 * 60 * 60
    packets_ahead: bool = True

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> "ConsoleSettings":
        """Reads the environment. Raises SettingsError on the first variable that is wrong."""
        env = os.environ if environ is None else environ
        return ConsoleSettings(
            monitor_url=_address(env, "VIGIL_MONITOR_URL"),
            notifier_url=_address(env, "VIGIL_NOTIFIER_URL"),
            ingest_url=_address(env, "VIGIL_INGEST_URL"),
        )


def _address(env: Mapping[str, str], name: str) -> str:
    url = (env.get(name, "").strip() or _DEFAULT).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(name, "must be an http:// or https:// address")
    if parts.username or parts.query or parts.fragment:
        raise SettingsError(name, "must be a bare address, without credentials or query")
    return url
