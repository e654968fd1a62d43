"""The notifier's own configuration, read once from the environment.

An error names the variable and what is wrong with it, never its value: SMTP_URL holds a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from services.notifier.addresses import is_mailbox
from services.notifier.channels.apprise import read_targets
from services.notifier.channels.email import MailServer, mail_server
from shared.runtime.settings import SettingsError

_KEY = re.compile(r"vigil_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_DEFAULT_SENDER = "vigil@localhost"
_DEFAULT_PUBLIC_URL = "http://localhost:8000"
_DEFAULT_MONITOR_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """`mail`: None means that mail cannot be sent, which every attempt then says.
    `trusted_webhook_hosts` may be plain http and may have private addresses.
    `public_url` is where readers find the pages; links in messages begin with it. `operator` is
    written to when something keeps alerts from people; `heartbeat_url` is called while nothing
    does, so that somebody outside notices when the calls stop. `monitor_url` is asked for the
    charts of mails, with `monitor_key`; without a key mails show none."""

    mail: MailServer | None = None
    mail_sender: str = _DEFAULT_SENDER
    public_url: str = _DEFAULT_PUBLIC_URL
    trusted_webhook_hosts: frozenset[str] = frozenset()
    operator: str | None = None
    heartbeat_url: str | None = None
    apprise_targets: Mapping[str, str] = field(default_factory=dict, repr=False)
    monitor_url: str = _DEFAULT_MONITOR_URL
    monitor_key: str | None = field(default=None, repr=False)

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> NotifierSettings:
        """Reads SMTP_URL, VIGIL_MAIL_FROM, VIGIL_PUBLIC_URL, VIGIL_WEBHOOK_TRUSTED_HOSTS
        (separated by commas), VIGIL_OPERATOR_MAIL, VIGIL_HEARTBEAT_URL, VIGIL_APPRISE_FILE,
        VIGIL_MONITOR_URL and VIGIL_NOTIFIER_KEY. Raises SettingsError on the first that is
        wrong."""
        env = os.environ if environ is None else environ
        hosts = env.get("VIGIL_WEBHOOK_TRUSTED_HOSTS", "").lower().split(",")
        return NotifierSettings(
            mail=_mail(env.get("SMTP_URL", "").strip()),
            mail_sender=_mailbox(env, "VIGIL_MAIL_FROM") or _DEFAULT_SENDER,
            public_url=(_url(env, "VIGIL_PUBLIC_URL") or _DEFAULT_PUBLIC_URL).rstrip("/"),
            trusted_webhook_hosts=frozenset(host.strip() for host in hosts if host.strip()),
            operator=_mailbox(env, "VIGIL_OPERATOR_MAIL"),
            heartbeat_url=_url(env, "VIGIL_HEARTBEAT_URL"),
            apprise_targets=_targets(env.get("VIGIL_APPRISE_FILE", "").strip()),
            monitor_url=(_url(env, "VIGIL_MONITOR_URL") or _DEFAULT_MONITOR_URL).rstrip("/"),
            monitor_key=_key(env.get("VIGIL_NOTIFIER_KEY", "").strip()),
        )


def _mail(url: str) -> MailServer | None:
    try:
        return mail_server(url) if url else None
    except ValueError as error:
        raise SettingsError("SMTP_URL", str(error)) from None


def _targets(path: str) -> dict[str, str]:
    try:
        return read_targets(Path(path)) if path else {}
    except ValueError as error:
        raise SettingsError("VIGIL_APPRISE_FILE", str(error)) from None


def _key(text: str) -> str | None:
    if text and not _KEY.fullmatch(text):
        raise SettingsError("VIGIL_NOTIFIER_KEY", "must be a key made by `vigil keys create`")
    return text or None


def _mailbox(env: Mapping[str, str], name: str) -> str | None:
    address = env.get(name, "").strip()
    if address and not is_mailbox(address):
        raise SettingsError(name, "must be one plain e-mail address")
    return address or None


def _url(env: Mapping[str, str], name: str) -> str | None:
    url = env.get(name, "").strip()
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise SettingsError(name, "must be an http(s) address")
    return url or None
