"""The packet as it is written: the same bytes for the same moment, every fact, nothing hostile."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from pypdf import PdfReader

from services.console.packet import packet_csv, packet_html, packet_pdf
from shared.charts.blocks import printable, safe_cell
from shared.clinical.packet import packet_of
from shared.contracts.packet import Packet
from tests.charts.made import tumour
from tests.services.console.neighbours import Neighbours
from tests.services.console.packet_support import (
    HOLD,
    demo_packet,
    demo_study,
    text_of,
    without_charts,
)
from tests.services.console.test_access import BOARD

NASTY = """<script>alert(1)</script>#strong[x]$ =1+1 "'&{{7*7}} \\ 汉\u202e"""


MINUS = "\N{MINUS SIGN}"
SHOWN = f"≤≥≠±×→·µ–—‘’“”•…äßéçőŁαβγΔΩ 10⁹/L s⁻¹ CO₂ ≈√∞‰′″℃€←↑↓{MINUS}"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return packet_pdf(demo_packet())


@pytest.fixture(scope="module")
def odd() -> Packet:
    """A study that is not synthetic and whose texts are not what texts should be."""
    packet = demo_packet()
    event = packet.events[0].model_copy(update={"term": NASTY, "grade": 3, "action": NASTY})
    line = packet.summary.lines[-1].model_copy(update={"term": NASTY})
    query = packet.assessment.queries[0].model_copy(update={"text": NASTY, "subject": NASTY})
    return without_charts(
        packet,
        title=SHOWN,
        synthetic=False,
        events=(event,),
        summary=packet.summary.model_copy(update={"lines": (packet.summary.lines[0], line)}),
        assessment=packet.assessment.model_copy(update={"queries": (query,)}),
    )


@pytest.fixture(scope="module")
def odd_pdf(odd: Packet) -> bytes:
    return packet_pdf(odd)


@pytest.fixture(scope="module")
def pages(pdf: bytes) -> list[str]:
    return text_of(pdf)


@pytest.mark.parametrize(
    "fact",
    [
        "Hold enrolment, 4 mg/kg",
        "2 DLTs at dose level 4 (2/6): the dose is exceeded",
        "dlt confirmed 1, dlt candidate 1",
        "As known at 2022-12-26 12:00 UTC",
        "Protocol version 1",
        "CTCAE version 5.0",
        "4-05/LB/C1D15/PLAT (rev. 1)",
        "day 8, 13 left",
        "→ 3 mg/kg: escalate",
        "Between lines of the table: 4 mg/kg",
        "2 DLTs at 4 mg/kg finish at 3 mg/kg",
        "Every outcome of the 2 pending",
        "Platelet count decreased",
        "Given of planned",
        "Basis stands",
        "Reason, if it departs from the rule",
    ],
)
def test_the_pdf_has(fact: str, pages: list[str]) -> None:
    assert fact in " ".join(pages)


def test_every_page_says_what_it_is(pages: list[str]) -> None:
    digest = demo_packet().assessment.digest
    for number, page in enumerate(pages, start=1):
        assert "SYNTHETIC DATA, not patients" in page
        assert "Decision support: this packet says what the protocol’s rule says" in page
        assert digest in page
        assert f"Page {number} of {len(pages)}" in page


def test_a_real_study_is_not_called_synthetic(odd: Packet, odd_pdf: bytes) -> None:
    assert all("SYNTHETIC" not in page and "CONFIDENTIAL" in page for page in text_of(odd_pdf))
    assert b"SYNTHETIC" not in packet_html(odd)


def test_the_pdf_calls_itself_archivable(pdf: bytes) -> None:
    reader = PdfReader(io.BytesIO(pdf))
    about = reader.xmp_metadata
    assert about is not None
    xml = about.rdf_root.toxml()
    assert "<pdfaid:part>2</pdfaid:part>" in xml
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in xml
    assert "/OutputIntents" in reader.root_object


def test_the_same_packet_gives_the_same_bytes(odd: Packet, odd_pdf: bytes) -> None:
    assert packet_pdf(Packet.model_validate_json(odd.model_dump_json())) == odd_pdf


