"""The study page as data: an assessment turned into columns, cards and lines, ready to be written.

Pure. Sorting and choosing happen here; a template only writes what it is given. Anything that is
not known stays not known: there is no default that reads like "fine".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from services.console.answers import Assessed, StudyEntry
from services.console.oversight import (
    Finding,
    Node,
    Rule,
    findings_of,
    rules_of,
    tree_of,
)
from services.console.window import Line, Progress, criterion_lines, progress_of
from services.console.words import (
    ACTIONS,
    DOSE_STATES,
    MTD_STATES,
    STUDY_STATES,
    SUBJECT_STATES,
    UNKNOWN,
    Word,
)
from shared.contracts.assessment import (
    DecisionView,
    DoseAssessment,
    GradedEvent,
    LateToxicity,
    Query,
    Reason,
    Recommendation,
    RuleReport,
    SubjectAssessment,
)
from shared.contracts.profile import opaque_id

_STATUS_ORDER = {
    "dlt": 0,
    "dlt_candidate": 1,
    "open": 2,
    "in_window": 3,
    "completed": 4,
    "not_evaluable": 5,
    "not_started": 6,
    "not_assessed": 7,
}


@dataclass(frozen=True, slots=True)
class Card:
    """One subject. `telling`: criteria met, open or to be reviewed; `rest`: those not met."""

    subject: SubjectAssessment
    word: Word
    dose: str
    progress: Progress | None
    telling: tuple[Line, ...]
    rest: tuple[Line, ...]
    severe: tuple[GradedEvent, ...]
    flags: tuple[str, ...]

    @property
    def settled(self) -> bool:
        """Whether nothing about the subject is left to watch: it takes less room then."""
        return self.subject.status in ("completed", "not_evaluable") and not self.telling


@dataclass(frozen=True, slots=True)
class Column:
    """One dose level with its subjects, those first that need eyes."""

    dose: DoseAssessment
    word: Word
    cards: tuple[Card, ...]
    spoken_of: bool


@dataclass(frozen=True, slots=True)
class Headline:
    """The recommendation in words. `place` completes the word: "at 4 mg/kg", "to 4 mg/kg".
    `tree`: the rule's own answer; `reasons`: what was said on top of it, or in place of it."""

    word: Word
    place: str | None
    level: int | None
    mtd: str
    rp2d: str | None
    reasons: tuple[Reason, ...]
    tree: Node | None
    known_at: datetime | None


@dataclass(frozen=True, slots=True)
class Late:
    """One toxicity after the window."""

    card: Card
    toxicity: LateToxicity


@dataclass(frozen=True, slots=True)
class Decided:
    """One committee decision."""

    decision: DecisionView
    word: Word
    dose: str
    mtd: str | None
    rp2d: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the study page that comes from the assessment."""

    study: str
    title: str | None
    synthetic: bool
    protocol_version: str
    ctcae: str
    as_of: datetime
    known_at: datetime
    digest: str
    engine: str
    word: Word
    on_hold: bool
    degraded: bool
    stale: bool
    stale_since: datetime | None
    headline: Headline
    columns: tuple[Column, ...]
    unplaced: tuple[Card, ...]
    elsewhere: tuple[tuple[str, tuple[Card, ...]], ...]
    late: tuple[Late, ...]
    decisions: tuple[Decided, ...]
    queries: tuple[Query, ...]
    rules: tuple[Rule, ...]
    findings: tuple[Finding, ...]
    pages: Mapping[str, str]

    @property
    def candidates(self) -> int:
        """Subjects whose candidate DLT a person has to judge."""
        return sum(column.dose.dlt.candidate for column in self.columns)

    @property
    def pending(self) -> int:
        """Subjects whose outcome may still change the answer."""
        return sum(column.dose.pending for column in self.columns)


def make_board(entry: StudyEntry, assessed: Assessed, past: str | None = None) -> Board:
    """The page of one study at the moment of the assessment. `pages`: the address of the page of
    each subject by its code, in the same past."""
    assessment = assessed.assessment
    labels = {dose.level: dose.label for dose in assessment.doses}
    today = assessment.as_of.astimezone(UTC).date()
    cards = [_card(subject, labels, today) for subject in assessment.subjects]
    return Board(
        study=assessment.study,
        title=entry.title,
        synthetic=entry.synthetic,
        protocol_version=assessment.protocol_version,
        ctcae=assessment.ctcae,
        as_of=assessment.as_of,
        known_at=assessment.known_at,
        digest=assessment.digest,
        engine=assessment.engine,
        word=STUDY_STATES.get(assessment.status, UNKNOWN),
        on_hold=assessment.status == "on_hold" or assessment.recommendation.action == "hold",
        degraded=assessment.degraded,
        stale=assessed.stale,
        stale_since=assessment.stale_since,
        headline=_headline(assessed, labels),
        columns=_columns(assessed, cards),
        unplaced=tuple(c for c in cards if _assessed(c) and c.subject.dose_level not in labels),
        elsewhere=_elsewhere(cards),
        late=tuple(
            sorted(
                (Late(card, late) for card in cards for late in card.subject.late_toxicity),
                key=lambda late: late.toxicity.onset,
                reverse=True,
            )
        ),
        decisions=tuple(
            _decided(decision, labels)
            for decision in sorted(assessment.decisions, key=lambda d: d.decided, reverse=True)
        ),
        queries=assessment.queries,
        rules=rules_of(assessment),
        findings=findings_of(assessment.subjects),
        pages={
            one.subject: subject_page(assessment.study, one.usubjid, past)
            for one in assessment.subjects
        },
    )


def subject_page(study: str, usubjid: str, past: str | None) -> str:
    """The address of a subject's page; it holds no subject code."""
    asked = f"?known_at={past}" if past else ""
    return f"/studies/{study}/subject/{opaque_id(study, usubjid)}{asked}"


