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

from services.notifier.channels import Inline, Outcome, Outgoing, shortened
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
        if message.picture is None:
            mail.add_alternative(_as_html(message.text), subtype="html")
        else:
            _add_illustrated(mail, message, message.picture, f"chart.{message.id}@{domain}")
        mail.set_boundary(f"vigil-{message.id}")
        return mail


def _add_illustrated(mail: EmailMessage, message: Outgoing, picture: Inline, name: str) -> None:
    """The picture travels within the mail: nothing is loaded when it is read."""
    mail.add_alternative(_illustrated(message.text, picture, name), subtype="html")
    page = mail.get_body(("html",))
    assert isinstance(page, EmailMessage)
    page.add_related(
        picture.png,
        maintype="image",
        subtype="png",
        cid=f"<{name}>",
        disposition="inline",
        filename="chart.png",
    )
    # No boundary may begin with another: a reader of the outer parts would take it for its own.
    page.set_boundary(f"related-{message.id}")


def _as_html(text: str) -> str:
    """The same words, with addresses that can be clicked; nothing is loaded from anywhere."""
    return f"<!doctype html><html><body>{_paragraphs(text)}</body></html>"


def _paragraphs(text: str) -> str:
    words = _ADDRESS.sub(r'<a href="\g<0>">\g<0></a>', html.escape(text))
    parts = words.strip().split("\n\n")
    return "".join(f"<p>{part}</p>" for part in parts).replace("\n", "<br>")


def _illustrated(text: str, picture: Inline, name: str) -> str:
    """The words with the picture beneath its paragraph, as wide as the reader's screen at most. No
    address within that paragraph can be clicked: it has names in it that anybody may have given."""
    before, _, after = text.partition(picture.words)
    words = html.escape(picture.words)
    shown = (
        f'<img src="cid:{name}" alt="{words}" width="{_width(picture.png)}"'
        ' style="max-width:100%;height:auto">'
    )
    return (
        '<!doctype html><html><head><meta name="viewport" content="width=device-width">'
        f"</head><body>{_paragraphs(before)}<p>{words}</p>\n<p>{shown}</p>\n{_paragraphs(after)}"
        "</body></html>"
    )


def _width(png: bytes) -> int:
    """In pixels of a page: pictures are drawn at twice that."""
    return int.from_bytes(png[16:20], "big") // 2
