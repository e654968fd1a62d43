"""The console in front of neighbours that also give figures and profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from services.console.app import create_app
from services.console.charts.simulating import WorkedOut, worked_out
from services.console.charts.simulator import Simulator
from shared.charts.drawer import Drawer
from shared.clinical.figures import figures_of
from shared.contracts.figures import EscalationDesign, Figures
from shared.contracts.profile import Profile
from shared.runtime.settings import Settings
from tests.charts.made import demo_profile
from tests.services.console.neighbours import Neighbours, pointed_at
from tests.services.console.packet_support import demo_packet, demo_study


class Drawn(Neighbours):
    """The demo on the day of the hold."""

    def __init__(self) -> None:
        packet = demo_packet()
        super().__init__(assessment=packet.assessment, packet=packet)
        self.figures: Figures = figures_of(demo_study(), packet.assessment)
        self.profile: Profile = demo_profile()
        self.no_packet = False

    def app(self) -> FastAPI:
        app = FastAPI()
        at = "/monitor/v1/studies/{study}"
        app.middleware("http")(self._before)
        app.get(f"{at}/figures")(self._figures)
        app.get(f"{at}/subjects/{{subject}}")(self._subject)
        app.get(f"{at}/packet")(self._packet_or_not)
        app.include_router(super().app().router)
        return app

    async def _figures(self, known_at: str | None = None) -> Response:
        if known_at is not None and known_at not in self.past:
            return JSONResponse({}, 422)
        headers = {"Vigil-Stale": "true"} if self.stale else {}
        text = self.figures.model_dump_json()
        return Response(text, media_type="application/json", headers=headers)

    async def _subject(self, subject: str) -> Response:
        if subject != self.profile.id:
            return JSONResponse({}, 404)
        return Response(self.profile.model_dump_json(), media_type="application/json")

    async def _packet_or_not(self, study: str) -> Response:
        return JSONResponse({}, 503) if self.no_packet else await self._packet(study)


@pytest.fixture
def neighbours() -> Drawn:
    return Drawn()


@pytest.fixture(scope="session")
def drawer() -> Iterator[Drawer]:
    """One process draws for all tests: each would start one of its own."""
    drawer = Drawer()
    yield drawer
    drawer.close()


class AtOnce(Simulator):
    """Works out here what takes no time."""

    async def of(self, design: EscalationDesign, patience: float) -> WorkedOut | None:
        return worked_out(design)


@pytest.fixture
def app(
    neighbours: Drawn,
    live_server: Callable[[FastAPI], str],
    drawer: Drawer,
) -> FastAPI:
    there = live_server(neighbours.app())
    app = create_app(Settings(), pointed_at(there, live=0.05))
    app.state.drawer, app.state.simulator = drawer, AtOnce()
    return app