def dose_name(level: int | None, labels: dict[int, str]) -> str | None:
    """The protocol's name of a dose level."""
    if level is None:
        return None
    return labels.get(level, f"dose level {level}")


def _headline(assessed: Assessed, labels: dict[int, str]) -> Headline:
    recommendation = assessed.assessment.recommendation
    mtd = dose_name(recommendation.mtd, labels)
    return Headline(
        word=ACTIONS[recommendation.action],
        place=_place(recommendation, labels),
        level=recommendation.dose_level,
        mtd=mtd or MTD_STATES[recommendation.mtd_status],
        rp2d=dose_name(assessed.assessment.rp2d, labels),
        reasons=_beyond(recommendation),
        tree=tree_of(recommendation.report),
        known_at=recommendation.known_at,
    )


def _beyond(recommendation: Recommendation) -> tuple[Reason, ...]:
    told = set(_rules(recommendation.report))
    return tuple(r for r in recommendation.reasons if (r.rule, r.text) not in told)


def _rules(report: RuleReport | None) -> Iterator[tuple[str, str]]:
    if report is not None:
        yield report.rule, report.text
        for child in report.children:
            yield from _rules(child)


def _place(recommendation: Recommendation, labels: dict[int, str]) -> str | None:
    dose = dose_name(recommendation.dose_level, labels)
    if dose is None:
        return None
    if recommendation.action in ("escalate", "deescalate"):
        return f"to {dose}"
    if recommendation.action == "finish" and recommendation.mtd == recommendation.dose_level:
        return f"MTD {dose}"
    return f"at {dose}"


def _columns(assessed: Assessed, cards: Sequence[Card]) -> tuple[Column, ...]:
    spoken_of = assessed.assessment.recommendation.dose_level
    return tuple(
        Column(
            dose=dose,
            word=DOSE_STATES.get(dose.state, UNKNOWN),
            cards=_by_urgency(
                c for c in cards if _assessed(c) and c.subject.dose_level == dose.level
            ),
            spoken_of=dose.level == spoken_of,
        )
        for dose in sorted(assessed.assessment.doses, key=lambda dose: dose.level)
    )


def _elsewhere(cards: Iterable[Card]) -> tuple[tuple[str, tuple[Card, ...]], ...]:
    parts: dict[str, list[Card]] = {}
    for card in cards:
        if not _assessed(card):
            parts.setdefault(card.subject.part, []).append(card)
    return tuple((part, tuple(found)) for part, found in sorted(parts.items()))


def _assessed(card: Card) -> bool:
    return card.subject.status != "not_assessed"


def _by_urgency(cards: Iterable[Card]) -> tuple[Card, ...]:
    return tuple(sorted(cards, key=lambda c: (_STATUS_ORDER[c.subject.status], c.subject.subject)))


def _card(subject: SubjectAssessment, labels: dict[int, str], today: date) -> Card:
    lines = criterion_lines(subject)
    return Card(
        subject=subject,
        word=SUBJECT_STATES[subject.status],
        dose=dose_name(subject.dose_level, labels) or "no dose level",
        progress=progress_of(subject, today),
        telling=tuple(line for line in lines if line.criterion.result != "not_met"),
        rest=tuple(line for line in lines if line.criterion.result == "not_met"),
        severe=tuple(sorted(subject.severe, key=lambda e: (-e.grade, -e.onset.toordinal()))),
        flags=tuple(flag.replace("_", " ") for flag in subject.flags),
    )


def _decided(decision: DecisionView, labels: dict[int, str]) -> Decided:
    return Decided(
        decision=decision,
        word=ACTIONS[decision.action],
        dose=dose_name(decision.dose_level, labels) or "",
        mtd=dose_name(decision.mtd, labels),
        rp2d=dose_name(decision.rp2d, labels),
    )
