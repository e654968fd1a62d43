"""The chart of a signal, over every signal that stood in the demo; and the picture made of it."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import Any

import pytest

from shared.charts.drawer import CannotDraw, Drawer
from shared.charts.drawing import as_png, draw
from shared.charts.framing import framed
from shared.charts.of_signal import (
    charts_of_stopping,
    charts_of_study,
    charts_of_subject,
    subject_of,
)
from shared.charts.parts import SCREEN
from shared.charts.stopping import stopping
from shared.charts.timeline import timeline
from shared.charts.trends import trends
from shared.clinical.compare import standing_signals
from shared.contracts.signals import Signal, SignalType
from tests.charts.made import demo_profile, figures
from tests.services.console.packet_support import demo_packet

SAID = demo_packet().assessment


@cache
def told() -> dict[str, Signal]:
    """What stood in the demo on the day of the hold, by slot."""
    return {
        one.slot: Signal(
            **one.model_dump(), id=one.slot, study=SAID.study, assessment_digest=SAID.digest
        )
        for one in standing_signals(SAID)
    }


def titles(slot: str) -> list[str]:
    signal = told()[slot]
    assert signal.subject is not None
    return [one.title for one in charts_of_subject(signal, SAID, demo_profile(signal.subject))]


PLATELETS = ["PLAT (10^9/L), blood"]
TIMELINE = [timeline(demo_profile()).title]


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        ("dlt/NCT05301764-4-05", PLATELETS),
        ("dlt/NCT05301764-3-02", PLATELETS),
        ("severe/NCT05301764-4-05/Platelet count decreased/2022-12-26", PLATELETS),
        (
            "severe/NCT05301764-4-02/Neutrophil count decreased/2022-11-14",
            ["NEUT (10^9/L), blood"],
        ),
        (
            "severe/NCT05301764-3-05/Aspartate aminotransferase increased/2022-09-26",
            ["AST (U/L), serum"],
        ),
        ("window/NCT05301764-4-01", TIMELINE),
    ],
)
def test_a_signal_is_shown_by_the_test_it_rests_on(slot: str, expected: list[str]) -> None:
    assert titles(slot) == expected


def test_every_dlt_and_severe_toxicity_of_the_demo_has_its_trend() -> None:
    slots = [one for one in told() if one.startswith(("dlt/", "severe/"))]
    assert len(slots) > 10
    assert [slot for slot in slots if titles(slot) == TIMELINE] == []


def test_the_clock_of_a_finding_rests_on_what_the_finding_does() -> None:
    profile = demo_profile()
    series = next(one for one in profile.series if one.test == "PLAT")
    finding = {
        "kind": "sae",
        "id": "sae/x",
        "rule": "serious",
        "trigger": "",
        "urgent": True,
        "onset": series.values[0].on.first,
        "text": "",
        "known_at": SAID.known_at,
        "evidence": (series.values[0].evidence,),
    }
    said = profile.assessment.model_validate({**dict(profile.assessment), "safety": (finding,)})
    profile = profile.model_copy(update={"assessment": said})
    name = said.usubjid
    slots = (f"sae/x/{name}", f"clock/site/sae/x/{name}", f"sae/y/{name}", f"sae/x/{name}-1")
    found = [
        charts_of_subject(_about(slot), SAID, profile)[0].name.partition("-")[0] for slot in slots
    ]
    assert found == ["series", "series", "timeline", "timeline"]


def _about(slot: str, **more: Any) -> Signal:
    return told()["dlt/NCT05301764-4-05"].model_copy(update={"slot": slot, **more})


def test_nobodys_chart_is_taken_for_that_of_another_with_the_same_number() -> None:
    first, second = SAID.subjects[:2]
    twin = second.model_copy(update={"subject": first.subject, "usubjid": f"{first.usubjid}1"})
    said = SAID.model_copy(update={"subjects": (first, twin)})
    ask = {"subject": first.subject}
    assert subject_of(_about(f"dlt/{first.usubjid}", **ask), said) == first
    assert subject_of(_about(f"dlt/{twin.usubjid}", **ask), said) == twin
    assert subject_of(_about("query/1", **ask), said) is None
    assert subject_of(_about("recommendation", subject=None), said) is None


def test_a_stopping_rule_is_shown_by_its_own_boundary_and_the_rest_by_the_board() -> None:
    known = figures(demo_packet())
    for one, chart in zip(known.stopping, stopping(known), strict=True):
        signal = _about("stopping", type=SignalType.STOPPING_NEAR, rule=one.id)
        assert charts_of_stopping(signal, SAID, known) == (chart,)
    unknown = _about("stopping", type=SignalType.STOPPING_NEAR, rule="gone")
    assert charts_of_stopping(unknown, SAID, known) == charts_of_study(SAID)
    assert charts_of_study(SAID)[0].name == "dlt-board"


# -- as a picture ---------------------------------------------------------------------------------

HOSTILE = 'x<img src="http://evil.example/">&{"expr":"1"}' + "\u202e" * 3 + "word " * 400


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_a_picture_has_its_moment_in_it_and_fits_a_phone() -> None:
    platelets = next(one for one in trends(demo_profile()) if one.title == PLATELETS[0])
    spec = framed([platelets], ["Platelets, subject 4-05"], ["As known at noon", "CTCAE 5.0"])
    svg = draw(spec, SCREEN)
    for words in ("Platelets, subject 4-05", "As known at noon", "CTCAE 5.0", "not gradable"):
        assert words in svg
    png = as_png(spec)
    assert size_of(png)[0] <= 2 * 430
    assert len(png) < 100_000
    _check_pixels(png)


def _check_pixels(png: bytes) -> None:
    """The packed picture is whole: its rows decompress to what its header says."""
    width, height = size_of(png)
    end = png.index(b"IDAT") + 4
    size = struct.unpack(">I", png[end - 8 : end - 4])[0]
    data = png[end : end + size]
    assert struct.unpack(">I", png[end + size : end + size + 4])[0] == zlib.crc32(b"IDAT" + data)
    assert len(zlib.decompress(data)) == height * (4 * width + 1)


def test_several_tests_stand_one_under_another_with_their_own_grades() -> None:
    two = [one for one in trends(demo_profile()) if one.title.startswith(("ALT", "BILI"))]
    assert len(two) == 2
    svg = draw(framed(two, ["ALT here", "BILI there"], ["noon"]), SCREEN)
    assert svg.index("ALT here") < svg.index("noon") < svg.index("BILI there")


def test_a_name_can_neither_widen_a_picture_nor_be_markup_in_it() -> None:
    spec = framed(charts_of_study(SAID), [HOSTILE], [HOSTILE])
    svg = draw(spec, SCREEN)
    assert "<img" not in svg
    assert "evil.example" in svg
    usual = size_of(as_png(framed(charts_of_study(SAID), ["DLT board"], ["noon"])))
    assert size_of(as_png(spec))[0] <= usual[0] * 1.1


def test_a_process_draws_the_same_png_and_says_what_it_cannot() -> None:
    drawer = Drawer()
    spec = framed(charts_of_study(SAID), ["DLT board"], ["noon"])
    try:
        assert drawer.png(spec) == as_png(spec)
        with pytest.raises(CannotDraw):
            drawer.png({"data": {"values": []}, "mark": "no such mark"})
    finally:
        drawer.close()


def test_a_process_that_does_not_answer_is_given_up() -> None:
    drawer = Drawer(longest=0.0)
    try:
        with pytest.raises(CannotDraw):
            drawer.png({"data": {"values": []}, "mark": "point"})
    finally:
        drawer.close()
