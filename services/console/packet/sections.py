"""The packet's parts in the order a committee reads them: the recommendation first, what it rests
on after it, and at the end what is to be signed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from services.console.html import utc
from services.console.packet.adverse_events import adverse_event_tables, event_listing
from services.console.packet.binding import binding
from services.console.packet.measured import effects, labs
from services.console.packet.shown import drawn
from services.console.packet.subjects import (
    criteria_tables,
    dose_label,
    evidence_text,
    late_table,
    status_table,
)
from services.console.packet.toxicities import dlt_table
from services.console.words import ACTIONS, DOSE_STATES, MTD_STATES, QUERY_KINDS, STUDY_STATES
from shared.charts.blocks import Block, Document, Facts, Section, Table, Text
from shared.charts.treatment import dose_intensity, swimmer
from shared.charts.windows import dlt_board
from shared.contracts.assessment import Reason, RuleReport
from shared.contracts.packet import Packet

SYNTHETIC = "SYNTHETIC DATA, not patients"
STATEMENT = (
    "Decision support: this packet says what the protocol’s rule says of the records received. It"
    " opens no dose level and lifts no hold; only a named person’s record does."
)
RELATIVE_INTENSITY = (
    "Relative dose intensity (dose a week against that planned) is not recorded: records state the"
    " planned dose, not the planned weeks. Shown is the dose given of that planned."
)


def document_of(packet: Packet, made: Callable[[Block], None] = lambda _: None) -> Document:
    """The packet as sections. ``made`` is told each block as soon as it is there, in their order:
    a chart can be drawn while the next is put together."""
    said = packet.assessment
    return Document(
        title=f"Committee packet: {packet.title}",
        study=said.study,
        label=SYNTHETIC if packet.synthetic else "CONFIDENTIAL: data of a clinical trial",
        statement=STATEMENT,
        proof=f"{said.study} · as of {utc(said.as_of)} · {said.digest}",
        sections=tuple(
            Section(title, tuple(_told(blocks, made))) for title, blocks in _sections(packet)
        ),
    )


def _told(blocks: Iterable[Block], made: Callable[[Block], None]) -> Iterator[Block]:
    for block in blocks:
        made(block)
        yield block


def _sections(packet: Packet) -> Iterator[tuple[str, Iterable[Block]]]:
    yield "Recommendation", _recommendation(packet)
    board = drawn(dlt_board(packet.assessment))
    yield "Dose levels", (_doses(packet), status_table(packet), board)
    yield "What the rule says", _rule(packet)
    yield "Rules that bind", binding(packet)
    yield "If the pending turn out …", _outlook(packet)
    yield "Open queries", (_queries(packet),)
    yield "Dose-limiting toxicities", (dlt_table(packet), *criteria_tables(packet))
    yield "Late toxicity", (late_table(packet),)
    yield "Adverse events", adverse_event_tables(packet.summary)
    yield "Events of grade 3 and higher, and serious events", (event_listing(packet),)
    yield "Treatment", _treatment(packet)
    yield "Key laboratory values, liver and QTcF", labs(packet)
    yield "Effects", effects(packet)
    yield "What the numbers rest on", map(Text, packet.notes)
    yield "Earlier decisions", (_decisions(packet),)
    yield "Decision of this meeting", _to_sign()


def _recommendation(packet: Packet) -> Iterator[Block]:
    said = packet.assessment
    advice = said.recommendation
    word = ACTIONS[advice.action]
    if said.degraded:
        yield Text(
            "DEGRADED: some records of this study could not be read. Counts may be too low; a"
            " missing DLT here does not mean that there is none."
        )
    yield Facts(
        (
            ("The rule says", f"{word.text}, {dose_label(packet, advice.dose_level)}"),
            ("Meaning", word.meaning),
            ("MTD by the rule", _mtd(packet)),
            ("RP2D by a decision", dose_label(packet, said.rp2d) if said.rp2d else "not decided"),
            ("Study", STUDY_STATES[said.status].text),
            ("Open queries", str(len(said.queries))),
        )
    )
    rows = tuple((one.text, _inputs(one), one.rule) for one in advice.reasons)
    yield Table("Why", ("Reason", "Inputs", "Rule"), rows, empty="The rule gave no reason.")
    yield Facts(
        (
            ("Data cut-off: what had happened by", utc(said.as_of)),
            ("As known at", utc(said.known_at)),
            ("Protocol version", said.protocol_version),
            ("CTCAE version", said.ctcae),
            ("Engine", said.engine),
            ("Assessment", said.digest),
        )
    )


def _mtd(packet: Packet) -> str:
    advice = packet.assessment.recommendation
    if advice.mtd is not None:
        return dose_label(packet, advice.mtd)
    return MTD_STATES[advice.mtd_status]


def _inputs(reason: Reason | RuleReport) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in reason.inputs.items())


def _doses(packet: Packet) -> Table:
    rows = [
        (
            dose.label,
            DOSE_STATES[dose.state].text,
            *map(str, (dose.treated, dose.evaluable, dose.pending, dose.not_evaluable)),
            *map(str, (dose.dlt.confirmed, dose.dlt.candidate, dose.dlt.open, dose.late_toxicity)),
        )
        for dose in packet.assessment.doses
    ]
    columns = (
        *("Dose", "State", "Treated", "Evaluable", "Pending", "Not evaluable"),
        *("DLT confirmed", "DLT candidate", "Criterion open", "Late toxicity"),
    )
    return Table("Subjects by dose level", columns, tuple(rows))


def _rule(packet: Packet) -> Iterator[Block]:
    yield from _design_table(packet)
    report = packet.assessment.recommendation.report
    if report is not None:
        rows = tuple(_report_rows(report, 0))
        columns = ("Rule", "Says", "Inputs", "Limits", "Margin", "Source")
        yield Table("How the rule came to its answer", columns, rows)


def _design_table(packet: Packet) -> Iterator[Block]:
    table = packet.table
    if table is None:
        yield Text(
            "This design decides by the whole trial: there is no table of one dose’s counts. How it"
            " came to its answer follows, and what each outcome of the pending would give."
        )
        return
    rows = [
        (*row, "; ".join(f"→ {one.label}: {one.says}" for one in table.stands if one.line == line))
        for line, row in enumerate(table.rows)
    ]
    placed = {one.dose_level for one in table.stands}
    others = [
        dose.label for dose in packet.assessment.doses if dose.treated and dose.level not in placed
    ]
    notes = (*table.notes, f"Source: {table.source}")
    if others:
        notes += (f"Between lines of the table: {', '.join(others)} (not all are evaluable yet).",)
    yield Table(
        f"Decision table, {table.design}",
        (*table.columns, "stands here, candidates counted as DLTs"),
        tuple(rows),
        notes,
        strong=frozenset(one.line for one in table.stands),
    )


def _report_rows(report: RuleReport, depth: int) -> Iterator[tuple[str, ...]]:
    limits = ", ".join(f"{name} {value}" for name, value in report.thresholds.items())
    name = "· " * depth + report.rule
    yield name, report.text, _inputs(report), limits, report.margin or "–", report.source
    for child in report.children:
        yield from _report_rows(child, depth + 1)


def _outlook(packet: Packet) -> Iterator[Block]:
    outlook = packet.outlook
    if not outlook.pending:
        yield Text("Nobody is pending.")
        return
    for sentence in outlook.certain:
        yield Text(f"Certain: {sentence}.")
    if not outlook.complete:
        yield Text("Too many outcomes to list: only none, one and all of each dose level.")
    rows = tuple(tuple(text.split(": ", 1)) for text in outlook.branches)
    title = f"Every outcome of the {outlook.pending} pending"
    yield Table(title, ("If", "the rule says"), rows)


def _queries(packet: Packet) -> Table:
    rows = tuple(
        (one.subject or "study", QUERY_KINDS[one.kind], one.text, evidence_text(one.evidence))
        for one in packet.assessment.queries
    )
    return Table("Questions to the sites", ("Subject", "Kind", "Question", "Records"), rows)


def _treatment(packet: Packet) -> Iterator[Block]:
    yield drawn(swimmer(packet.assessment, packet.courses, packet.events))
    yield drawn(dose_intensity(packet.assessment, packet.exposures))
    yield Text(RELATIVE_INTENSITY)
    rows = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            one.treatment,
            *map(str, (one.given, one.not_given, one.reduced, one.delayed)),
            str(one.longest_delay) if one.delayed else "–",
            "not known" if one.percent_of_planned is None else f"{one.percent_of_planned} %",
        )
        for one in packet.exposures
    )
    columns = (
        *("Subject", "Dose", "Treatment", "Given", "Not given", "Reduced", "Delayed"),
        *("Longest delay (days)", "Given of planned"),
    )
    yield Table("Doses by subject", columns, rows)
    left = tuple(
        (
            one.subject,
            dose_label(packet, one.dose_level),
            one.first.isoformat(),
            one.last.isoformat(),
            f"{one.left}, {one.left_on}" if one.left else "on treatment",
            "; ".join(f"{each.on} {each.test} {each.result}" for each in one.responses) or "–",
        )
        for one in packet.courses
    )
    names = ("Subject", "Dose", "First dose", "Last dose", "Ended", "Responses")
    yield Table("Courses and responses", names, left)


def _decisions(packet: Packet) -> Table:
    rows = tuple(
        (
            one.decided.isoformat(),
            f"{ACTIONS[one.action].text}, {dose_label(packet, one.dose_level)}",
            f"{one.recordid}, {one.actor or 'nobody named'}",
            f"{'BASIS CHANGED' if one.basis == 'changed' else 'Basis stands'}: {one.basis_text}",
            one.assessment_digest[:19] + "…",
        )
        for one in packet.assessment.decisions
    )
    columns = ("Decided", "Decision", "Record", "Basis", "On assessment")
    return Table("Recorded decisions", columns, rows, empty="None recorded.")


def _to_sign() -> Iterator[Block]:
    choices = ("escalate", "stay", "expand", "de-escalate", "intermediate dose", "stop")
    yield Text("   ".join(f"[  ] {choice}" for choice in choices))
    blank = "_" * 60
    names = ("Dose level", "Reason, if it departs from the rule", "Members present; quorum")
    yield Facts(
        tuple((name, blank) for name in (*names, "Date and time; signatures", "Next review when"))
    )
