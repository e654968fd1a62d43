"""What leaves the system: that there is something to look at, and where. Never what it is.

Mail and webhooks cross systems nobody here controls, so they name the study, the severity and a
link with an opaque id. The kind of signal ("death"), the dose and the subject stay behind the
login. Source: docs/decisions/deliveries.md.
"""

from __future__ import annotations

from services.notifier.channels import Outgoing
from services.notifier.routing import URGENT
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Delivery

_EVENTS = {
    "new": "vigil.alert.raised",
    "update": "vigil.alert.updated",
    "withdrawal": "vigil.alert.withdrawn",
    "test": "vigil.test",
}
_ADJECTIVES = {
    "info": "new",
    "notice": "new",
    "warning": "new",
    "urgent": "urgent",
    "critical": "CRITICAL",
}
_FOOTER = (
    "This message deliberately says no more. Do not reply to it; acknowledge the alert after"
    " opening it.\n\n"
    "Vigil is decision support for trained staff and replaces nobody's judgement.\n"
)


def outgoing(
    alert: Alert, delivery: Delivery, *, public_url: str, secrets: tuple[str, ...] = ()
) -> Outgoing:
    """The message of a delivery: from the parts of an alert that never change, so that every try
    of a delivery says the same."""
    link = f"{public_url.rstrip('/')}/alerts/{alert.id}"
    what = _occasion(alert)
    headline = _headline(alert, what)
    label = "[SYNTHETIC] " if alert.synthetic else ""
    return Outgoing(
        id=delivery.id,
        address=delivery.address,
        subject=f"{label}Vigil: {headline}",
        text=f"{label}{headline}.\n\n{_advice(what)}\n{link}\n\n{_note(alert)}{_FOOTER}",
        event=_EVENTS[what],
        data={
            "alert": alert.id,
            "study": alert.study,
            "severity": alert.severity,
            "synthetic": alert.synthetic,
            "test": what == "test",
            "raised_at": alert.raised_at.isoformat(),
            "link": link,
        },
        study=alert.study,
        urgent=alert.severity in URGENT,
        secrets=secrets,
    )


def _occasion(alert: Alert) -> str:
    if alert.kind == "test":
        return "test"
    if alert.ends:
        return "withdrawal"
    return "update" if alert.supersedes else "new"


def _headline(alert: Alert, what: str) -> str:
    if what == "test":
        return f"TEST of the alert channel, study {alert.study}"
    if what == "withdrawal":
        return f"an earlier safety signal no longer stands, study {alert.study}"
    adjective = _ADJECTIVES[alert.severity]
    if what == "update":
        return f"{adjective} follow-up of an earlier safety signal, study {alert.study}"
    return f"{adjective} safety signal, study {alert.study}"


def _advice(what: str) -> str:
    if what == "test":
        return "Nothing has happened: somebody checks that alerts reach you. Details:"
    if what == "withdrawal":
        return "You were told of the earlier one, so you are told of this. Open:"
    return "Open:"


def _note(alert: Alert) -> str:
    if not alert.synthetic:
        return ""
    return "This study's data are synthetic: they describe no real patients.\n\n"
