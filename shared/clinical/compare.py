"""Signals: the difference between two assessments.

`standing_signals` says what stands by one assessment, as a function of it alone; `compare` raises
what is new and follows up what no longer stands. So no order of arrival, no duplicate and no chunk
size can change which signals stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime

from shared.clinical.rule_versions import RuleVersions
from shared.clinical.safety.signals import safety_signals
from shared.clinical.standing import Draft, kept, signal_of
from shared.contracts.assessment import Assessment, Query, SubjectAssessment
from shared.contracts.envelope import sha256
from shared.contracts.signals import Severity, Signal, SignalType, StandingSignal

_DLT_TYPES = (SignalType.DLT_CANDIDATE, SignalType.DLT_CONFIRMED)
_ACTION_SEVERITY: dict[str, Severity] = {"hold": "critical", "stop": "critical"}


def standing_signals(
    assessment: Assessment, rules: RuleVersions | None = None
) -> tuple[StandingSignal, ...]:
    """Every signal that stands by this assessment, in a fixed order; ``rules`` as in `compare`."""
    return tuple(draft.signal() for draft in sorted(_drafts(assessment, rules), key=_order))


def _order(draft: Draft) -> tuple[datetime, str]:
    return draft.known_at, draft.key


def _drafts(assessment: Assessment, rules: RuleVersions | None) -> list[Draft]:
    found = [*_study(assessment), *_doses(assessment), *_decisions(assessment)]
    found += _stopping(assessment)
    for subject in assessment.subjects:
        # Of the assessment's moment only whether the window is over matters.
        over = subject.window is not None and assessment.as_of.date() >= subject.window.last
        found += kept(assessment, subject, over, _about)
    for query in assessment.queries:
        found += kept(assessment, query, None, _query)
    return found if rules is None else [draft.by_rule(rules) for draft in found]


def _about(assessment: Assessment, subject: SubjectAssessment) -> Iterator[Draft]:
    for draft in (*_subject(assessment, subject), *safety_signals(assessment, subject)):
        draft.cohort = subject.cohort
        yield draft


def compare(
    standing: Sequence[Signal],
    assessment: Assessment,
    raised_before: Callable[[str], int],
    site_of: Callable[[str], str | None] = lambda _: None,
    rules: RuleVersions | None = None,
) -> tuple[Signal, ...]:
    """The signals to send: new raisings, and follow-ups of those that no longer stand.

    ``standing``: raised and neither withdrawn nor superseded. ``raised_before(key)``: how often a
    key was raised already; it gives a second raising a new id, and a redelivery the same one.
    ``site_of``: the site of a subject, by USUBJID. ``rules``: since which version of the protocol
    each rule reads as it does; without them every version has rules of its own.
    """
    drafts = _drafts(assessment, rules)
    wanted = {key for draft in drafts for key in (draft.key, *draft.also)}
    told = {signal.key for signal in standing}
    new = [draft for draft in drafts if told.isdisjoint((draft.key, *draft.also))]
    new.sort(key=_order)
    gone = [signal for signal in standing if signal.key not in wanted]
    by_slot = {signal.slot: signal for signal in gone}
    sent: list[Signal] = []
    followed: set[str] = set()
    for key, draft in {draft.key: draft for draft in new}.items():
        before = by_slot.get(draft.slot)
        if before is not None and before.id not in followed:
            followed.add(before.id)
        else:
            before = None
        site = _site(assessment, draft.subject, site_of)
        sent.append(_raise(draft.signal(), assessment, raised_before(key), before, site))
    for old in gone:
        if old.id not in followed:
            sent.append(_end(old, assessment))
    return tuple(sent)


def _site(
    assessment: Assessment, subject: str | None, site_of: Callable[[str], str | None]
) -> str | None:
    """Unknown, too, where subjects of two sites share a number: nobody may be left out then."""
    found = {site_of(one.usubjid) for one in assessment.subjects if one.subject == subject}
    return found.pop() if len(found) == 1 else None


def _raise(
    signal: StandingSignal,
    assessment: Assessment,
    raised: int,
    before: Signal | None,
    site: str | None,
) -> Signal:
    return Signal(
        **signal.model_dump(exclude={"site"}),
        site=site,
        id=sha256(f"{assessment.study}|{signal.key}|{raised}")[:32],
        study=assessment.study,
        supersedes=before.id if before else None,
        assessment_digest=assessment.digest,
    )


def _end(old: Signal, assessment: Assessment) -> Signal:
    kind = SignalType.DLT_WITHDRAWN if old.type in _DLT_TYPES else SignalType.SIGNAL_WITHDRAWN
    return old.model_copy(
        update={
            "id": sha256(f"{old.id}|ended")[:32],
            "key": f"{old.key}|ended",
            "type": kind,
            "at": assessment.as_of,
            "known_at": assessment.known_at,
            "text": f"No longer stands: {old.text}",
            "supersedes": old.id,
            "ends": True,
            "assessment_digest": assessment.digest,
        }
    )


def _study(assessment: Assessment) -> Iterator[Draft]:
    said = assessment.recommendation
    trigger = f"{said.action}|{said.dose_level}|{said.mtd}|{said.mtd_status}"
    words = "; ".join(reason.text for reason in said.reasons)
    rule = said.reasons[0].rule if said.reasons else "none"
    yield signal_of(
        assessment,
        SignalType.RECOMMENDATION_CHANGED,
        _ACTION_SEVERITY.get(said.action, "notice"),
        "recommendation",
        trigger,
        rule,
        f"The rule says {said.action} at dose level {said.dose_level}: {words}",
        said.known_at,
        said.known_at,
        dose_level=said.dose_level,
    )
    if said.mtd_status == "found":
        yield signal_of(
            assessment,
            SignalType.MTD_DETERMINED,
            "urgent",
            "mtd",
            f"{said.mtd}",
            rule,
            f"MTD by the rule: dose level {said.mtd}",
            said.known_at,
            said.known_at,
            dose_level=said.mtd,
        )
    if assessment.status == "on_hold":
        yield signal_of(
            assessment,
            SignalType.ENROLMENT_HOLD,
            "critical",
            "hold",
            f"{said.reasons[0].rule}|{said.reasons[0].inputs.get('dose_level')}",
            said.reasons[0].rule,
            f"Enrolment halts until a person's record: {said.reasons[0].text}",
            said.known_at,
            said.known_at,
            dose_level=said.dose_level,
        )
    if assessment.degraded:
        yield signal_of(
            assessment,
            SignalType.STUDY_DEGRADED,
            "urgent",
            "degraded",
            "degraded",
            "degraded",
            "A message of this study could not be handled; go signals wait",
            None,
            None,
        )
    if assessment.stale_since is not None:
        since = assessment.stale_since
        yield signal_of(
            assessment,
            SignalType.STUDY_STALE,
            "urgent",
            "stale",
            since.isoformat(),
            "stale",
            "No record of any subject arrives any more while subjects are pending: what is shown "
            "may be out of date",
            since,
            since,
        )


def _doses(assessment: Assessment) -> Iterator[Draft]:
    for dose in assessment.doses:
        if dose.state != "exceeded":
            continue
        toxic = [
            subject
            for subject in assessment.subjects
            if subject.dose_level == dose.level and subject.status in ("dlt", "dlt_candidate")
        ]
        count = dose.dlt.confirmed + dose.dlt.candidate
        yield signal_of(
            assessment,
            SignalType.DOSE_EXCEEDED,
            "critical",
            f"dose/{dose.level}",
            ",".join(sorted(subject.usubjid for subject in toxic)),
            "exceeded",
            f"{dose.label} is exceeded: {count} DLTs (confirmed {dose.dlt.confirmed}, candidate "
            f"{dose.dlt.candidate}) of {dose.evaluable + dose.pending}, {dose.pending} pending",
            max((_onset(subject) for subject in toxic), default=None),
            _first_known(toxic),
            dose_level=dose.level,
        )


def _stopping(assessment: Assessment) -> Iterator[Draft]:
    for rule in assessment.stopping:
        if rule.status not in ("crossed", "near"):
            continue
        crossed = rule.status == "crossed"
        yield signal_of(
            assessment,
            SignalType.STOPPING_CROSSED if crossed else SignalType.STOPPING_NEAR,
            "critical" if crossed else "notice",
            f"stopping/{rule.id}",
            ",".join(rule.subjects),
            rule.id,
            f"Stopping rule {rule.id}: {rule.text}",
            rule.known_at,
            rule.known_at,
        )


def _onset(subject: SubjectAssessment) -> date:
    onsets = [
        criterion.onset
        for criterion in subject.criteria
        if criterion.onset is not None and criterion.result in ("met", "needs_review")
    ]
    return min(onsets, default=date.min)


def _first_known(subjects: Sequence[SubjectAssessment]) -> datetime | None:
    known = [
        min(moments)
        for subject in subjects
        if (moments := [one.known_at for one in subject.criteria if one.onset and one.known_at])
    ]
    return max(known, default=None)


def _decisions(assessment: Assessment) -> Iterator[Draft]:
    for decision in assessment.decisions:
        if decision.basis == "changed":
            yield signal_of(
                assessment,
                SignalType.DECISION_BASIS_CHANGED,
                "urgent",
                f"decision/{decision.recordid}",
                decision.basis_text,
                "basis",
                f"The decision of {decision.decided} ({decision.action}, dose level "
                f"{decision.dose_level}) rested on what no longer holds: {decision.basis_text}",
                assessment.as_of,
                None,
                dose_level=decision.dose_level,
            )


def _subject(assessment: Assessment, subject: SubjectAssessment) -> Iterator[Draft]:
    yield from _dlt(assessment, subject)
    window = subject.window
    if (
        window is not None
        and window.day is None
        and assessment.as_of.date() >= window.last
        and subject.status
        not in (
            "not_started",
            "not_assessed",
        )
    ):
        yield signal_of(
            assessment,
            SignalType.WINDOW_CLOSED,
            "info",
            f"window/{subject.usubjid}",
            f"{window.last}",
            "window",
            f"{subject.subject}: DLT window closed on {window.last}, status {subject.status}",
            window.last,
            subject.known_at,
            subject.subject,
            subject.dose_level,
        )
    for event in subject.severe:
        fatal = event.grade == 5
        yield signal_of(
            assessment,
            SignalType.DEATH if fatal else SignalType.TOXICITY_SEVERE,
            "critical" if fatal else ("urgent" if event.grade == 4 else "warning"),
            f"severe/{subject.usubjid}/{event.term}/{event.onset}",
            f"{event.grade}",
            f"grade-{event.grade}",
            f"{subject.subject}: {event.term} grade {event.grade} on {event.onset} ({event.why})",
            event.onset,
            event.known_at,
            subject.subject,
            subject.dose_level,
        )
    for late in subject.late_toxicity:
        yield signal_of(
            assessment,
            SignalType.TOXICITY_LATE,
            "warning",
            # A criterion may speak of several terms: the words before the colon tell them apart.
            f"late/{subject.usubjid}/{late.criterion}/{late.why.partition(':')[0]}/{late.onset}",
            "late",
            late.criterion,
            f"{subject.subject}: {late.why} on {late.onset}, after the window: not counted",
            late.onset,
            late.known_at,
            subject.subject,
            subject.dose_level,
        )


def _dlt(assessment: Assessment, subject: SubjectAssessment) -> Iterator[Draft]:
    met = [one for one in subject.criteria if one.result in ("met", "needs_review")]
    trigger = "|".join(f"{one.id}:{one.onset}" for one in met)
    ids = ", ".join(one.id for one in met) or "judgement"
    slot = f"dlt/{subject.usubjid}"
    if subject.status == "dlt_candidate":
        kind, words = SignalType.DLT_CANDIDATE, "DLT candidate"
    elif subject.status == "dlt":
        kind, words = SignalType.DLT_CONFIRMED, "DLT confirmed"
    elif subject.review == "NOT_DLT":
        kind, words = SignalType.DLT_REJECTED, "Judged not a DLT"
    else:
        return
    severity: Severity = "notice" if kind is SignalType.DLT_REJECTED else "urgent"
    onset = min((one.onset for one in met if one.onset), default=None)
    yield signal_of(
        assessment,
        kind,
        severity,
        slot,
        trigger,
        ids,
        f"{subject.subject}: {words}: {subject.why}",
        onset,
        subject.known_at,
        subject.subject,
        subject.dose_level,
    )


def _query(assessment: Assessment, query: Query) -> Iterator[Draft]:
    conflict = query.kind == "conflict"
    who = f"{query.subject}: " if query.subject else ""
    yield signal_of(
        assessment,
        SignalType.DATA_CONFLICT if conflict else SignalType.DATA_QUERY,
        "warning" if conflict else "info",
        f"query/{query.id}",
        query.id,
        query.kind,
        f"{who}{query.text}",
        query.known_at,
        query.known_at,
        query.subject,
    )
