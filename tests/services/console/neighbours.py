"""The services the console talks to, as a real HTTP server that says what a test wants it to.

It answers in the very form of the monitor, the notifier and the intake; the end-to-end tests run
the console against those themselves.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from services.console.settings import ConsoleSettings
from shared.contracts.assessment import Assessment
from shared.contracts.packet import Packet, StudyOutlook
from shared.contracts.profile import Profile
from shared.contracts.signals import Signal
from tests.services.console import golden, golden_oversight, golden_profile, golden_signals

KEY = "vigil_0123456789ab_" + "k" * 43
ALERT_EVENT = 'id: 1-1\nevent: alert\ndata: {"change": "raised"}\n\n'
RESET_EVENT = 'id: 9-9\nevent: reset\ndata: {"after": "9-9"}\n\n'
HEARTBEAT_EVENT = 'event: heartbeat\ndata: {"current": true}\n\n'
BEHIND_EVENT = 'event: heartbeat\ndata: {"current": false}\n\n'
OVER = ""
HEARTBEAT_SECONDS = 5.0

PATIENCE = 60.0
"""Seconds for an answer: a busy machine is no fault of the console's."""


def pointed_at(there: str, *, ingest: str | None = None, live: float = 0.5) -> ConsoleSettings:
    """A console in front of these services, all at one address but for the intake, which begins no
    packet by itself. `live`: seconds between two looks of an open page."""
    return ConsoleSettings(
        monitor_url=there,
        notifier_url=there,
        ingest_url=ingest or there,
        timeout=PATIENCE,
        beside_timeout=PATIENCE,
        live_interval=live,
        packets_ahead=False,
    )


