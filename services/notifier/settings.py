"""The notifier's own configuration, read once from the environment.

An error names the variable and what is wrong with it, never its value: SMTP_URL holds a password.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.notifier.addresses import is_mailbox
from services.notifier.channels.email import MailServer, mail_server
from shared.runtime.settings import SettingsError

_DEFAULT_SENDER = "vigil@localhost"
_DEFAULT_PUBLIC_URL = "http://localhost:8000"


@dataclass(frozen=True, slots=True)
class NotifierSettings:
    """`mail`: None means that mail cannot be sent, which every attempt then says.
    `trusted_webhook_hosts` may be plain http and may have private addresses.
    `public_url` is where readers find the pages; links in messages begin with it."""

    mail: MailServer | None = None
    mail_sender: str = _DEFAULT_SENDER
    public_url: str = _DEFAULT_PUBLIC_URL
    trusted_webhook_hosts: frozenset[str] = frozenset()

    @staticmethod
    def from_env(environ: Mapping[str, str] | None = None) -> NotifierSettings:
        """Reads SMTP_URL, VIGIL_MAIL_FROM, VIGIL_PUBLIC_URL and VIGIL_WEBHOOK_TRUSTED_HOSTS
        (separated by commas). Raises SettingsError on the first that is wrong."""
        env = os.environ if environ is None else environ
        hosts = env.get("VIGIL_WEBHOOK_TRUSTED_HOSTS", "").lower().split(",")
        return NotifierSettings(
            mail=_mail(env.get("SMTP_URL", "").strip()),
            mail_sender=_sender(env.get("VIGIL_MAIL_FROM", "").strip() or _DEFAULT_SENDER),
            public_url=_url(env.get("VIGIL_PUBLIC_URL", "").strip() or _DEFAULT_PUBLIC_URL),
            trusted_webhook_hosts=frozenset(host.strip() for host in hosts if host.strip()),
        )


def _mail(url: str) -> MailServer | None:
    try:
        return mail_server(url) if url else None
    except ValueError as error:
        raise SettingsError("SMTP_URL", str(error)) from None


def _sender(address: str) -> str:
    if not is_mailbox(address):
        raise SettingsError("VIGIL_MAIL_FROM", "must be one plain e-mail address")
    return address


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError("VIGIL_PUBLIC_URL", "must be an http(s) address")
    return url.rstrip("/")
