"""One subject's status: not started, in window, open, candidate, DLT, completed, not evaluable.

The order of the questions is the safe one: a confirmed DLT, then a candidate, and only then whether
there is enough to say "completed without". Whatever is not known ends as ``open`` with a query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.clinical.case import RANK, Case, Trigger
from shared.clinical.courses import Courses
from shared.clinical.criteria import CriterionRule
from shared.clinical.dlt import triggers_of
from shared.clinical.evaluability import Verdict, beyond_limits, evaluability, fatal_in
from shared.clinical.follow_up import days_followed
from shared.clinical.observations import DEATH
from shared.clinical.person import Person, Standings
from shared.clinical.protocol import Protocol, day_ends
from shared.clinical.questions import (
    Findings,
    ask_conflicts,
    ask_doubts,
    ask_first_day,
    ask_place,
)
from shared.clinical.responses import ResponseState, response_of
from shared.clinical.reviews import (
    Review,
    ask_roles,
    claims,
    confirmations,
    rejects,
    reviews_of,
)
from shared.clinical.safety import watch_safety
from shared.clinical.samples import FirstDose
from shared.clinical.severe import severe_events
from shared.clinical.stopping import Watched, watch, watch_deadlines
from shared.clinical.timeline import Entry, latest
from shared.clinical.toxicity import observe, reported_courses
from shared.clinical.unrecorded_dose import signs_of_treatment
from shared.contracts.assessment import (
    Criterion,
    CriterionResult,
    LateToxicity,
    Query,
    SubjectAssessment,
    SubjectStatus,
    Window,
)


@dataclass(frozen=True)
class SubjectState:
    """A subject's assessment with what the study needs beside it.

    ``since``: when this became so. ``deadlines``: instants at which time alone may change it.
    ``fatal``: since when a death is known that may be a DLT, for which enrolment halts.
    ``zone``: of the site, where the day turns. ``corrected``: what was known of the subject before
    may have been something else. ``dosed``: the records of the first dose. ``followed``: days of
    the window that records cover; ``response``: to the treatment, where the protocol asks;
    ``watched``: the standing by each stopping rule.
    """

    assessment: SubjectAssessment
    queries: tuple[Query, ...]
    deadlines: tuple[datetime, ...]
    since: datetime
    zone: ZoneInfo
    fatal: datetime | None = None
    corrected: bool = False
    dosed: tuple[Entry, ...] = ()
    followed: int = 0
    response: ResponseState | None = None
    watched: Mapping[str, Watched] = field(default_factory=dict)


def assess_subject(
    protocol: Protocol,
    usubjid: str,
    standing: Standings,
    as_of: datetime,
    results_at: Callable[[datetime], dict[str, CriterionResult]],
    courses: Courses | None = None,
    clock: ZoneInfo | None = None,
) -> SubjectState:
    """The subject's status by the standing records that had happened by ``as_of``.

    ``results_at(t)`` gives the criterion results by what was known at ``t``: it tells a judgement
    on a record that was corrected since from a judgement that never rested on one. ``courses``
    remembers what was measured; ``clock`` as in `Person`.
    """
    person = Person(protocol, usubjid, standing, as_of, courses, clock)
    found = Findings(person.subject)
    ask_conflicts(standing, found)
    if person.assignment_doubt:
        found.flags.add("conflict")
        found.ask("conflict", "cohort_assignment: the first assignments differ")
    if person.start is None:
        watch_safety(person, None, found)
        return _not_started(person, found)
    case = person.case()
    ask_doubts(person, case, found)
    watch_safety(person, case, found)
    if beyond_limits(case):
        found.flags.add("dose_beyond_limits")
    if person.is_provisional:
        found.flags.add("provisional")
    ask_place(person, found)
    if person.part not in protocol.counted_parts:
        return _not_assessed(person, case, found)
    triggers = {rule.id: triggers_of(rule, case) for rule in protocol.rules_for(person.cohort)}
    return _assessed(person, case, triggers, found, results_at)


def criterion_results(
    protocol: Protocol,
    usubjid: str,
    standing: Standings,
    as_of: datetime,
    courses: Courses | None = None,
    clock: ZoneInfo | None = None,
) -> dict[str, CriterionResult]:
    """The bare result of each criterion inside the window, without reviews."""
    person = Person(protocol, usubjid, standing, as_of, courses, clock)
    if person.start is None:
        return {}
    case = person.case()
    return {
        rule.id: _worst(_inside(rule, case, triggers_of(rule, case)))
        for rule in protocol.rules_for(person.cohort)
    }


def _worst(triggers: Sequence[Trigger]) -> CriterionResult:
    return max((trigger.result for trigger in triggers), key=RANK.__getitem__, default="not_met")


def _build(
    person: Person,
    found: Findings,
    status: SubjectStatus,
    why: str,
    since: datetime | None,
    **parts: object,
) -> SubjectState:
    fatal = parts.pop("fatal", None)
    assert fatal is None or isinstance(fatal, datetime)
    moment = since or person.known("dose", "cohort_assignment", "subject") or person.as_of
    assessment = SubjectAssessment(
        subject=person.subject,
        usubjid=person.usubjid,
        part=person.part,
        dose_level=person.dose_level,
        cohort=person.cohort,
        status=status,
        why=why,
        flags=tuple(sorted(found.flags)),
        safety=tuple(found.safety),
        known_at=moment,
        **{"window": None, **parts},  # type: ignore[arg-type]
    )
    dosed = tuple(person.first_doses())
    deadlines = tuple(sorted({moment for moment in found.deadlines if moment > person.as_of}))
    queries = tuple(sorted(found.queries, key=lambda query: query.id))
    return SubjectState(
        assessment,
        queries,
        deadlines,
        moment,
        person.zone,
        fatal,
        dosed=dosed,
        response=response_of(person),
    )


_EVER = FirstDose(date(1900, 1, 1), date(1900, 1, 1), (datetime(1900, 1, 1, tzinfo=UTC),) * 2)


def _not_started(person: Person, found: Findings) -> SubjectState:
    """No first dose on record. A death is told all the same, and what only a treated subject can
    have says that the record is missing rather than the dose; a DLT that a person confirmed
    counts."""
    name = person.protocol.window.day_1_is_first_dose_of
    if not person.of("subject") and not person.of("cohort_assignment"):
        found.ask(
            "missing", f"who {person.usubjid} is: neither subject nor assignment is on record"
        )
    confirmed = confirmations(reviews_of(person), {}, lambda _: {})
    for treated, what in (*signs_of_treatment(person), ([one.entry for one in confirmed], "a DLT")):
        if treated:
            found.flags.add("first_dose_missing")
            found.ask("missing", f"the first dose of {name}: {what} is on record", treated)
    events, left = person.of("adverse_event"), person.of("disposition")
    reported = reported_courses(person.protocol, person.zone, events, _EVER)
    deaths = severe_events(observe(person.zone, {}, reported, left, _EVER), DEATH)
    if confirmed:
        known = latest([one.entry for one in confirmed])
        return _build(person, found, "dlt", "confirmed by review", known, severe=deaths)
    return _build(person, found, "not_started", "no dose given yet", None, severe=deaths)


def _window(case: Case) -> Window:
    day = (case.today - case.window[0]).days + 1
    inside = case.window[0] <= case.today and case.as_of < day_ends(case.window[1], case.zone)
    return Window(first=case.window[0], last=case.window[1], day=day if inside else None)


def _not_assessed(person: Person, case: Case, found: Findings) -> SubjectState:
    why = f"part {person.part} is not counted in the escalation"
    found.deadlines += watch_deadlines(case)
    state = _build(
        person,
        found,
        "not_assessed",
        why,
        None,
        window=_window(case),
        severe=severe_events(case.observations),
    )
    return replace(state, watched=watch(case))


def _inside(rule: CriterionRule, case: Case, triggers: Sequence[Trigger]) -> list[Trigger]:
    """Triggers that count: onset in the window or possibly so; a delay has no limit on onset."""
    if rule.delay is not None:
        return list(triggers)
    return [one for one in triggers if case.place(one.first, one.last, rule.window) != "out"]


def _criterion(rule: CriterionRule, inside: Sequence[Trigger]) -> Criterion:
    worst = _worst(inside)
    chosen = next((trigger for trigger in inside if trigger.result == worst), None)
    if chosen is None:
        return Criterion(id=rule.id, result="not_met", why="nothing recorded that reaches it")
    return Criterion(
        id=rule.id,
        result=worst,
        onset=chosen.first if worst != "not_met" else None,
        known_at=latest(chosen.entries),
        why=chosen.why,
        evidence=tuple(entry.evidence for entry in chosen.entries),
    )


def _late(rule: CriterionRule, case: Case, triggers: Sequence[Trigger]) -> list[LateToxicity]:
    if rule.delay is not None:
        return []
    return [
        LateToxicity(
            criterion=rule.id,
            onset=trigger.first,
            why=trigger.why,
            known_at=latest(trigger.entries) or case.as_of,
            evidence=tuple(entry.evidence for entry in trigger.entries),
        )
        for trigger in triggers
        if trigger.result in ("met", "needs_review") and case.is_late(trigger.first, rule.window)
    ]


def _assessed(
    person: Person,
    case: Case,
    triggers: dict[str, list[Trigger]],
    found: Findings,
    results_at: Callable[[datetime], dict[str, CriterionResult]],
) -> SubjectState:
    reviews = reviews_of(person)
    ask_roles(person, found)
    criteria, late, active, opened = [], [], [], []
    inside: dict[str, list[Trigger]] = {}
    for rule in person.protocol.rules_for(person.cohort):
        inside[rule.id] = _inside(rule, case, triggers[rule.id])
        criteria.append(_criterion(rule, inside[rule.id]))
        late += _late(rule, case, triggers[rule.id])
        for trigger in inside[rule.id]:
            _note(rule, trigger, found)
            ask_first_day(trigger, case, found)
            if rejects(reviews.get(rule.id), trigger, results_at):
                continue
            if trigger.result in ("met", "needs_review"):
                active.append((rule, trigger))
            elif trigger.result == "open":
                opened.append(trigger)
    for claim in () if active else claims(case, reviews):
        found.ask("doubtful", f"{claim.why} ({claim.entries[0].fact.recordid})", claim.entries)
        opened.append(claim)
    found.deadlines += watch_deadlines(case)
    results = {rule_id: _worst(found_inside) for rule_id, found_inside in inside.items()}
    confirmed = confirmations(reviews, results, results_at)
    grace = timedelta(days=person.protocol.completeness.grace_days)
    found.deadlines += [
        day_ends(last + extra, case.zone)
        for extra in {timedelta(), grace}
        for last in case.closings
    ]
    rejecting = [r for r in reviews.values() if r.record.decision == "NOT_DLT"]
    review = "DLT" if confirmed else ("NOT_DLT" if rejecting else None)
    deaths = _deaths(case, triggers, [trigger for _, trigger in active])
    parts = {
        "window": _window(case),
        "review": review,
        "criteria": tuple(criteria),
        "severe": severe_events(case.observations),
        "late_toxicity": tuple(sorted(late, key=lambda item: (item.onset, item.criterion))),
        "fatal": min(deaths, default=None),
    }
    status, why, since = _status(case, confirmed, active, opened, rejecting, found)
    state = _build(person, found, status, why, since, **parts)
    return replace(state, followed=days_followed(case), watched=watch(case))


def _deaths(
    case: Case, triggers: Mapping[str, list[Trigger]], active: Sequence[Trigger]
) -> list[datetime]:
    """When a death that may be a DLT was known; where no criterion speaks of a death, when one that
    may be related was."""
    if any(trigger.grade == DEATH for found in triggers.values() for trigger in found):
        known = [latest(trigger.entries) for trigger in active if trigger.grade == DEATH]
        return [moment for moment in known if moment is not None]
    return [one.entry.fact.known_at for one in fatal_in(case) if one.related != "no"]


def _note(rule: CriterionRule, trigger: Trigger, found: Findings) -> None:
    """Keep the doubts, questions and deadlines of a trigger."""
    found.flags.update(trigger.flags)
    if trigger.missing is not None and trigger.result != "not_met":
        found.ask("missing", f"{rule.id}: {trigger.missing}", trigger.entries)
    if trigger.deadline is not None:
        found.deadlines.append(trigger.deadline)
    if trigger.result != "not_met" and trigger.first != trigger.last:
        found.flags.add("date_uncertain")
        found.ask("doubtful", f"{rule.id}: the date of onset is not a day", trigger.entries)


def _status(
    case: Case,
    confirmed: list[Review],
    active: list[tuple[CriterionRule, Trigger]],
    opened: list[Trigger],
    rejecting: list[Review],
    found: Findings,
) -> tuple[SubjectStatus, str, datetime | None]:
    if confirmed:
        ids = ", ".join(sorted(review.record.criterion_id for review in confirmed))
        known = latest([review.entry for review in confirmed])
        return "dlt", f"confirmed by review: {ids}", known
    if active:
        words = "; ".join(f"{rule.id}: {trigger.why}" for rule, trigger in active)
        known = min(latest(trigger.entries) or case.as_of for _, trigger in active)
        return "dlt_candidate", words, known
    verdict: Verdict = evaluability(case, [review.record for review in rejecting])
    for text in verdict.missing:
        found.ask("missing", text)
    if verdict.provisional:
        found.flags.add("provisional")
    undecided = opened and not verdict.judged
    if verdict.status == "in_window" or (verdict.status == "not_evaluable" and not undecided):
        return verdict.status, verdict.why, verdict.since
    if opened:
        return "open", "; ".join(trigger.why for trigger in opened), verdict.since
    if "conflict" in found.flags:
        return "open", "a record contradicts itself", verdict.since
    since = verdict.since
    for review in rejecting:
        since = max(since, review.entry.fact.known_at) if since else review.entry.fact.known_at
    return verdict.status, verdict.why, since
