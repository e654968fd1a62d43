"""The chart of a mail: there where a study allows it, never in the way, on every try alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from services.notifier.illustrating import Illustrator
from services.notifier.outreach import Outreach
from shared.charts import drawing
from shared.charts.drawer import Drawer, digest_of
from shared.charts.trends import trends
from shared.contracts.profile import Profile
from shared.contracts.signals import SignalType
from shared.runtime.clock import ManualClock
from shared.runtime.db import migrate
from tests.charts.made import demo_profile
from tests.services.notifier.outreach_support import send_all, the_delivery
from tests.services.notifier.picture_support import (
    CHARTED,
    ROUTING,
    SAID,
    DemoMonitor,
    demo_signal,
    mails,
    page_of,
    picture_of,
    pngs_of,
    text_of,
)
from tests.services.notifier.support import (
    MailSink,
    Raising,
    alert_of,
    set_routing,
)


def test_a_mail_shows_the_chart_its_page_shows_and_says_it_in_words(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    assert illustrator(DemoMonitor()).run_once()
    send_all(sending)
    (mail,) = mails(mailbox)
    plain, related = mail.iter_parts()
    page, picture = related.iter_parts()
    assert [one.get_content_type() for one in (mail, plain, related, page, picture)] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert picture["Content-Disposition"].startswith("inline")
    assert f'src="{picture["Content-ID"].replace("<", "cid:").rstrip(">")}"' in page_of(mail)
    assert page_of(mail).count("src=") == 1
    found = (
        "Chart: PLAT (10^9/L), blood, subject 4-05: 3 values from day 1 to 15, worst grade 4."
        " As known at 2022-12-26 12:00 UTC, protocol version 1, CTCAE 5.0."
    )
    assert found in text_of(mail).splitlines()
    assert f'alt="{found}"' in page_of(mail)
    platelets = next(one for one in trends(demo_profile()) if one.title.startswith("PLAT"))
    assert platelets.spec is not None
    kept, digest = picture_of(engine) or (None, None)
    assert digest == digest_of(platelets.spec)
    assert kept is not None
    assert pngs_of(mail) == [kept.png]
    assert len(mailbox.received[0]) < 150_000


def test_the_picture_says_of_itself_what_it_is(
    engine: Engine, raising: Raising, manual_clock: ManualClock
) -> None:
    """Read out of the specification that is drawn: a mail may be forwarded as its picture alone."""

    class Reads(Drawer):
        def png(self, spec: object) -> bytes:
            self.svg_seen = drawing.draw(spec)  # type: ignore[arg-type]
            return drawing.as_png(spec)  # type: ignore[arg-type]

    set_routing(engine, CHARTED + "synthetic: true\n", study=SAID.study)
    raising(demo_signal())
    reads = Reads()
    monitor = DemoMonitor(stale=True)
    assert Illustrator(engine=engine, clock=manual_clock, monitor=monitor, drawer=reads).run_once()
    for words in (
        "PLAT (10^9/L), blood, subject 4-05",
        "SYNTHETIC DATA: no real patients",
        "Study Aurora",
        "As known at 2022-12-26 12:00 UTC",
        "Protocol version 1, CTCAE 5.0",
        "Records may be missing: Vigil could not read all there",
        "Vigil, decision support",
    ):
        assert f">{words}<" in reads.svg_seen
    assert SAID.study not in reads.svg_seen


@pytest.mark.parametrize(
    ("slot", "more", "words", "asked"),
    [
        ("dose/4", {}, "DLT board: 18 windows", ["assessment"]),
        ("window/NCT05301764-4-01", {}, "subject 4-01", ["assessment", "profile"]),
        (
            "recommendation",
            {"type": SignalType.STOPPING_NEAR, "rule": "toxicity"},
            "Stopping rule toxicity",
            ["assessment", "figures"],
        ),
    ],
)
def test_each_kind_of_signal_has_its_chart(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    slot: str,
    more: dict[str, Any],
    words: str,
    asked: list[str],
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal(slot, **more))
    monitor = DemoMonitor()
    illustrator(monitor).run_once()
    kept, _ = picture_of(engine) or (None, None)
    assert kept is not None
    assert words in kept.words
    assert monitor.asked == asked


def test_without_leave_nothing_is_asked_drawn_or_waited_for(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
    manual_clock: ManualClock,
) -> None:
    set_routing(engine, ROUTING + "details: {email: [subject]}\n", study=SAID.study)
    raising(demo_signal())
    monitor = DemoMonitor()
    assert not illustrator(monitor).run_once()
    assert picture_of(engine) is None
    assert the_delivery(engine).due_at == manual_clock.now()
    send_all(sending)
    (mail,) = mails(mailbox)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    name = alert_of(engine, demo_signal()).id
    assert text_of(mail).splitlines() == [
        "urgent safety signal, Study Aurora.",
        "",
        "Subject: 4-05",
        "Open:",
        f"https://vigil.example.org/alerts/{name}",
        "",
        (
            "This message deliberately says no more. Do not reply to it; acknowledge the alert"
            " after opening it."
        ),
        "",
        "Vigil is decision support for trained staff and replaces nobody's judgement.",
    ]
    assert monitor.asked == []


# -- what others have named -----------------------------------------------------------------------

HOSTILE = 'A<img src="https://evil.example/x"> https://evil.example/y \r\nBcc: a@b.c "q" &amp;'


def test_a_name_in_the_data_cannot_become_markup_link_or_header(
    engine: Engine,
    raising: Raising,
    illustrator: Callable[..., Illustrator],
    sending: Outreach,
    mailbox: MailSink,
) -> None:
    def rename(profile: Profile) -> Profile:
        series = tuple(one.model_copy(update={"test": HOSTILE}) for one in profile.series)
        return profile.model_copy(update={"series": series})

    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    illustrator(DemoMonitor(change=rename)).run_once()
    send_all(sending)
    (mail,) = mails(mailbox)
    assert len(pngs_of(mail)) == 1
    assert mail["Bcc"] is None
    page = page_of(mail)
    assert page.count("<img") == 1
    assert 'href="https://evil' not in page
    assert page.count("<a href=") == 1
    assert "evil.example" in text_of(mail)


# -- the table ------------------------------------------------------------------------------------


def test_what_is_settled_stays_and_goes_with_its_alert(
    engine: Engine, raising: Raising, illustrator: Callable[..., Illustrator]
) -> None:
    set_routing(engine, CHARTED, study=SAID.study)
    raising(demo_signal())
    illustrator(None).run_once()
    with pytest.raises(sa.exc.IntegrityError, match="stays as it was sent"), engine.begin() as conn:
        conn.execute(sa.text("UPDATE notifier.picture SET why = 'late'"))
    with engine.begin() as conn:
        rule = conn.execute(
            sa.text(
                "SELECT confdeltype FROM pg_constraint"
                " WHERE conrelid = 'notifier.picture'::regclass AND contype = 'f'"
            )
        ).scalar_one()
    assert rule in ("c", b"c")


def test_the_history_goes_down_and_up_again(engine: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", "shared/runtime/alembic_env")
    config.set_main_option("version_locations", "services/notifier/migrations/versions")
    config.set_main_option("path_separator", "os")
    with engine.begin() as conn:
        config.attributes.update(connection=conn, schema="notifier")
        command.downgrade(config, "notifier_0004")
        assert not sa.inspect(conn).has_table("picture", "notifier")
    migrate(engine, "services.notifier")
    assert sa.inspect(engine).has_table("picture", "notifier")
