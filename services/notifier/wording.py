"""What leaves the system: that there is something to look at, and where. Never what it is.

Mail and webhooks cross systems nobody here controls, so they name the study (or its alias), the
severity and a link with an opaque id. The kind of signal ("death"), the dose and the subject stay
behind the login, unless the study's routing allows them for the channel.
Source: docs/decisions/deliveries.md.
"""

from __future__ import annotations

from services.notifier.channels import Inline, Outgoing
from services.notifier.routing import URGENT
from services.notifier.store.alerts import Alert
from services.notifier.store.deliveries import Delivery
from services.notifier.store.pictures import Picture

_EVENTS = {
    "new": "vigil.alert.raised",
    "update": "vigil.alert.updated",
    "withdrawal": "vigil.alert.withdrawn",
    "test": "vigil.test",
    "digest": "vigil.digest",
    "operator": "vigil.operator",
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
_SYNTHETIC = "This study's data are synthetic: they describe no real patients.\n\n"
_OUTDATED = "If the message before this one showed a chart, that chart no longer holds.\n\n"
_NO_CHART = "The chart could not be drawn in time; it is on the pages behind the link."
_NOTHING_TO_DRAW = "There is no chart: nothing of it can be drawn yet."
_LABELS = {
    "type": "Type",
    "rule": "Rule",
    "dose_level": "Dose level",
    "subject": "Subject",
    "text": "Text",
}


def outgoing(
    alert: Alert,
    delivery: Delivery,
    *,
    public_url: str,
    secrets: tuple[str, ...] = (),
    picture: Picture | None = None,
    outdates: bool = False,
) -> Outgoing:
    """The message of a delivery: from the parts of an alert that never change, so that every try
    of a delivery says the same. `picture`: what a mail shows; `outdates`: the message before this
    one was to show a chart."""
    what = _occasion(alert)
    link = _link(alert, public_url)
    reminder = "Reminder: " if delivery.chases else ""
    headline = reminder + _headline(alert, what)
    label = "[SYNTHETIC] " if alert.synthetic else ""
    details = _details(alert, delivery.channel)
    lines = "".join(f"{_LABELS[name]}: {value}\n" for name, value in details.items())
    words = _chart(picture)
    chart = (f"{words}\n\n" if words else "") + (_OUTDATED if outdates else "")
    note = chart + (_SYNTHETIC if alert.synthetic else "")
    return Outgoing(
        id=delivery.id,
        address=delivery.address,
        subject=f"{label}Vigil: {headline}",
        text=f"{label}{headline}.\n\n{lines}{_advice(alert, what)}\n{link}\n\n{note}{_FOOTER}",
        event=_EVENTS[what],
        data={
            "alert": alert.id,
            "study": _study(alert),
            "severity": alert.severity,
            "synthetic": alert.synthetic,
            "test": what == "test",
            "reminder": delivery.chases,
            "raised_at": alert.raised_at.isoformat(),
            "link": link,
        }
        | ({"details": details} if details else {}),
        study=_study(alert),
        urgent=alert.severity in URGENT,
        secrets=secrets,
        picture=Inline(picture.png, words) if picture and picture.png else None,
    )


def _chart(picture: Picture | None) -> str:
    """What is said of it: all that it shows, for whoever does not see it."""
    if picture is None:
        return ""
    if picture.why is None:
        return f"Chart: {picture.words}"
    return _NOTHING_TO_DRAW if picture.why == "nothing" else _NO_CHART


def _study(alert: Alert) -> str:
    return alert.alias or alert.study


def _link(alert: Alert, public_url: str) -> str:
    place = "alerts" if alert.kind == "digest" else f"alerts/{alert.id}"
    return f"{public_url.rstrip('/')}/{place}"


def _details(alert: Alert, channel: str) -> dict[str, object]:
    """What the study allows this channel to say of the signal."""
    signal = alert.signal or {}
    allowed = alert.details.get(channel, ())
    return {name: signal[name] for name in allowed if signal.get(name) is not None}


def _occasion(alert: Alert) -> str:
    if alert.kind != "signal":
        return alert.kind
    if alert.ends:
        return "withdrawal"
    return "update" if alert.supersedes else "new"


def _headline(alert: Alert, what: str) -> str:
    name = _study(alert)
    study = name if name.lower().startswith("study ") else f"study {name}"
    adjective = _ADJECTIVES[alert.severity]
    return {
        "test": f"TEST of the alert channel, {study}",
        "digest": f"digest of signals of low severity, {study}",
        "operator": f"operator alert {alert.about}, {study}",
        "withdrawal": f"an earlier safety signal no longer stands, {study}",
        "update": f"{adjective} follow-up of an earlier safety signal, {study}",
        "new": f"{adjective} safety signal, {study}",
    }[what]


def _advice(alert: Alert, what: str) -> str:
    return {
        "test": "Nothing has happened: somebody checks that alerts reach you. Details:",
        "digest": "None of these was urgent. The inbox shows them:",
        "operator": f"What to do is written in docs/runbooks/{alert.about}.md. Details:",
        "withdrawal": "You were told of the earlier one, so you are told of this. Open:",
    }.get(what, "Open:")
