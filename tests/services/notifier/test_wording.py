"""What leaves the system says that there is something to see, never what it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.channels import Outgoing
from services.notifier.channels.webhook import body_of
from services.notifier.store.alerts import Alert, Position
from services.notifier.store.deliveries import Delivery
from services.notifier.wording import outgoing
from shared.contracts.signals import Severity, SignalType
from tests.services.notifier.support import STUDY, SUBJECT, signal

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
ALERT = Alert(
    id="a1b2",
    position=Position(1, 1),
    study=STUDY,
    kind="signal",
    signal_id="s",
    severity="urgent",
    signal=None,
    about=None,
    alias=None,
    details={},
    asks=True,
    ladder=None,
    assigned_to=None,
    supersedes=None,
    ends=False,
    synthetic=False,
    routing_version=1,
    warnings=(),
    state="open",
    version=1,
    followed_by=None,
    raised_at=NOW,
)
DELIVERY = Delivery(
    id="d1",
    alert="a1b2",
    study=STUDY,
    signal_id="s",
    subscriber="medical-monitor",
    channel="email",
    address="monitor@example.org",
    lane="mail",
    why="rule",
    severity="urgent",
    urgency=2,
    state="pending",
    step=0,
    chases=False,
    due_at=NOW,
    created_at=NOW,
    began_at=NOW,
    settled_at=None,
)


def _message(alert: Alert) -> Outgoing:
    return outgoing(alert, DELIVERY, public_url="https://vigil.example.org/")


@given(
    kind=st.sampled_from(list(SignalType)),
    severity=st.sampled_from(get_args(Severity)),
    supersedes=st.none() | st.just("earlier"),
    ends=st.booleans(),
    synthetic=st.booleans(),
    test=st.booleans(),
)
def test_no_message_carries_health_detail(
    kind: SignalType,
    severity: Severity,
    supersedes: str | None,
    ends: bool,
    synthetic: bool,
    test: bool,
) -> None:
    raised = signal(kind, severity=severity, supersedes=supersedes, ends=ends)
    alert = replace(
        ALERT,
        kind="test" if test else "signal",
        severity=severity,
        signal=None if test else raised.model_dump(mode="json"),
        supersedes=supersedes,
        ends=ends,
        synthetic=synthetic,
    )
    message = _message(alert)
    everything = "\n".join([message.subject, message.text, body_of(message).decode()])
    detail = [SUBJECT, str(kind), raised.rule, raised.text, raised.key, "mg/kg", "platelets"]
    assert not [word for word in detail if word in everything]
    assert STUDY in message.subject
    assert "https://vigil.example.org/alerts/a1b2" in message.text
    assert message.subject.startswith("[SYNTHETIC] ") is synthetic
    assert ("TEST" in message.subject) is test
    assert "\n" not in message.subject


@pytest.mark.parametrize(
    ("change", "subject", "event"),
    [
        ({}, "Vigil: urgent safety signal, study TRIAL-1", "vigil.alert.raised"),
        (
            {"severity": "critical"},
            "Vigil: CRITICAL safety signal, study TRIAL-1",
            "vigil.alert.raised",
        ),
        (
            {"supersedes": "s0"},
            "Vigil: urgent follow-up of an earlier safety signal, study TRIAL-1",
            "vigil.alert.updated",
        ),
        (
            {"supersedes": "s0", "ends": True},
            "Vigil: an earlier safety signal no longer stands, study TRIAL-1",
            "vigil.alert.withdrawn",
        ),
        (
            {"kind": "digest", "severity": "info"},
            "Vigil: digest of signals of low severity, study TRIAL-1",
            "vigil.digest",
        ),
        (
            {"kind": "operator", "about": "ladder-late"},
            "Vigil: operator alert ladder-late, study TRIAL-1",
            "vigil.operator",
        ),
        ({"kind": "test"}, "Vigil: TEST of the alert channel, study TRIAL-1", "vigil.test"),
    ],
)
def test_the_subject_says_what_occasion(
    change: dict[str, object], subject: str, event: str
) -> None:
    message = _message(replace(ALERT, **change))  # type: ignore[arg-type]
    assert (message.subject, message.event) == (subject, event)


def test_a_study_with_an_alias_is_named_by_it_alone() -> None:
    message = _message(replace(ALERT, alias="Study Aurora"))
    everything = "\n".join([message.subject, message.text, body_of(message).decode()])
    assert message.subject.endswith(", Study Aurora")
    assert STUDY not in everything + message.study


def test_a_channel_says_what_the_study_allows_it_and_no_other_does() -> None:
    raised = signal(SignalType.DEATH, dose_level=None).model_dump(mode="json")
    alert = replace(ALERT, signal=raised, details={"email": ["type", "dose_level"]})
    mail = _message(alert)
    assert "Type: death\n" in mail.text
    assert mail.data["details"] == {"type": "death"}, "an unknown dose level is left out"
    assert SUBJECT not in mail.text
    hook = outgoing(
        alert, replace(DELIVERY, channel="webhook"), public_url="https://vigil.example.org/"
    )
    assert "death" not in hook.text + body_of(hook).decode()


def test_a_reminder_says_that_it_is_one() -> None:
    message = outgoing(ALERT, replace(DELIVERY, chases=True), public_url="https://v.example.org")
    assert message.subject == "Vigil: Reminder: urgent safety signal, study TRIAL-1"
    assert message.data["reminder"] is True


def test_what_happens_to_the_alert_later_changes_nothing_in_the_message() -> None:
    later = replace(ALERT, state="withdrawn", version=2, followed_by="x")
    assert _message(later) == _message(ALERT)


def test_the_webhook_body_is_json_with_an_opaque_id() -> None:
    assert json.loads(body_of(_message(ALERT))) == {
        "type": "vigil.alert.raised",
        "data": {
            "alert": "a1b2",
            "study": STUDY,
            "severity": "urgent",
            "synthetic": False,
            "test": False,
            "reminder": False,
            "raised_at": "2026-01-15T12:00:00+00:00",
            "link": "https://vigil.example.org/alerts/a1b2",
        },
    }
