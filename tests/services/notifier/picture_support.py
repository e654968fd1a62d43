"""A monitor that answers from the demo study, and signals of it, for tests of charts in mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from services.notifier.monitor import Answer
from services.notifier.store.pictures import Picture
from shared.clinical.compare import standing_signals
from shared.contracts.profile import Profile, opaque_id
from shared.contracts.signals import Signal
from tests.charts.made import demo_profile, figures
from tests.services.console.packet_support import demo_packet
from tests.services.notifier.support import MailSink

SAID = demo_packet().assessment
SUBJECT = "4-05"
NO_CHART = "The chart could not be drawn in time; it is on the pages behind the link."
PLATELETS = "severe/NCT05301764-4-05/Platelet count decreased/2022-12-26"
ROUTING = f"""\
study: {SAID.study}
alias: Study Aurora
recipients:
  - {{name: medical-monitor, channel: email, address: monitor@example.org}}
  - {{name: desk, channel: webhook, address: "https://desk.example.org/hook"}}
rules:
  - {{name: everything, tell: [medical-monitor, desk]}}
"""
CHARTED = ROUTING + "details: {email: [subject, chart]}\n"


def demo_signal(slot: str = PLATELETS, *, id: str = "s1", **more: Any) -> Signal:
    """What stood in the demo on the day of the hold."""
    found = next(one for one in standing_signals(SAID) if one.slot == slot)
    told = {**found.model_dump(), "id": id, "study": SAID.study, "assessment_digest": SAID.digest}
    return Signal(**{**told, **more})


@dataclass(frozen=True)
class Document:
    document: bytes
    stale: bool = False


@dataclass
class DemoMonitor:
    """The demo as the monitor tells it; `asked` is what it was asked. `profile_of` may change the
    subject's profile."""

    asked: list[str] = field(default_factory=list)
    change: Callable[[Profile], Profile] = lambda profile: profile
    stale: bool = False

    def assessment(self, study: str, digest: str) -> Answer | None:
        self.asked.append("assessment")
        known = (study, digest) == (SAID.study, SAID.digest)
        return Document(SAID.model_dump_json().encode()) if known else None

    def profile(self, study: str, subject: str, known_at: datetime) -> Answer | None:
        self.asked.append("profile")
        assert known_at == SAID.known_at
        for one in SAID.subjects:
            if opaque_id(study, one.usubjid) == subject:
                found = self.change(demo_profile(one.subject))
                return Document(found.model_dump_json().encode(), self.stale)
        return None

    def figures(self, study: str, known_at: datetime) -> Answer | None:
        self.asked.append("figures")
        return Document(figures(demo_packet()).model_dump_json().encode())


def picture_of(engine: Engine, signal: str = "s1") -> tuple[Picture, str | None] | None:
    """What is kept for the alert of a signal, with its digest; None without a row, `late` and so
    on as they are settled."""
    query = sa.text(
        "SELECT why, png, words, digest FROM notifier.picture JOIN notifier.alert"
        " ON alert.id = picture.alert WHERE signal_id = :signal"
    )
    with engine.connect() as conn:
        row = conn.execute(query, {"signal": signal}).one_or_none()
    return None if row is None else (Picture(row.why, row.png, row.words or ""), row.digest)


def mails(mailbox: MailSink) -> list[EmailMessage]:
    return [message_from_bytes(one, policy=policy.default) for one in mailbox.received]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def page_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def pngs_of(mail: EmailMessage) -> list[bytes]:
    return [part.get_content() for part in mail.walk() if part.get_content_type() == "image/png"]
