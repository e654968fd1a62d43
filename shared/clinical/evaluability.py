"""Whether a subject without a DLT counts: followed to the end, with enough of the planned dose.

Under-dosing or leaving because of toxicity never removes a subject from the denominator; leaving
for another reason does, and the cohort needs a replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from shared.clinical.case import Case
from shared.clinical.dose_units import amounts_of, plan_of
from shared.clinical.observations import DEATH, Observation
from shared.clinical.protocol import day_ends
from shared.clinical.timeline import Entry
from shared.contracts.assessment import SubjectStatus
from shared.contracts.facts import Disposition, DltReview, Dose, ReviewComplete

DOMAINS = ("AE", "CM", "EX", "LB")
_TOXICITY_WORDS = ("ADVERSE EVENT", "TOXICITY")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The status of a subject without a DLT; ``missing`` is what the site must still supply,
    ``judged`` says that a person's record decided it."""

    status: SubjectStatus
    why: str
    since: datetime | None
    missing: tuple[str, ...] = ()
    provisional: bool = False
    judged: bool = False


def evaluability(case: Case, rejections: Sequence[DltReview]) -> Verdict:
    """In window, completed, not evaluable, or open because something is not known."""
    closes = day_ends(case.followed, case.zone)
    said = [review for review in rejections if review.evaluable is False]
    if said:
        return Verdict("not_evaluable", "judged not evaluable by review", None, judged=True)
    left = _left(case)
    if left is not None:
        return Verdict("not_evaluable", "left the study within the window", left.fact.known_at)
    died = _died(case, bool(rejections))
    if died is not None:
        return Verdict("not_evaluable", "died within the window, not of a DLT", died.fact.known_at)
    if case.as_of < closes:
        day = (case.today - case.window[0]).days + 1
        length = (case.followed - case.window[0]).days + 1
        return Verdict("in_window", f"day {day} of {length}", None)
    stated = _stated_not_evaluable(case)
    if stated is not None:
        since = max(closes, stated.fact.known_at)
        return Verdict("not_evaluable", "the source says not evaluable", since)
    if case.not_begun:
        names = ", ".join(case.not_begun)
        needed = (f"the first dose that starts the window {names}",)
        return Verdict("open", f"the window {names} has not begun", closes, needed)
    missing = [name for name in DOMAINS if not case.is_complete(name, case.followed)]
    if missing:
        words = f"confirmation that {', '.join(missing)} records are complete through the window"
        return Verdict("open", "the source has not confirmed complete records", closes, (words,))
    since = max([closes, *_complete_known(case)])
    return _by_dose(case, since)


def _left(case: Case) -> Entry | None:
    """The disposition by which a subject left the study (not only the treatment) in the window."""
    for standing in case.dispositions:
        for entry in standing.entries:
            record = entry.record
            assert isinstance(record, Disposition)
            if "TREATMENT" in (record.DSSCAT or "").upper() or _names_toxicity(record.DSDECOD):
                continue
            if record.DSDECOD.strip().upper() in ("COMPLETED", "DEATH"):
                continue
            if record.supp.get("DSCAT") == "PROTOCOL MILESTONE":
                continue
            first, last = entry.dates(case.zone)
            if last >= case.window[0] and first <= case.followed:
                return entry
    return None


def _died(case: Case, judged: bool) -> Entry | None:
    """The first record of a death in the window that its report, or a person, puts down to another
    cause; one that may be related leaves the subject pending."""
    deaths = [one for one in fatal_in(case) if judged or one.related == "no"]
    return min(
        (one.entry for one in deaths),
        key=lambda entry: (entry.fact.known_at, entry.fact.fact_id),
        default=None,
    )


def fatal_in(case: Case) -> list[Observation]:
    """The deaths that may have been in the window, whatever their cause."""
    return [
        one
        for course in case.observations.values()
        if course.low >= DEATH
        for one in course
        if one.low == DEATH and case.place(one.first, one.last) != "out"
    ]


def _stated_not_evaluable(case: Case) -> Entry | None:
    for standing in case.reviews:
        for entry in standing.entries:
            if isinstance(entry.record, ReviewComplete) and entry.record.evaluable is False:
                return entry
    return None


def _complete_known(case: Case) -> list[datetime]:
    return [
        entry.fact.known_at
        for standing in case.reviews
        for entry in standing.entries
        if isinstance(entry.record, ReviewComplete)
    ]


def _by_dose(case: Case, since: datetime) -> Verdict:
    rule = case.protocol.evaluability
    stated = [case.complete_through(name) for name in DOMAINS]
    provisional = any(day is None or day < case.followed for day in stated)
    missing: list[str] = []
    short: list[str] = []
    toxicity = False
    over = beyond_limits(case)
    for treatment in rule.treatments:
        share, because = _share(case, treatment)
        if share is None:
            missing.append(f"planned and given dose of {treatment} in cycle 1")
        elif share * 100 < rule.minimum_percent_of_planned_dose:
            short.append(treatment)
            toxicity = toxicity or because
    if missing:
        return Verdict(
            "open", "the dose of cycle 1 is not known", since, tuple(missing), provisional
        )
    if over:
        words = f"more than {rule.maximum_percent_of_planned_dose} % of the planned dose"
        return Verdict("not_evaluable", f"{words} of {', '.join(over)}", since, (), provisional)
    if short and not toxicity:
        words = f"less than {rule.minimum_percent_of_planned_dose} % of the planned dose"
        return Verdict("not_evaluable", f"{words} of {', '.join(short)}", since, (), provisional)
    return Verdict("completed", "window completed without a DLT", since, (), provisional)


def beyond_limits(case: Case) -> list[str]:
    """Treatments of which more was given than the protocol lets count."""
    rule = case.protocol.evaluability
    most = rule.maximum_percent_of_planned_dose
    if most is None:
        return []
    shares = {treatment: _share(case, treatment)[0] for treatment in rule.treatments}
    return [name for name, share in shares.items() if share is not None and share * 100 > most]


def _share(case: Case, treatment: str) -> tuple[Fraction | None, bool]:
    """Given as a share of planned in cycle 1, and whether toxicity is named for what was missed."""
    planned = given = Fraction(0)
    seen = because = False
    plan = plan_of(case, treatment)
    for standing in case.doses:
        for entry in standing.entries:
            dose = entry.record
            assert isinstance(dose, Dose)
            if treatment != dose.ECTRT:
                continue
            if (dose.cycle or 1) != 1 or entry.dates(case.zone)[0] > case.window[1]:
                continue
            amounts = amounts_of(dose, plan)
            if amounts is None:
                return None, False
            seen = True
            planned += amounts.planned
            given += amounts.given
            because = because or _names_toxicity(dose.ECREASOC) or _names_toxicity(dose.ECADJ)
    if not seen or planned == 0:
        return None, False
    return given / planned, because


def _names_toxicity(reason: str | None) -> bool:
    return any(word in (reason or "").upper() for word in _TOXICITY_WORDS)
