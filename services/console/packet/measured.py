"""What was measured: laboratory values over time, liver, QTcF, tumour size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.console.packet.shown import drawn, with_table
from services.console.packet.subjects import dose_label
from shared.charts.blocks import Block, Table, Text
from shared.charts.heart import qtcf
from shared.charts.labs import SEVERE, charted, lab_trend, severe_of, unit_name
from shared.charts.liver import edish
from shared.charts.shifts import shifts
from shared.charts.tumour import spider, waterfall
from shared.contracts.packet import LabSeries, Packet

NO_PHARMACOKINETICS = (
    "Pharmacokinetics and pharmacodynamics: not recorded here; bring them from their own source."
)


def labs(packet: Packet) -> Iterator[Block]:
    """Key tests over time, the shifts of all tests, and the two organs with limits of their own."""
    yield Text(
        "Tests in which somebody reached grade 3 on treatment. Each value’s grade is by its own"
        " reference range and baseline; day 1 is the first dose."
    )
    for series, apart in charted(packet.labs):
        table = _severe(packet, series)
        yield drawn(lab_trend(packet.assessment, series, table=table, apart=apart))
        yield table
    for chart in (shifts(packet), edish(packet), qtcf(packet)):
        yield from with_table(chart)


def _severe(packet: Packet, series: Sequence[LabSeries]) -> Table:
    """Every value of those who reached grade 3, or may have, as reported."""
    severe = severe_of(series)
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            ("" if one.drawn_in is None else f"in {unit_name(one.unit)}: ")
            + ", ".join(
                f"D{value.day} {value.result}"
                + (f" (G{value.grade_high})" if value.grade_high else "")
                for value in one.values
            ),
        )
        for one in series
        if one.usubjid in severe
    )
    test, unit = series[0].test, unit_name(series[0].axis)
    title = f"{test}, subjects who reached grade {SEVERE} ({unit})"
    return Table(title, ("Subject", "Dose", "Values by day (G: grade 1 and higher)"), rows)


def effects(packet: Packet) -> Iterator[Block]:
    """Tumour size where it was measured; what the records say in words is with the courses."""
    for chart in (waterfall(packet), spider(packet)):
        yield from with_table(chart)
    yield Text(NO_PHARMACOKINETICS)
