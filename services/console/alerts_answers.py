"""What the notifier answers about alerts, and the way there; see its own views for the meaning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from services.console.upstream import MOST_PAGES, Upstream
from shared.contracts.signals import Signal

_ROOT = "/notifier/v1"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Acknowledged(_Answer):
    """Who has taken an alert on, in which role, and which version of it they had seen."""

    name: str
    role: str
    version: int
    at: datetime


class Remark(_Answer):
    """What somebody did or wrote: ``note``, ``seen``, ``handed_over`` or ``closed``."""

    kind: str
    name: str
    role: str
    text: str
    at: datetime


class Reached(_Answer):
    """An alert's deliveries by state; ``failed`` ones are tried again."""

    pending: int = 0
    failed: int = 0
    sent: int = 0
    given_up: int = 0
    cancelled: int = 0


class AlertRecord(_Answer):
    """One alert. ``asks``: it wants an acknowledgement; ``rounds``: how often people were told
    again; ``follows`` and ``followed_by`` are alerts."""

    id: str
    study: str
    kind: str
    severity: str
    state: str
    version: int
    raised_at: datetime
    signal: Signal | None
    asks: bool
    ladder: str | None
    rounds: int
    assigned_to: str | None
    follows: str | None
    followed_by: str | None
    routing_version: int | None
    warnings: tuple[str, ...]
    acknowledgements: tuple[Acknowledged, ...]
    notes: tuple[Remark, ...]
    deliveries: Reached


class AlertRecords(_Answer):
    """A page of them, oldest first, with what is wrong with the study's routing."""

    alerts: tuple[AlertRecord, ...]
    next: str
    more: bool
    warnings: dict[str, tuple[str, ...]] = {}


class ChosenAlerts(_Answer):
    """Those that were named."""

    alerts: tuple[AlertRecord, ...]


class Attempt(_Answer):
    """One line of a delivery's log, with the server's own answer."""

    number: int
    step: str
    answer: str | None
    at: datetime


class Delivery(_Answer):
    """One way in which one person is told. ``due_at``: the next try, where it is not settled."""

    id: str
    subscriber: str
    channel: str
    address: str
    why: str
    state: str
    attempts: int
    due_at: datetime | None
    created_at: datetime
    settled_at: datetime | None
    log: tuple[Attempt, ...]


class Deliveries(_Answer):
    """Those of one alert."""

    deliveries: tuple[Delivery, ...]


class Told(_Answer):
    """Who would be told, how, and by which rules."""

    subscriber: str
    channel: str
    why: str


class Telling(_Answer):
    """A step of a ladder: when, and who."""

    at: datetime
    told: tuple[Told, ...]


class Forecast(_Answer):
    """What the routing in force does with such a signal while nobody acknowledges."""

    ladder: str | None = None
    tellings: tuple[Telling, ...] = ()
    again_every: float | None = None


class Subscription(_Answer):
    """One recipient of the routing in force."""

    subscriber: str
    channel: str


class Subscriptions(_Answer):
    """All of them, and the version of the routing."""

    version: int
    subscriptions: tuple[Subscription, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.subscriber for one in self.subscriptions))


async def all_alerts(
    upstream: Upstream, key: str, study: str
) -> tuple[tuple[AlertRecord, ...], tuple[str, ...]]:
    """Every alert of the study, oldest first, and the warnings about its routing."""
    found: list[AlertRecord] = []
    params = {"study": study, "limit": "500"}
    for _ in range(MOST_PAGES):
        response = await upstream.ask("notifier", "GET", f"{_ROOT}/alerts", key, params=params)
        page = upstream.read("notifier", response, AlertRecords)
        found += page.alerts
        if not page.more:
            return tuple(found), page.warnings.get(study, ())
        params = {**params, "after": page.next}
    raise upstream.unavailable("notifier", "has more alerts than a page can show")


async def chosen_alerts(
    upstream: Upstream, key: str, study: str, ids: Sequence[str]
) -> tuple[AlertRecord, ...]:
    """Those of the study's alerts that are named, oldest first."""
    if not ids:
        return ()
    params = {"study": study, "id": ids}
    response = await upstream.ask("notifier", "GET", f"{_ROOT}/alerts/chosen", key, params=params)
    return upstream.read("notifier", response, ChosenAlerts).alerts


async def one_alert(upstream: Upstream, key: str, alert: str) -> AlertRecord:
    """The alert as it stands."""
    response = await upstream.ask("notifier", "GET", _of(alert), key)
    return upstream.read("notifier", response, AlertRecord)


async def deliveries_of(upstream: Upstream, key: str, alert: str) -> tuple[Delivery, ...]:
    """Everybody who was to be told of it."""
    response = await upstream.ask(
        "notifier", "GET", f"{_ROOT}/deliveries", key, params={"alert": alert}
    )
    return upstream.read("notifier", response, Deliveries).deliveries


async def subscriptions_of(upstream: Upstream, key: str, study: str) -> Subscriptions:
    """The recipients of the routing in force. NotFound where there is none."""
    path = f"{_ROOT}/studies/{quote(study, safe='')}/subscriptions"
    response = await upstream.ask("notifier", "GET", path, key)
    return upstream.read("notifier", response, Subscriptions)


async def forecast_of(upstream: Upstream, key: str, alert: AlertRecord) -> Forecast:
    """The steps of the ladder for such an alert, counted from when it was raised. Tells nobody."""
    assert alert.signal is not None
    asked = {
        "type": alert.signal.type.value,
        "severity": alert.severity,
        "dose_level": alert.signal.dose_level,
        "cohort": alert.signal.cohort,
        "site": alert.signal.site,
        "at": alert.raised_at.isoformat(),
    }
    path = f"{_ROOT}/studies/{quote(alert.study, safe='')}/routing/test"
    response = await upstream.ask("notifier", "POST", path, key, body=asked)
    return upstream.read("notifier", response, Forecast)


async def tell_alert(
    upstream: Upstream, key: str, alert: str, act: str, body: dict[str, object] | None
) -> None:
    """One of the things people do about an alert; ``act`` is the last part of its address."""
    await upstream.ask("notifier", "POST", f"{_of(alert)}/{act}", key, body=body)


async def resend(upstream: Upstream, key: str, delivery: str) -> None:
    """Sends a settled delivery once more."""
    path = f"{_ROOT}/deliveries/{quote(delivery, safe='')}/resend"
    await upstream.ask("notifier", "POST", path, key)


def _of(alert: str) -> str:
    return f"{_ROOT}/alerts/{quote(alert, safe='')}"
