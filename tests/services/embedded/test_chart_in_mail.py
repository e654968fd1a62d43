"""From the event log to the mailbox: the chart of a signal, without any set-up under one roof."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
import sqlalchemy as sa

from services.notifier import illustrating
from shared.charts.drawer import digest_of
from shared.charts.trends import trends
from shared.contracts.profile import Profile, opaque_id
from shared.runtime.postgres_bus import PostgresBus
from tests.scenarios.installation import installation
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, publish
from tests.services.notifier.support import mail_sink, set_routing

DAY_10 = DAY_1 + timedelta(days=9)
ROUTING = f"""\
study: {STUDY}
recipients: [{{name: monitor, channel: email, address: monitor@example.org}}]
rules: [{{name: severe, types: [toxicity.severe], tell: [monitor]}}]
details: {{email: [subject, chart]}}
"""
_KEPT = sa.text(
    "SELECT digest, CAST(signal ->> 'known_at' AS text) FROM notifier.picture"
    " JOIN notifier.alert ON alert.id = picture.alert"
)


def test_a_grade_4_reaches_the_mailbox_with_its_trend(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = Trial()
    # How fast this machine draws is not the question: a mail whose chart is late goes without it.
    monkeypatch.setattr(illustrating, "DRAWING_SECONDS", 60.0)
    with mail_sink() as mailbox:
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{mailbox.port}")
        with installation(new_database()) as vigil:
            vigil.clock.set(at(DAY_10, 13))
            set_routing(vigil.engine, ROUTING, study=STUDY)
            facts = [trial.protocol(), *trial.cohort(), trial.platelets("1-01", DAY_10, "21")]
            with PostgresBus(vigil.engine) as bus:
                publish(vigil.engine, bus, facts)
            vigil.wait(lambda: bool(mailbox.received))
            with vigil.engine.connect() as conn:
                digest, known_at = conn.execute(_KEPT).one()
            path = f"/monitor/v1/studies/{STUDY}/subjects/{opaque_id(STUDY, f'{STUDY}-1-01')}"
            known = datetime.fromisoformat(known_at).isoformat()
            profile = Profile.model_validate_json(vigil.get(path, known_at=known).content)
    mail = message_from_bytes(mailbox.received[0], policy=policy.default)
    (picture,) = [one for one in mail.walk() if one.get_content_type() == "image/png"]
    assert picture.get_content().startswith(b"\x89PNG")
    (platelets,) = trends(profile)
    assert platelets.spec is not None
    assert digest == digest_of(platelets.spec)
    text = mail.get_body(("plain",))
    assert text is not None
    found = f"Chart: {platelets.title}, subject 1-01: {platelets.alt}. As known at "
    assert found in text.get_content()
    assert platelets.alt.endswith("worst grade 4")
