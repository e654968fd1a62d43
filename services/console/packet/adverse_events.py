"""The adverse event tables as a paper prints them, and as CSV for a statistician."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.console.packet.subjects import dose_label, evidence_text
from shared.charts.blocks import Table, csv_text
from shared.contracts.adverse_events import AdverseEventSummary, Line, Measure, percent
from shared.contracts.packet import Packet

_WORDS: dict[Measure, str] = {
    "any_grade": "any grade",
    "grade_3_or_higher": "grade ≥3",
    "related": "related, any grade",
    "related_grade_3_or_higher": "related, grade ≥3",
    "serious": "serious",
    "led_to_discontinuation": "led to discontinuation",
}
_PAIRS: tuple[tuple[str, Measure, Measure], ...] = (
    ("Adverse events of any cause", "any_grade", "grade_3_or_higher"),
    ("Adverse events related to treatment", "related", "related_grade_3_or_higher"),
    ("Serious, and leading to discontinuation", "serious", "led_to_discontinuation"),
)
RELATED = {"yes": "related", "no": "not related", "unknown": "not stated"}


def adverse_event_tables(summary: AdverseEventSummary) -> Iterator[Table]:
    """Two measures a table, for each group subjects and per cent of those treated."""
    for title, first, second in _PAIRS:
        columns = [f"CTCAE {summary.ctcae} class, term"]
        for group in summary.groups:
            columns += [
                f"{group.label} (n={group.treated}) {_WORDS[one]}" for one in (first, second)
            ]
        shown = [line for line in summary.lines if line.soc is None or _any(line, (first, second))]
        rows = tuple((_name(line), *_cells(summary, line, first, second)) for line in shown)
        strong = frozenset(at for at, line in enumerate(shown) if line.term is None)
        yield Table(title, tuple(columns), rows, summary.notes, strong)


def _any(line: Line, measures: Sequence[Measure]) -> bool:
    return any(line.subjects[measure][-1] for measure in measures)


def _name(line: Line) -> str:
    if line.soc is None:
        return "Any event"
    return line.soc if line.term is None else f"– {line.term}"


def _cells(summary: AdverseEventSummary, line: Line, *measures: Measure) -> Iterator[str]:
    for at, group in enumerate(summary.groups):
        for measure in measures:
            number = line.subjects[measure][at]
            share = percent(number, group.treated)
            yield "0" if not number else f"{number} ({share} %)"


def event_listing(packet: Packet) -> Table:
    """Each event that is severe or serious, with its attribution and what was done."""
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            one.term,
            str(one.grade),
            f"{one.onset} (day {one.day})",
            one.end.isoformat() if one.end else "not over",
            RELATED[one.related],
            "yes" if one.serious else "no",
            one.action or "not stated",
            evidence_text(one.evidence),
        )
        for one in packet.events
        if one.grade >= 3 or one.serious
    )
    columns = (
        *("Subject", "Dose", "Term", "Grade", "Onset", "End", "Causality", "Serious"),
        *("Action taken", "Records"),
    )
    return Table("Worst grade on treatment, by report", columns, rows)


def summary_csv(summary: AdverseEventSummary) -> str:
    """One line per line, measure and group; no cell can be read as a formula."""
    return csv_text(_long(summary))


def _long(summary: AdverseEventSummary) -> Iterator[tuple[str, ...]]:
    yield "soc", "term", "measure", "group", "treated", "subjects", "percent"
    for line in summary.lines:
        for measure, numbers in line.subjects.items():
            for group, number in zip(summary.groups, numbers, strict=True):
                share = percent(number, group.treated)
                yield (
                    line.soc or "",
                    line.term or "",
                    measure,
                    group.label,
                    str(group.treated),
                    str(number),
                    "" if share is None else str(share),
                )
