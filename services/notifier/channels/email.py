"""E-mail over SMTP. The message's own id is stable, so that a doubled one can be recognised."""

from __future__ import annotations

import asyncio
import html
import ipaddress
import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from urllib.parse import unquote, urlsplit

import aiosmtplib

from services.notifier.channels import Outcome, Outgoing, shortened
from services.notifier.channels.loop import awaited
from shared.runtime.clock import Clock

_NO_LABEL = re.compile(r"[^A-Za-z0-9.-]+")
_ADDRESS = re.compile(r"https?://[^\s<]+")
_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `security`: smtp (none), smtp+starttls (required) or smtps."""

    host: str
    port: int
    security: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def mail_server(url: str) -> MailServer:
    """Reads ``smtp://``, ``smtp+starttls://`` or ``smtps://[user:password@]host[:port]``.

    ValueError, never quoting the address, where it is something else, or where a password would
    travel in clear text to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be smtp://, smtp+starttls:// or smtps:// and a host")
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (username is None) != (password is None):
        raise ValueError("must give both a user name and a password, or neither")
    if password and parts.scheme == "smtp" and not _loopback(parts.hostname):
        raise ValueError("must be smtps:// or smtp+starttls:// where a password is given")
    port = parts.port or _SCHEMES[parts.scheme]
    return MailServer(parts.hostname, port, parts.scheme, username, password)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class EmailSender:
    """Hands each message to the mail server over a connection of its own.

    The Date header is read by other machines, so `clock` is the machine's.
    """

    def __init__(
        self, server: MailServer | None, *, sender: str, clock: Clock, timeout: float = 8.0
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._timeout = timeout

    def send(self, message: Outgoing) -> Outcome:
        if self._server is None:
            return Outcome(False, "not sent: no mail server is configured (SMTP_URL)")
        return awaited(self._send(self._server, message))

    async def _send(self, server: MailServer, message: Outgoing) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                refused, answer = await aiosmtplib.send(
                    self.compose(message),
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=server.password,
                    use_tls=server.security == "smtps",
                    start_tls=server.security == "smtp+starttls",
                    timeout=self._timeout,
                )
        except TimeoutError:
            return Outcome(False, f"no answer within {self._timeout:g} seconds")
        except aiosmtplib.SMTPRecipientsRefused as error:
            said = "; ".join(f"{r.code} {r.message}" for r in error.recipients)
            return Outcome(False, shortened(f"recipient refused: {said}"))
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(False, shortened(f"{error.code} {error.message}"))
        except (OSError, aiosmtplib.SMTPException, ValueError) as error:
            return Outcome(False, shortened(f"{type(error).__name__}: {error}"))
        return Outcome(not refused, shortened(f"250 {answer}"))

    def compose(self, message: Outgoing) -> EmailMessage:
        """The mail as it goes out; only its Date differs between two tries."""
        domain = self._sender.rpartition("@")[2]
        mail = EmailMessage()
        mail["From"] = formataddr(("Vigil", self._sender))
        mail["To"] = message.address
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{message.id}@{domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        label = _NO_LABEL.sub("-", message.study)
        mail["List-Id"] = f"Vigil alerts of {message.study} <{label}.vigil.{domain}>"
        if message.urgent:
            mail["Importance"] = "high"
        mail.set_content(message.text)
        mail.add_alternative(_as_html(message.text), subtype="html")
        mail.set_boundary(f"vigil-{message.id}")
        return mail


def _as_html(text: str) -> str:
    """The same words, with addresses that can be clicked; nothing is loaded from anywhere."""
    words = _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', html.escape(text))
    paragraphs = "".join(f"<p>{part}</p>" for part in words.strip().split("\n\n"))
    return f"<!doctype html><html><body>{paragraphs}</body></html>".replace("\n", "<br>")
