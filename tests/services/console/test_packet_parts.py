"""The packet has what a dose meeting asks for, line by line, or says that it is not recorded."""

from __future__ import annotations

from functools import cache

import pytest

from services.console.packet.binding import binding
from services.console.packet.sections import RELATIVE_INTENSITY, document_of
from services.console.packet.toxicities import dlt_table
from shared.charts.blocks import Block, Chart, Facts, Table, Text
from shared.contracts.assessment import RuleReport
from shared.contracts.figures import StudyNumbers
from shared.contracts.packet import Packet
from tests.charts.made import figures, liver, stopping_rule
from tests.services.console.packet_support import demo_packet


@cache
def full_packet() -> Packet:
    """The demo on the day of the hold, with values of every kind that it has not."""
    made = figures(stopping=(stopping_rule("NNEC", status="crossed"),))
    told = {name: getattr(made, name) for name in StudyNumbers.model_fields}
    return demo_packet().model_copy(update=told)


def blocks(packet: Packet) -> list[Block]:
    return [block for section in document_of(packet).sections for block in section.blocks]


def words(packet: Packet) -> str:
    """Everything but the charts."""
    found: list[str] = []
    for block in blocks(packet):
        match block:
            case Text():
                found.append(block.text)
            case Facts():
                found += [part for pair in block.pairs for part in pair]
            case Table():
                found += [block.title, *block.columns, *block.notes]
                found += [cell for row in block.rows for cell in row]
    return "\n".join(found)


@pytest.mark.parametrize(
    "asked",
    [
        "Data cut-off",
        "Protocol version",
        "Engine",
        "Treated",
        "Evaluable",
        "day 8, 13 left",
        "Dose-limiting toxicities and candidates",
        "Narratives in the investigator’s words are not recorded",
        "Causality",
        "After the DLT window: shown, not counted",
        "Reduced",
        "Delayed",
        RELATIVE_INTENSITY,
        "Pharmacokinetics and pharmacodynamics: not recorded here",
        "Responses",
        "Questions to the sites",
        "Every outcome of the 2 pending",
        "Rules that bind",
        "[  ] intermediate dose",
        "Reason, if it departs from the rule",
        "Members present; quorum",
        "Next review when",
    ],
)
def test_the_packet_has(asked: str) -> None:
    assert asked in words(demo_packet())


def test_every_chart_but_those_with_tables_of_their_own_is_followed_by_its_numbers() -> None:
    found = blocks(full_packet())
    charts = {one.name: at for at, one in enumerate(found) if isinstance(one, Chart)}
    followed = {"stopping-1", "shifts", "edish", "qtcf", "waterfall", "spider"}
    assert set(charts) == {"dlt-board", "swimmer", "dose-intensity", "lab", *followed}
    for name in followed:
        chart = found[charts[name]]
        assert isinstance(chart, Chart)
        assert found[charts[name] + 1] is chart.table


def test_what_nobody_measured_is_said() -> None:
    told = words(demo_packet())
    assert "No QTcF on treatment is on record." in told
    assert "No record has a measured or stated change of size." in told


def test_each_dlt_has_grade_attribution_and_timing() -> None:
    packet = demo_packet()
    table = dlt_table(packet)
    met = [
        (one, line)
        for one in packet.assessment.subjects
        for line in one.criteria
        if line.result in ("met", "needs_review")
    ]
    assert [row[0] for row in table.rows] == [one.subject for one, _ in met]
    for row, (one, line) in zip(table.rows, met, strict=True):
        assert line.onset is not None
        assert one.window is not None
        day = (line.onset - one.window.first).days + 1
        assert row[3:6] == (
            "Platelet count decreased, grade 4",
            "related" if one.subject != "4-05" else row[4],
            f"{line.onset}, day {day} of the window",
        )
    assert [row[7] for row in table.rows] == [
        "DLT, confirmed as DLT",
        "DLT, confirmed as DLT",
        "DLT candidate, not reviewed",
    ]


def test_without_a_report_the_grade_is_the_laboratory_s_and_nobody_attributes_it() -> None:
    packet = demo_packet().model_copy(update={"events": ()})
    assert {row[3] for row in dlt_table(packet).rows} == {"Platelet count decreased, grade 4"}
    assert {row[4] for row in dlt_table(packet).rows} == {"no report states it"}


def test_what_binds_is_listed_and_nothing_else() -> None:
    packet = full_packet()
    table = next(iter(binding(packet)))
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows] == [
        "Enrolment is on hold until a named person’s record lifts it",
        "4 mg/kg: exceeded",
        "Three plus three: exceeded",
    ]
    assert "1 DLT confirmed and 1 to be judged among 4 evaluable and 2 pending" in table.rows[1]


def test_a_limit_of_the_design_binds_wherever_it_stands_in_the_report() -> None:
    cap = RuleReport(rule="limit.cap_per_dose", text="dose 2 has 6 of at most 6")
    stay = RuleReport(rule="boin.stay", text="1/3 lies between", children=(cap,))
    said = demo_packet().assessment
    advice = said.recommendation.model_copy(update={"report": stay})
    quiet = said.model_copy(update={"recommendation": advice, "status": "open", "doses": ()})
    table = next(iter(binding(demo_packet().model_copy(update={"assessment": quiet}))))
    assert isinstance(table, Table)
    assert table.rows == (("Cap per dose", "dose 2 has 6 of at most 6"),)


def test_a_subject_beyond_both_liver_limits_stands_out_on_paper() -> None:
    packet = demo_packet().model_copy(update={"liver": (liver("3-02", "8", "3"),)})
    (table,) = (
        one for one in blocks(packet) if isinstance(one, Table) and one.title.startswith("Liver")
    )
    assert table.strong == {0}
