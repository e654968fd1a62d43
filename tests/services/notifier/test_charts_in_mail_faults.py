"""The chart of a mail is never in its way, and every try, reminder and resend shows the same."""

from __future__ import annotations

import os
import signal as signals
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from services.notifier.alerting import Alerting
from services.notifier.app import create_app
from services.notifier.channels.email import MailServer
from services.notifier.illustrating import Illustrator
from services.notifier.monitor import Answer, Refused
from services.notifier.outreach import Outreach
from services.notifier.routing import Told
from services.notifier.settings import NotifierSettings
from services.notifier.store import pictures
from services.notifier.telling import Telling, tell
from shared.contracts.profile import Profile
from shared.contracts.signals import SignalType
from shared.runtime.clock import ManualClock
from shared.runtime.postgres_bus import PostgresBus
from shared.runtime.settings import Settings
from tests.services.notifier.outreach_support import send_all, the_delivery
from tests.services.notifier.picture_support import (
    CHARTED,
    NO_CHART,
    ROUTING,
    SAID,
    SUBJECT,
    DemoMonitor,
    Document,
    demo_signal,
    mails,
    page_of,
    picture_of,
    pngs_of,
    text_of,
)
from tests.services.notifier.support import (
    FakeSender,
    MailSink,
    Raising,
    alert_of,
    as_message,
    set_routing,
    wait_for,
)

REPOSITORY = Path(__file__).parents[3]
OUTDATED = "If the message before this one showed a chart, that chart no longer holds."
LONGEST = timedelta(seconds=1)


# -- never in the way -----------------------------------------------------------------------------


def test_only_mail_waits_and_a_second_at_most(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
    desk: FakeSender,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal("dose/4"))
    send_all(sending)
    assert (len(desk.sent), len(mailbox.received)) == (1, 0)
    assert the_delivery(engine).due_at == manual_clock.now() + LONGEST
    manual_clock.advance(LONGEST)
    send_all(sending)
    (mail,) = mails(mailbox)
    assert NO_CHART in text_of(mail).splitlines()
    assert pngs_of(mail) == []
    assert not illustrator(DemoMonitor()).run_once(), "nobody draws what was missed"


