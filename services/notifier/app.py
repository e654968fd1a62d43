"""Puts the notifier together: the worker on signals, the outreach, the feed and the API.

Whoever calls owns the engine and the bus, and starts the bus: the embedded assembly shares both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from services.notifier.alerting import Alerting
from services.notifier.api import alerts, deliveries, responses, routing, stream, subscriptions
from services.notifier.api.common import Parts
from services.notifier.channels.apprise import AppriseSender
from services.notifier.channels.email import EmailSender
from services.notifier.channels.webhook import WebhookSender
from services.notifier.chase import Chase
from services.notifier.feed import Feed
from services.notifier.heartbeat import Heartbeat
from services.notifier.illustrating import Illustrator
from services.notifier.measures import Measures
from services.notifier.monitor import HttpMonitor, Monitor
from services.notifier.outreach import Outreach, Patience
from services.notifier.responding import Responding
from services.notifier.settings import NotifierSettings
from services.notifier.watch import GROUP, Watch
from shared.contracts.topics import SIGNALS
from shared.runtime.auth import Authenticator
from shared.runtime.bus import Bus
from shared.runtime.clock import Clock, SystemClock, clock_from_settings
from shared.runtime.parked import parked_routes
from shared.runtime.settings import Settings
from shared.runtime.telemetry import Metrics
from shared.runtime.web import api_router, database_ready, worker_ready
from shared.runtime.web import create_app as create_web_app
from shared.runtime.worker import Worker


class Notifier:
    """The service's moving parts. Start them once; stop them before the bus."""

    def __init__(
        self,
        settings: NotifierSettings,
        *,
        engine: Engine,
        bus: Bus,
        clock: Clock,
        authenticator: Authenticator | None = None,
        metrics: Metrics | None = None,
        patience: Patience | None = None,
        heartbeat: float = 10.0,
        monitor: Monitor | None = None,
    ) -> None:
        metrics = metrics or Metrics()
        measures = Measures(metrics.registry)
        measures.watch(engine, clock)
        # Signatures and Date headers are checked against other machines' clocks.
        machine = SystemClock()
        self.alerting = Alerting(bus, clock, measures)
        self.feed = Feed(engine, heartbeat=heartbeat)
        self.outreach = Outreach(
            engine=engine,
            bus=bus,
            clock=clock,
            senders={
                "email": EmailSender(settings.mail, sender=settings.mail_sender, clock=machine),
                "webhook": WebhookSender(
                    clock=machine, trusted_hosts=settings.trusted_webhook_hosts
                ),
                "apprise": AppriseSender(settings.apprise_targets),
            },
            public_url=settings.public_url,
            patience=patience,
            measures=measures,
        )
        if monitor is None and settings.monitor_key is not None:
            monitor = HttpMonitor(settings.monitor_url, settings.monitor_key)
        self.illustrator = Illustrator(
            engine=engine, clock=clock, monitor=monitor, on_settled=self.outreach.wake
        )
        self.worker = Worker(
            engine=engine,
            bus=bus,
            topic=SIGNALS.name,
            group=GROUP,
            handle=self.alerting.on_signals,
            clock=clock,
            metrics=metrics,
            on_applied=self.outreach.wake,
        )
        self.chase = Chase(
            engine=engine,
            bus=bus,
            clock=clock,
            watch=Watch(bus, settings.operator),
            on_worked=self.outreach.wake,
        )
        self.parts = Parts(
            engine=engine,
            bus=bus,
            clock=clock,
            alerting=self.alerting,
            responding=Responding(bus, clock),
            feed=self.feed,
            authenticator=authenticator or Authenticator(engine),
            trusted_webhook_hosts=settings.trusted_webhook_hosts,
            apprise_targets=frozenset(settings.apprise_targets),
        )
        self.ready = {
            "database": database_ready(engine),
            "signals": worker_ready(self.worker),
            "outreach": self._outreach_ready,
            "ladders": self._chase_ready,
            "feed": self._feed_ready,
        }
        self.heartbeat = Heartbeat(settings.heartbeat_url, self.ready)

    def start(self) -> None:
        """Begins to read signals, to send and to feed streams."""
        self.feed.start()
        self.outreach.start()
        self.illustrator.start()
        self.chase.start()
        self.worker.start()
        self.heartbeat.start()

    def stop(self) -> None:
        """Ends all of it; what is under way is finished or left to be tried again."""
        self.heartbeat.stop()
        self.feed.close()
        self.chase.stop()
        self.worker.stop()
        self.illustrator.stop()
        self.outreach.stop()

    def _outreach_ready(self) -> str | None:
        return None if self.outreach.alive else "nothing is being sent"

    def _chase_ready(self) -> str | None:
        return None if self.chase.current else "reminders are not being worked"

    def _feed_ready(self) -> str | None:
        return None if self.feed.alive else "streams are not being fed"


# `stream` first: its path would otherwise be taken for an alert's id.
ROUTERS = (
    stream.router,
    alerts.router,
    responses.router,
    deliveries.router,
    routing.router,
    subscriptions.router,
)


def create_app(
    settings: Settings,
    *,
    engine: Engine,
    bus: Bus,
    clock: Clock | None = None,
    authenticator: Authenticator | None = None,
    notifier_settings: NotifierSettings | None = None,
    metrics: Metrics | None = None,
    patience: Patience | None = None,
    heartbeat: float = 10.0,
    monitor: Monitor | None = None,
) -> FastAPI:
    """The notifier as an app; its lifespan starts and stops the moving parts.

    Left out: the clock of `settings`, an authenticator on `engine`, the environment's notifier
    settings, the monitor those name. `heartbeat`: seconds between those of a stream. The parts are
    at `app.state.notifier_service`.
    """
    metrics = metrics or Metrics()
    authenticator = authenticator or Authenticator(engine)
    notifier = Notifier(
        notifier_settings or NotifierSettings.from_env(),
        engine=engine,
        bus=bus,
        clock=clock or clock_from_settings(settings),
        authenticator=authenticator,
        metrics=metrics,
        patience=patience,
        heartbeat=heartbeat,
        monitor=monitor,
    )

    parked = api_router("/notifier/v1", tags=["parked"])
    parked_routes(parked, engine, notifier.worker)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        notifier.start()
        try:
            yield
        finally:
            await run_in_threadpool(notifier.stop)

    app = create_web_app(
        "Vigil notifier",
        settings,
        routers=(*ROUTERS, parked),
        authenticator=authenticator,
        ready=notifier.ready,
        lifespan=lifespan,
        metrics=metrics,
    )
    app.state.notifier = notifier.parts
    app.state.notifier_service = notifier
    return app
