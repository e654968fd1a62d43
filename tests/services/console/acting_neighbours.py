"""Neighbours that also give out protocol, profile and acts, and take what a person records."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from services.demo.records import usubjid
from services.demo.table import read_protocol
from shared.clinical.profile import profile_of
from shared.contracts.assessment import Assessment
from shared.contracts.packet import DesignTable, Packet, TableCell
from shared.contracts.profile import Profile, opaque_id
from tests.services.console import golden_signals
from tests.services.console.golden import STUDY
from tests.services.console.neighbours import KEY, Neighbours
from tests.services.console.packet_support import HOLD, demo_packet, demo_study, without_charts

SUBJECT = usubjid("4-05")
CASE = f"/studies/{STUDY}/adjudication/{opaque_id(STUDY, SUBJECT)}.platelets-g4"
COMMITTEE = f"/studies/{STUDY}/committee"
PASSWORD = "open sesame"


@cache
def small_packet() -> Packet:
    """What the committee's page shows of it, without what charts and tables of events need."""
    return without_charts(demo_packet(), events=(), exposures=())


def lettered_table(most: int = 6) -> DesignTable:
    """A decision table by number of DLTs of 3 and of `most` patients; 3 mg/kg stands in it."""
    return DesignTable(
        design="boin",
        columns=("n", "escalate if at most", "decisions"),
        rows=(("3", "0", "ESDU"), (str(most), "0", "ESSD" + "U" * (most - 3))),
        notes=("E escalate",),
        source="a paper",
        stands=(TableCell(dose_level=3, label="3 mg/kg", line=1, says="S"),),
    )


@cache
def demo_profile() -> Profile:
    """Subject 4-05 on the day of the hold."""
    study = demo_study()
    found = profile_of(study, study.assess(as_of=HOLD), opaque_id(STUDY, SUBJECT))
    assert found is not None
    return found


ROUTES = ("acknowledge", "seen", "notes", "hand-over", "close")


class Notifier(Neighbours):
    """Neighbours that also keep deliveries, tell who asks, and take what people do."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[str, Any]] = []
        self.roles = ["medical_monitor"]
        self.deliveries: list[dict[str, Any]] = []

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/notifier/v1/deliveries")(self._deliveries)
        app.get("/notifier/v1/studies/{study}/subscriptions")(self._subscriptions)
        app.post("/notifier/v1/studies/{study}/routing/test")(self._forecast)
        app.get("/ingest/v1/sessions/current")(self._me)
        app.post("/notifier/v1/deliveries/{id}/resend")(self._act)
        for name in ROUTES:
            app.post(f"/notifier/v1/alerts/{{id}}/{name}")(self._act)
        app.include_router(super().app().router)
        app.middleware("http")(self._before)
        return app

    async def _deliveries(self) -> Any:
        return {"deliveries": self.deliveries}

    async def _subscriptions(self) -> Any:
        return {"version": 2, "subscriptions": [{"subscriber": "dr-a", "channel": "email"}]}

    async def _forecast(self) -> Any:
        told = [{"subscriber": "dr-a", "channel": "email", "why": "ladder"}]
        days = ("2022-12-26T06", "2022-12-26T07", "2999-12-26T08")
        tellings = [{"at": f"{day}:00:00Z", "told": told} for day in days]
        return {"ladder": "urgent", "tellings": tellings, "again_every": 7200.0}

    async def _me(self) -> Any:
        return {"name": "Somebody", "login": "somebody", "roles": {STUDY: self.roles}}

    async def _act(self, request: Request) -> Response:
        act = request.url.path.split("/")[-1]
        status = self.failing.get(act, 200)
        if status == 200:
            content = await request.body()
            self.done.append((act, await request.json() if content else None))
        return JSONResponse({}, status)


class Acting(Notifier):
    """The demo on the day of the hold; `recorded` is what people have put on record since."""

    def __init__(self) -> None:
        packet = small_packet()
        super().__init__()
        self.assessment, self.packet = packet.assessment, packet
        self.past = {"2022-12-26": packet.assessment}
        self.alerts, self.signals = golden_signals.alerts(), ()
        self.profile: Profile | None = demo_profile()
        self.given: dict[str, Assessment] = {packet.assessment.digest: packet.assessment}
        self.acts: list[dict[str, Any]] = []
        self.document: str | None = read_protocol()
        self.recorded: list[dict[str, Any]] = []
        self.confirmed: list[str | None] = []
        self.event_status = 202

    def app(self) -> FastAPI:
        app = FastAPI()
        at = "/monitor/v1/studies/{study}"
        app.get(f"{at}/subjects/{{subject}}")(self._subject)
        app.get(f"{at}/assessments/{{digest}}")(self._given)
        app.get(f"{at}/acts")(self._acts)
        app.get("/ingest/v1/studies/{study}/protocol")(self._protocol)
        app.post("/ingest/v1/sessions")(self._begin)
        app.post("/ingest/v1/confirmations")(self._confirm)
        app.post("/ingest/v1/events")(self._record)
        app.include_router(super().app().router)
        app.middleware("http")(self._let_in)
        return app

    async def _let_in(self, request: Request, call_next: Any) -> Response:
        if request.url.path == "/ingest/v1/sessions":
            answer: Response = await call_next(request)
            return answer
        return await self._before(request, call_next)

    async def _subject(self, subject: str) -> Response:
        if self.profile is None or subject != self.profile.id:
            return JSONResponse({}, 404)
        headers = {"Vigil-Stale": "true"} if self.stale else {}
        text = self.profile.model_dump_json()
        return Response(text, media_type="application/json", headers=headers)

    async def _given(self, digest: str) -> Response:
        found = self.given.get(digest)
        if found is None:
            return JSONResponse({}, 404)
        return Response(found.model_dump_json(), media_type="application/json")

    async def _acts(self) -> Any:
        return {"acts": self.acts}

    async def _protocol(self) -> Response:
        if self.document is None:
            return JSONResponse({}, 404)
        return Response(self.document, media_type="application/yaml")

    async def _begin(self, request: Request) -> Response:
        asked = await request.json()
        opened = {
            "token": KEY, "login": asked["login"], "name": "Somebody", "must_change": False,
            "ends_at": "2030-01-01T00:00:00Z",
        }  # fmt: skip
        return JSONResponse(opened, 201)

    async def _confirm(self, request: Request) -> Response:
        asked = await request.json()
        if asked["password"] != PASSWORD:
            return JSONResponse({}, 403)
        self.confirmed.append(asked.get("login"))
        given = {"token": "t", "login": "x", "name": "X", "ends_at": "2030-01-01T00:00:00Z"}
        return JSONResponse(given, 201)

    async def _record(self, request: Request) -> Response:
        if self.event_status != 202:
            return JSONResponse({}, self.event_status)
        event = await request.json()
        self.recorded.append(event)
        self.acts.append(act(event))
        taken = {"status": 202, "result": "accepted", "receipt": "r-1"}
        return JSONResponse(taken, 202)


def act(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The line of the monitor's list of acts that an event becomes."""
    data = event["data"]
    return {
        "kind": event["type"].split(".")[1],
        "recordid": event["recordid"],
        "revision": 1,
        "withdrawn": False,
        "usubjid": data.get("USUBJID"),
        "criterion_id": data.get("criterion_id"),
        "decision": data.get("decision") or data.get("action"),
        "actor": "Somebody",
        "reason": None,
        "known_at": HOLD.isoformat(),
        "assessment_digest": data["assessment_digest"],
        "cites": "current",
        "facts_since": 0,
        **changes,
    }
