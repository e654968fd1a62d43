"""What waits for a person's judgement, and what may have changed while somebody was judging.

Pure. The queue is the monitor's own: a subject is in it while its status is a DLT candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.console.recording import Act
from services.console.words import CRITERION_RESULTS, SUBJECT_STATES, Word
from shared.clinical import Protocol, deciders
from shared.contracts.assessment import Assessment, Criterion, SubjectAssessment
from shared.contracts.profile import Profile, RecordVersions, opaque_id

BITES = ("met", "needs_review")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A criterion that makes a candidate. `since`: when it became known; `judged`: the last review
    of it, which did not end the candidate."""

    subject: SubjectAssessment
    criterion: Criterion
    word: Word
    dose: str
    since: datetime | None
    waits: str
    judged: Act | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A review on record. `case`: the end of the address of what it judged, where that is shown."""

    act: Act
    subject: str
    word: str
    case: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """One record that a criterion rests on, with the version that it names."""

    record: RecordVersions
    revision: int | None


def case_id(study: str, usubjid: str, criterion: str) -> str:
    """What names a case in addresses: no subject code is in it."""
    return f"{opaque_id(study, usubjid)}.{criterion}"


def waiting_of(assessment: Assessment, acts: Sequence[Act], now: datetime) -> tuple[Waiting, ...]:
    """Oldest first; what has no time is first of all."""
    labels = {dose.level: dose.label for dose in assessment.doses}
    found = [
        Waiting(
            subject=subject,
            criterion=criterion,
            word=CRITERION_RESULTS[criterion.result],
            dose=labels.get(subject.dose_level or 0, "no dose level"),
            since=criterion.known_at,
            waits=waits(criterion.known_at, now),
            judged=_last_review(subject, criterion, acts),
        )
        for subject in assessment.subjects
        if subject.status == "dlt_candidate"
        for criterion in subject.criteria
        if criterion.result in BITES
    ]
    earliest = datetime.min.replace(tzinfo=now.tzinfo)
    return tuple(sorted(found, key=lambda one: (one.since or earliest, one.subject.subject)))


def judged_of(
    assessment: Assessment, acts: Sequence[Act], known_by: datetime | None
) -> tuple[Judged, ...]:
    """The reviews on record, newest first; a past view knows no later one."""
    subjects = {subject.usubjid: subject for subject in assessment.subjects}
    return tuple(
        _judged(assessment.study, act, subjects.get(act.usubjid or ""))
        for act in reversed(acts)
        if act.kind == "dlt_review" and (known_by is None or act.known_at <= known_by)
    )


def _judged(study: str, act: Act, subject: SubjectAssessment | None) -> Judged:
    if subject is None:
        return Judged(act, "not in this view", _decided(act), None)
    named = act.criterion_id and criterion_of(subject, act.criterion_id)
    case = case_id(study, subject.usubjid, named.id) if named else None
    return Judged(act, subject.subject, _decided(act), case)


def known_by(acts: Sequence[Act], moment: datetime | None) -> tuple[Act, ...]:
    """The acts that were known at a moment."""
    return tuple(act for act in acts if moment is None or act.known_at <= moment)


def waits(since: datetime | None, now: datetime) -> str:
    """How long something has been open, in whole days or hours."""
    if since is None:
        return "not known since when"
    open_for = max(now - since, timedelta())
    if open_for.days:
        return f"open for {open_for.days} {'day' if open_for.days == 1 else 'days'}"
    hours = open_for.seconds // 3600
    if hours:
        return f"open for {hours} {'hour' if hours == 1 else 'hours'}"
    return "open for less than an hour"


def criterion_of(subject: SubjectAssessment, id: str) -> Criterion | None:
    return next((one for one in subject.criteria if one.id == id), None)


def proofs_of(profile: Profile, criterion: Criterion) -> tuple[Proof, ...]:
    """The records a criterion rests on, as far as the profile has them."""
    records = {(one.source, one.recordid): one for one in profile.records}
    return tuple(
        Proof(records[item.source, item.recordid], item.revision)
        for item in criterion.evidence
        if (item.source, item.recordid) in records
    )


def charts_of(profile: Profile, criterion: Criterion) -> tuple[str, ...]:
    """The names of the subject's charts that show it: the time line, and each test that it rests
    on."""
    cited = {(one.source, one.recordid) for one in criterion.evidence}
    tests = (
        f"series-{number}"
        for number, series in enumerate(profile.series, start=1)
        if any((one.evidence.source, one.evidence.recordid) in cited for one in series.values)
    )
    return "timeline", *tests


def roles_for(protocol: Protocol | None, criterion: str) -> tuple[str, ...]:
    """In which roles the criterion may be judged, the board of adjudicators first."""
    if protocol is None:
        return ()
    return tuple(
        sorted(deciders(protocol, criterion), key=lambda role: (role != "adjudicators", role))
    )


def moved_on(seen: Assessment | None, present: SubjectAssessment) -> tuple[str, ...]:
    """What is otherwise than the person saw it; nothing where only time has passed."""
    subjects = seen.subjects if seen else ()
    then = next((one for one in subjects if one.usubjid == present.usubjid), None)
    if then is None:
        return ("The assessment this page rested on cannot be had any more.",)
    return tuple(_differences(then, present))


def _differences(seen: SubjectAssessment, present: SubjectAssessment) -> Iterator[str]:
    if seen.status != present.status or seen.review != present.review:
        before, after = SUBJECT_STATES[seen.status].text, SUBJECT_STATES[present.status].text
        yield f"Status: {before} before, {after} now ({present.why})."
    if (seen.part, seen.dose_level, seen.cohort) != (
        present.part,
        present.dose_level,
        present.cohort,
    ):
        yield f"Dose level: {seen.dose_level} before, {present.dose_level} now."
    was = {one.id: one for one in seen.criteria}
    for criterion in present.criteria:
        before_it = was.pop(criterion.id, None)
        if before_it is None or _content(before_it) != _content(criterion):
            yield _sentence(before_it, criterion)
    for gone in was:
        yield f"{gone}: no longer a criterion of this subject."
    if seen.flags != present.flags:
        before, after = (", ".join(one.flags) or "none" for one in (seen, present))
        yield f"Doubts: {before} before, {after} now."
    if not _same(seen, present):
        yield "Severe events, late toxicities or safety findings of the subject have changed."


def _sentence(before: Criterion | None, now: Criterion) -> str:
    word = CRITERION_RESULTS[now.result].text
    if before is None:
        return f"{now.id}: new, {word} ({now.why})."
    was = CRITERION_RESULTS[before.result].text
    return f"{now.id}: {was} ({before.why}) before, {word} ({now.why}) now."


def _content(criterion: Criterion) -> Criterion:
    return criterion.model_copy(update={"known_at": None})


def _same(seen: SubjectAssessment, present: SubjectAssessment) -> bool:
    """Whether what stands beside the criteria is as it was, whenever it became known."""
    parts = ("severe", "late_toxicity", "safety")
    return all(
        [one.model_dump(exclude={"known_at", "clocks"}) for one in getattr(seen, name)]
        == [one.model_dump(exclude={"known_at", "clocks"}) for one in getattr(present, name)]
        for name in parts
    )


def _last_review(
    subject: SubjectAssessment, criterion: Criterion, acts: Sequence[Act]
) -> Act | None:
    """The last one that has not been taken back."""
    latest = {act.recordid: act for act in acts}
    return next(
        (
            act
            for act in reversed(acts)
            if act.usubjid == subject.usubjid
            and act.criterion_id == criterion.id
            and not latest[act.recordid].withdrawn
        ),
        None,
    )


def _decided(act: Act) -> str:
    if act.withdrawn:
        return "Withdrawn"
    return {"DLT": "DLT", "NOT_DLT": "Not a DLT"}.get(act.decision or "", "not known")
