"""The packet's charts are drawn by the process that draws the pages', and come out the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import httpx2
import pytest
from fastapi import FastAPI

from services.console.packet import packet_pdf
from services.console.packet.render import for_pages
from services.console.printing import Printer
from shared.charts.blocks import Spec
from shared.charts.drawer import CannotDraw, Drawer
from tests.services.console.charts.conftest import Drawn
from tests.services.console.packet_support import without_charts

PACKET = "/studies/NCT05301764/packet.pdf"


class Broken(Drawer):
    def begin(self, spec: Spec, font: str) -> Callable[[], str]:
        raise CannotDraw

    def warm_up(self) -> None:
        pass


def test_another_process_draws_the_same_bytes(person: httpx2.Client, neighbours: Drawn) -> None:
    assert neighbours.packet is not None
    neighbours.packet = without_charts(neighbours.packet, labs=neighbours.packet.labs[:4])
    answer = person.get(PACKET)
    assert answer.status_code == 200
    assert answer.content == packet_pdf(neighbours.packet)


def test_a_packet_lacks_no_chart_in_silence(person: httpx2.Client, app: FastAPI) -> None:
    app.state.drawer = Broken()
    assert person.get(PACKET).status_code == 503


def test_the_same_answer_of_the_monitor_is_written_once(
    person: httpx2.Client, app: FastAPI, neighbours: Drawn
) -> None:
    assert neighbours.packet is not None
    neighbours.packet = without_charts(neighbours.packet, labs=neighbours.packet.labs[:4])
    first = {form: person.get(f"{PACKET[:-3]}{form}") for form in ("pdf", "html")}
    app.state.drawer = Broken()
    for form, answer in first.items():
        again = person.get(f"{PACKET[:-3]}{form}")
        assert (again.content, again.headers) == (answer.content, answer.headers | again.headers)
    neighbours.packet = without_charts(neighbours.packet, labs=neighbours.packet.labs[:3])
    assert {person.get(f"{PACKET[:-3]}{form}").status_code for form in first} == {503}


def test_pages_that_are_not_set_in_time_are_given_up(
    person: httpx2.Client, app: FastAPI, neighbours: Drawn
) -> None:
    assert neighbours.packet is not None
    neighbours.packet = without_charts(neighbours.packet)
    app.state.printer = Printer(longest=0.0)
    assert person.get(PACKET).status_code == 503
    app.state.printer.close()
    app.state.printer = Printer()
    assert person.get(PACKET).content.startswith(b"%PDF")
    app.state.printer.close()


def test_pages_are_the_same_after_whatever_was_set_before(neighbours: Drawn) -> None:
    assert neighbours.packet is not None
    printer = Printer()
    packet = without_charts(neighbours.packet)
    try:
        for title in ("One", "Another", "One"):
            told = packet.model_copy(update={"title": title})
            assert packet_pdf(told, typeset=printer.typeset) == packet_pdf(told)
    finally:
        printer.close()


@pytest.mark.parametrize(("limit", "value"), [("LONGEST_IDLE", "0.0"), ("MOST_HELD", "0")])
def test_a_process_gives_its_memory_back(limit: str, value: str) -> None:
    told = f"import services.console.typesetting as t; t.{limit} = {value}; t.main()"
    with subprocess.Popen([sys.executable, "-c", told], stdin=subprocess.PIPE) as process:
        assert process.wait(timeout=60) == 0


def test_what_the_server_holds_is_not_the_process_s(neighbours: Drawn) -> None:
    assert neighbours.packet is not None
    document = for_pages(without_charts(neighbours.packet))
    told = """
import sys
from services.console.printing import Printer
from services.console.typesetting import MOST_HELD
held, printer = b"x" * MOST_HELD, Printer()
try:
    sys.stdout.buffer.write(printer.typeset(sys.stdin.read(), 0))
finally:
    printer.close()
"""
    made = subprocess.run(
        [sys.executable, "-c", told], input=document.encode(), capture_output=True, check=True
    )
    assert made.stdout.startswith(b"%PDF")


def test_the_console_loads_neither_engine() -> None:
    engines = "{'vl_convert', 'typst'}"
    told = f"import sys, services.console.app; sys.exit(not {engines}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