@dataclass
class Neighbours:
    """What the services answer at the moment; a test changes it as the study goes on."""

    keys: set[str] = field(default_factory=lambda: {KEY})
    assessment: Assessment = field(default_factory=golden.assessment)
    past: dict[str, Assessment] = field(default_factory=dict)
    signals: tuple[Signal, ...] = field(default_factory=golden_signals.signals)
    alerts: list[dict[str, Any]] = field(default_factory=golden_signals.alerts)
    entry_changes: dict[str, Any] = field(default_factory=dict)
    packet: Packet | None = None
    what_if: dict[str, Any] | None = field(default_factory=golden_oversight.what_if)
    profiles: dict[tuple[str, str | None], Profile] = field(
        default_factory=lambda: {(golden_profile.ID, None): golden_profile.profile()}
    )
    """By opaque id and ``known_at``."""
    warnings: list[str] = field(default_factory=list)
    stale: bool = False
    still_reading: bool = False
    page_size: int = 100
    failing: dict[str, int] = field(default_factory=dict)
    """Status by the first word of the path: ``{"monitor": 503}``."""
    garbled: set[str] = field(default_factory=set)
    """First or last words of paths whose answer nobody can read."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: list[tuple[str, Any]] = field(default_factory=list)
    streams: int = 0
    looking: bool = True
    """Whether the streams of alerts have heartbeats."""
    to_tell: list[str] = field(default_factory=list)
    """Events that an open stream of alerts brings next; empty once they are on their way. `OVER`
    ends the stream."""

    def restore(self, alerts: list[dict[str, Any]]) -> None:
        """Goes on with another record of alerts, of which nothing but a `reset` tells."""
        self.alerts, self.to_tell = alerts, [RESET_EVENT]

    def app(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._before)
        app.get("/monitor/v1/studies")(self._studies)
        app.get("/monitor/v1/studies/{study}/assessment")(self._assessment)
        app.get("/monitor/v1/studies/{study}/packet")(self._packet)
        app.get("/monitor/v1/studies/{study}/outlook")(self._outlook)
        app.get("/monitor/v1/studies/{study}/cohorts")(self._cohorts)
        app.get("/monitor/v1/studies/{study}/subjects/{subject}")(self._profile)
        app.get("/monitor/v1/studies/{study}/what-if")(self._what_if)
        app.get("/monitor/v1/studies/{study}/signals")(self._signals)
        app.get("/notifier/v1/alerts")(self._alerts)
        app.get("/notifier/v1/alerts/brief")(self._brief)
        app.get("/notifier/v1/alerts/chosen")(self._chosen)
        app.get("/notifier/v1/alerts/stream")(self._stream)
        app.get("/notifier/v1/alerts/{id}")(self._alert)
        app.post("/notifier/v1/alerts/{id}/acknowledge")(self._acknowledge)
        app.get("/readyz")(self._ready)
        return app

    async def _before(self, request: Request, call_next: Any) -> Response:
        words = request.url.path.split("/")
        service, last = words[1], words[-1]
        self.asked.append((request.method, request.url.path))
        if service in self.failing:
            return JSONResponse({}, self.failing[service])
        if {service, last} & self.garbled:
            return Response("<html>not what was asked for</html>")
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if service != "readyz" and key not in self.keys:
            return JSONResponse({}, 401)
        beside = ("/studies", "/queries", "/parked")
        unread = self.entry_changes.get("status") == "no_protocol" and service == "monitor"
        if unread and not request.url.path.endswith(beside):
            return JSONResponse({}, 409)
        response: Response = await call_next(request)
        return response

    async def _studies(self) -> Any:
        return {"studies": [golden_signals.entry(self.assessment, **self.entry_changes)]}

    async def _assessment(self, study: str, known_at: str | None = None) -> Response:
        if study != self.assessment.study:
            return JSONResponse({}, 404)
        if known_at is not None and known_at not in self.past:
            return JSONResponse({}, 422)
        shown = self.assessment if known_at is None else self.past[known_at]
        headers = {"Vigil-Stale": "true"} if self.stale else {}
        return Response(shown.model_dump_json(), media_type="application/json", headers=headers)

    async def _packet(self, study: str) -> Response:
        if self.packet is None or study != self.packet.assessment.study:
            return JSONResponse({}, 404)
        headers = {"Vigil-Stale": "true"} if self.stale else {}
        return Response(
            self.packet.model_dump_json(), media_type="application/json", headers=headers
        )

    async def _outlook(self, study: str) -> Response:
        if self.still_reading:
            return JSONResponse({"type": "urn:vigil:problem:still-reading"}, 503)
        if self.packet is None or study != self.packet.assessment.study:
            return JSONResponse({}, 404)
        told = StudyOutlook(
            assessment_digest=self.packet.assessment.digest,
            outlook=self.packet.outlook,
            table=self.packet.table,
        )
        return Response(told.model_dump_json(), media_type="application/json")

    async def _cohorts(self) -> Any:
        return {"doses": [dose.model_dump(mode="json") for dose in self.assessment.doses]}

    async def _profile(self, subject: str, known_at: str | None = None) -> Response:
        found = self.profiles.get((subject, known_at))
        if found is None:
            return JSONResponse({}, 404)
        headers = {"Vigil-Stale": "true"} if self.stale else {}
        return Response(found.model_dump_json(), media_type="application/json", headers=headers)

    async def _what_if(self) -> Response:
        return JSONResponse(self.what_if, 503 if self.what_if is None else 200)

    async def _signals(self, after: int = 0) -> Any:
        page = self.signals[after : after + self.page_size]
        end = after + len(page)
        return {
            "signals": [s.model_dump(mode="json") for s in page],
            "standing": [],
            "next": str(end) if end < len(self.signals) else None,
        }

    async def _alerts(self, study: str, after: str = "0-0") -> Any:
        start = int(after.split("-")[1])
        page = self.alerts[start : start + self.page_size]
        end = start + len(page)
        return {
            "alerts": page,
            "next": f"0-{end}",
            "more": end < len(self.alerts),
            "last_event_id": "0-0",
            "warnings": {study: self.warnings} if self.warnings else {},
        }

    async def _brief(self, study: str) -> Any:
        return {
            "alerts": self.alerts,
            "warnings": {study: self.warnings} if self.warnings else {},
        }

    async def _chosen(self, request: Request) -> Any:
        named = request.query_params.getlist("id")
        return {"alerts": [one for one in self.alerts if one["id"] in named]}

    async def _alert(self, id: str) -> Response:
        for alert in self.alerts:
            if alert["id"] == id:
                return JSONResponse(alert)
        return JSONResponse({}, 404)

    async def _acknowledge(self, id: str, request: Request) -> Response:
        status = self.failing.get("acknowledge", 200)
        if status == 200:
            self.acknowledged.append((id, await request.json()))
        return JSONResponse({}, status)

    async def _stream(self, request: Request) -> StreamingResponse:
        return StreamingResponse(self._told(), media_type="text/event-stream")

    async def _told(self) -> AsyncIterator[str]:
        self.streams += 1
        known = list(self.alerts)
        yield "retry: 2000\n\n"
        beat = time.monotonic()
        try:
            while True:
                await asyncio.sleep(0.02)
                if self.looking and time.monotonic() - beat >= HEARTBEAT_SECONDS:
                    beat = time.monotonic()
                    yield HEARTBEAT_EVENT
                while self.to_tell:
                    known = list(self.alerts)
                    told = self.to_tell.pop(0)
                    if told == OVER:
                        return
                    yield told
                if self.alerts != known:
                    known = list(self.alerts)
                    yield ALERT_EVENT
        finally:
            self.streams -= 1

    async def _ready(self) -> Any:
        return {"status": "ready"}