def test_a_picture_that_comes_after_the_first_try_is_not_used(
    engine: Engine,
    raising: Raising,
    sending: Outreach,
    mailbox: MailSink,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    alert = alert_of(engine, demo_signal()).id
    with engine.begin() as conn:
        assert pictures.take(conn, 60) == alert
    mailbox.answers.append("451 not now")
    manual_clock.advance(LONGEST)
    send_all(sending)
    with engine.begin() as conn:
        late = pictures.Drawn(b"png", "words", "digest")
        assert not pictures.settle(conn, alert, late, manual_clock.now())
    manual_clock.advance(timedelta(seconds=10))
    send_all(sending)
    (mail,) = mails(mailbox)
    assert NO_CHART in text_of(mail)


class Broken(DemoMonitor):
    """Answers everything as it is told to."""

    def __init__(self, answer: Callable[[], Answer | None]) -> None:
        super().__init__()
        self._answer = answer

    def assessment(self, study: str, digest: str) -> Answer | None:
        return self._answer()


def _refuses() -> Answer | None:
    raise Refused


def _fails() -> Answer | None:
    raise OSError(f"about {SUBJECT}")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_refuses, "refused"),
        (_fails, "failed"),
        (lambda: None, "failed"),
        (lambda: Document(b'{"subject": "4-05"}'), "failed"),
        (lambda: Document(b"\xff"), "failed"),
        (None, "no-key"),
    ],
)
def test_a_mail_leaves_at_once_when_there_will_be_no_chart(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
    answer: Callable[[], Answer | None] | None,
    why: str,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    with structlog.testing.capture_logs() as logged:
        assert illustrator(None if answer is None else Broken(answer)).run_once()
    send_all(sending)
    (mail,) = mails(mailbox)
    assert NO_CHART in text_of(mail)
    kept, _ = picture_of(engine) or (None, None)
    assert kept is not None
    assert kept.why == why
    assert SUBJECT not in repr(logged)


def test_what_has_nothing_to_draw_and_what_is_too_large_say_so(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal("window/NCT05301764-4-01", id="empty"))
    illustrator(DemoMonitor(change=_without_doses)).run_once()
    monkeypatch.setattr("services.notifier.illustrating.MOST_BYTES", 1000)
    raising(demo_signal("dose/4", id="large"))
    illustrator(DemoMonitor()).run_once()
    send_all(sending)
    said = [text_of(mail) for mail in mails(mailbox)]
    assert sum("There is no chart: nothing of it can be drawn yet." in one for one in said) == 1
    assert sum(NO_CHART in one for one in said) == 1
    kept, _ = picture_of(engine, "large") or (None, None)
    assert kept is not None
    assert kept.why == "too-large"


def _without_doses(profile: Profile) -> Profile:
    return profile.model_copy(update={"first_dose": None, "doses": ()})


@pytest.mark.parametrize("listening", [False, True])
def test_a_monitor_that_is_gone_or_hangs_costs_a_second_at_most(
    engine: Engine,
    settings: Settings,
    bus: PostgresBus,
    manual_clock: ManualClock,
    mailbox: MailSink,
    listening: bool,
) -> None:
    """The whole service, on a clock that stands: only what gives up lets the mail leave."""
    set_routing(engine, CHARTED, study=SAID.study)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listening:
            silent.listen()
        monitor = NotifierSettings(
            mail=MailServer("127.0.0.1", mailbox.port, "smtp"),
            monitor_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            monitor_key="vigil_0123456789ab_" + "x" * 43,
        )
        app = create_app(
            settings, engine=engine, bus=bus, clock=manual_clock, notifier_settings=monitor
        )
        with TestClient(app):
            with engine.begin() as conn:
                bus.publish(conn, [as_message(demo_signal())])
            bus.wake()
            wait_for(lambda: mailbox.received)
    (mail,) = mails(mailbox)
    assert NO_CHART in text_of(mail)
    kept, _ = picture_of(engine) or (None, None)
    assert kept is not None
    assert kept.why == "failed"


# -- every try says the same ----------------------------------------------------------------------


def test_a_retry_a_resend_and_a_reminder_show_the_same(
    engine: Engine,
    raising: Raising,
    bus: PostgresBus,
    alerting: Alerting,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    illustrator(DemoMonitor()).run_once()
    mailbox.answers += ["451 not now", "250 taken and lost"]
    for wait in (0, 10):
        manual_clock.advance(timedelta(seconds=wait))
        send_all(sending)
    set_routing(engine, ROUTING, study=SAID.study, version=2)
    alert = alert_of(engine, demo_signal())
    for _ in range(2):
        with engine.begin() as conn:
            alerting.resend(conn, the_delivery(engine).id)
        send_all(sending)
    assert len(mailbox.received) == 2
    assert mailbox.received[0] == mailbox.received[1]
    again = Told("medical-monitor", "email", "monitor@example.org", "reminder")
    with engine.begin() as conn:
        tell(conn, bus, [Telling(alert, [again], step=1, chases=True)], manual_clock.now())
    send_all(sending)
    first, _, reminder = mails(mailbox)
    assert reminder["Subject"].startswith("Vigil: Reminder: ")
    assert pngs_of(reminder) == pngs_of(first) != []


def test_a_follow_up_says_that_the_chart_before_it_no_longer_holds(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    drawing = illustrator(DemoMonitor())
    followed = (
        demo_signal(),
        demo_signal(id="s2", supersedes="s1"),
        demo_signal(id="s3", supersedes="s2", ends=True, type=SignalType.SIGNAL_WITHDRAWN),
    )
    for one in followed:
        raising(one)
        drawing.run_once()
        send_all(sending)
    raised, update, withdrawal = mails(mailbox)
    assert [len(pngs_of(one)) for one in (raised, update, withdrawal)] == [1, 1, 0]
    assert [OUTDATED in text_of(one) for one in (raised, update, withdrawal)] == [
        False,
        True,
        True,
    ]
    assert NO_CHART not in text_of(withdrawal)
    assert OUTDATED in page_of(withdrawal)


def test_two_processes_draw_a_picture_once(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    with engine.begin() as first, engine.begin() as second:
        assert pictures.take(first, 0.0) is not None
        assert pictures.take(second, 0.0) is None, "while the other takes it"
    with engine.begin() as conn:
        wait_for(lambda: pictures.take(conn, 60.0))
    with engine.begin() as conn:
        assert pictures.take(conn, 60.0) is None, "while its lease runs"


def test_a_picture_outlives_the_process_that_drew_it(
    engine: Engine, raising: Raising, sending: Outreach, mailbox: MailSink, database_url: str
) -> None:
    """`kill -9` after it was drawn and before anything was sent."""
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    drawing = subprocess.Popen(
        [sys.executable, "-m", "tests.services.notifier.victim_drawing"],
        cwd=REPOSITORY,
        env={**os.environ, "DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert drawing.stdout is not None
    assert drawing.stdout.readline() == "drawn\n"
    drawing.send_signal(signals.SIGKILL)
    drawing.wait()
    drawing.stdout.close()
    send_all(sending)
    (mail,) = mails(mailbox)
    assert pngs_of(mail) == [b"\x89PNG drawn by another"]
