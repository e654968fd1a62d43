"""The rules that bind a dose meeting: doses that are closed, holds, limits, stopping rules."""

from __future__ import annotations

from collections.abc import Iterator

from services.console.packet.shown import with_table
from services.console.words import DOSE_STATES
from shared.charts.blocks import Block, Table
from shared.charts.parts import counted
from shared.charts.stopping import stopping
from shared.contracts.assessment import DoseAssessment, RuleReport
from shared.contracts.packet import Packet

_BINDING = (".eliminated", ".exceeded", ".stop")


def binding(packet: Packet) -> Iterator[Block]:
    """A table of what binds, and each stopping rule against its boundary."""
    columns = ("What binds", "Why")
    rows = tuple(_rows(packet))
    yield Table("Rules that bind", columns, rows, empty="No dose is closed, and no limit reached.")
    found = tuple(
        (one.id, one.status, one.text, f"{one.events}/{one.evaluable}", _margin(one.margin))
        for one in packet.assessment.stopping
    )
    if found:
        names = ("Stopping rule", "Status", "Says", "Events", "Events more that stop")
        yield Table("Stopping rules", names, found)
    for chart in stopping(packet):
        yield from with_table(chart)


def _margin(value: int | None) -> str:
    return "–" if value is None else str(value)


def _rows(packet: Packet) -> Iterator[tuple[str, str]]:
    said = packet.assessment
    if said.status == "on_hold":
        yield "Enrolment is on hold until a named person’s record lifts it", "a hold of this study"
    if said.status == "stopped":
        yield "The study is stopped", "by its rules"
    for dose in said.doses:
        if dose.state in ("exceeded", "held"):
            yield f"{dose.label}: {DOSE_STATES[dose.state].text.lower()}", _counts(dose)
    for one in said.stopping:
        if one.status == "crossed":
            yield f"Stopping rule {one.id}: crossed", one.text
    report = said.recommendation.report
    yield from () if report is None else _limits(report)


def _counts(dose: DoseAssessment) -> str:
    return (
        f"{counted(dose.dlt.confirmed, 'DLT')} confirmed and {dose.dlt.candidate} to be judged"
        f" among {dose.evaluable} evaluable and {dose.pending} pending"
    )


def _limits(report: RuleReport) -> Iterator[tuple[str, str]]:
    """The limits of the design that spoke, and the doses it closed."""
    if report.rule.startswith("limit.") or report.rule.endswith(_BINDING):
        words = report.rule.removeprefix("limit.").replace("_", " ").replace(".", ": ")
        yield words[:1].upper() + words[1:], report.text
    for child in report.children:
        yield from _limits(child)
