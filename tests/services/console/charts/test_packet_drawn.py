"""The packet's charts are drawn by the process that draws the pages', and come out the same."""

from __future__ import annotations

import subprocess
import sys

import httpx2
from fastapi import FastAPI

from services.console.packet import packet_pdf
from shared.charts.blocks import Spec
from shared.charts.drawer import CannotDraw, Drawer
from tests.services.console.charts.conftest import Drawn
from tests.services.console.packet_support import without_charts

PACKET = "/studies/NCT05301764/packet.pdf"


def test_another_process_draws_the_same_bytes(person: httpx2.Client, neighbours: Drawn) -> None:
    assert neighbours.packet is not None
    neighbours.packet = without_charts(neighbours.packet, labs=neighbours.packet.labs[:4])
    answer = person.get(PACKET)
    assert answer.status_code == 200
    assert answer.content == packet_pdf(neighbours.packet)


def test_a_packet_lacks_no_chart_in_silence(person: httpx2.Client, app: FastAPI) -> None:
    class Broken(Drawer):
        def draw(self, spec: Spec, font: str) -> str:
            raise CannotDraw

        def warm_up(self) -> None:
            pass

    app.state.drawer = Broken()
    assert person.get(PACKET).status_code == 503


def test_the_console_does_not_load_the_engine() -> None:
    told = "import sys, services.console.app; sys.exit('vl_convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