def test_the_same_moment_asked_for_later_gives_the_same_packet() -> None:
    study = demo_study()
    later = study.assess(as_of=datetime(2023, 2, 1, tzinfo=UTC), applied_through="900")
    again = study.assess(as_of=HOLD, applied_through="900")
    assert packet_of(study, again) == demo_packet()
    assert packet_of(study, later) != demo_packet()


def test_candidates_count_in_the_table_and_an_earlier_day_knows_nothing_of_them() -> None:
    before = demo_packet(datetime(2022, 12, 25, 12, tzinfo=UTC))
    assert before.assessment.doses[3].dlt.candidate == 0
    assert {one.dose_level for one in before.labs} == {1, 2, 3, 4}
    reached = [v.on for one in before.labs for v in one.values]
    assert max(reached) < HOLD.date()
    assert demo_packet().assessment.doses[3].dlt.candidate == 1


def test_hostile_text_is_text(odd: Packet, odd_pdf: bytes) -> None:
    page = packet_html(odd).decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\u202e" not in page
    assert "[U+202E]" in page
    assert "#strong[x]$ =1+1 \"'&{{7*7}} \\ [U+6C49]" in " ".join(text_of(odd_pdf))


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", " ="])
def test_no_cell_begins_a_formula(first: str) -> None:
    assert safe_cell(f"{first}1+1") == f"'{first}1+1"
    assert safe_cell("1+1") == "1+1"


def test_the_csv_holds_the_counts() -> None:
    summary = demo_packet().summary
    line = summary.lines[0].model_copy(update={"term": "=cmd|' /C calc'!A1", "soc": "@SUM(1)"})
    packet = demo_packet().model_copy(
        update={"summary": summary.model_copy(update={"lines": (summary.lines[0], line)})}
    )
    rows = list(csv.DictReader(io.StringIO(packet_csv(packet).decode())))
    total = next(r for r in rows if (r["measure"], r["group"]) == ("any_grade", "Total"))
    assert (total["treated"], total["subjects"]) == ("18", str(line.subjects["any_grade"][-1]))
    assert Decimal(total["percent"]) == round(Decimal(total["subjects"]) * 100 / 18, 2)
    assert {row["term"] for row in rows} == {"", "'=cmd|' /C calc'!A1"}
    assert {row["soc"] for row in rows} == {"", "'@SUM(1)"}


def test_what_the_fonts_can_show_they_show(odd_pdf: bytes) -> None:
    assert printable({"a": [SHOWN]}) == {"a": [SHOWN]}
    assert SHOWN in text_of(odd_pdf)[0]
    assert printable("a\u200bb\U0001f480") == "a[U+200B]b[U+1F480]"


def test_negative_numbers_on_an_axis_have_their_minus() -> None:
    changes = (tumour("1-01", ("-35",)), tumour("1-02", ("5",)), tumour("2-01", ("-60",)))
    told = " ".join(text_of(packet_pdf(without_charts(demo_packet(), tumour=changes))))
    assert f"{MINUS}60 {MINUS}40 {MINUS}20 0 20" in told
    assert "[U+" not in told


@pytest.mark.parametrize(
    ("form", "begins"), [("html", b"<!doctype html>"), ("csv", b"soc,"), ("json", b"{")]
)
def test_the_page_offers_it(
    form: str, begins: bytes, person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.packet = without_charts(demo_packet())
    assert f'href="{BOARD}/packet.{form}"' in person.get(BOARD).text
    answer = person.get(f"{BOARD}/packet.{form}")
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in answer.headers["content-security-policy"]


def test_nobody_gets_it_without_a_session(visitor: httpx2.Client, neighbours: Neighbours) -> None:
    neighbours.packet = without_charts(demo_packet())
    assert visitor.get(f"{BOARD}/packet.json").headers["location"].startswith("/login")


def test_a_monitor_that_is_behind_gives_no_packet(
    person: httpx2.Client, neighbours: Neighbours
) -> None:
    neighbours.packet, neighbours.stale = without_charts(demo_packet()), True
    answer = person.get(f"{BOARD}/packet.html")
    assert answer.status_code == 503
    assert "a packet would lack records" in answer.text


@pytest.mark.parametrize("day", ["soon", "2022-13-01"])
def test_a_day_that_is_none_is_refused(day: str, person: httpx2.Client) -> None:
    assert person.get(f"{BOARD}/packet.json", params={"known_at": day}).status_code == 400
