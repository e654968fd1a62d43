"""The page of one subject as data: a profile turned into rows, ready to be written.

Pure. A long study has more values and records than a page may weigh: then those that say something
are shown (graded, first, newest; cited or changed), and how many are left out is said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from zoneinfo import ZoneInfo

from services.console.board import dose_name
from services.console.oversight import Finding, findings_of
from services.console.window import Line, Progress, criterion_lines, progress_of
from services.console.words import SUBJECT_STATES, Tone, Word
from shared.contracts.assessment import Evidence
from shared.contracts.profile import (
    On,
    Profile,
    RecordVersions,
    ReportedCourse,
    Series,
    Value,
)

NEWEST_VALUES = 6
"""Of each test, shown whatever their grade."""

Key = tuple[str, str]
"""What a record is cited by: source and recordid."""

_DOMAINS = {"lab": "Laboratory", "vital": "Vital signs", "ecg": "ECG"}


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade in words with its tone; `at` is the worst it may be, None where nobody can say."""

    text: str
    tone: Tone
    at: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """From when an event had a grade."""

    on: str
    grade: Grade


@dataclass(frozen=True, slots=True)
class Event:
    """One adverse event report."""

    course: ReportedCourse
    worst: Grade
    on: str
    end: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One value with what each of its terms says of it."""

    value: Value
    on: str
    result: str
    worst: Grade
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """One series; `left_out` of its values are not in `rows`. `chart` names its picture."""

    series: Series
    chart: str
    worst: Grade
    last: str
    rows: tuple[Row, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class SubjectView:
    """Everything on the page; `records` with their places on it."""

    profile: Profile
    word: Word
    dose: str
    progress: Progress | None
    lines: tuple[Line, ...]
    flags: tuple[str, ...]
    findings: tuple[Finding, ...]
    events: tuple[Event, ...]
    tests: tuple[tuple[str, tuple[Test, ...]], ...]
    records: tuple[tuple[str, RecordVersions], ...]
    zone: str
    whole_page: str
    here: frozenset[str]

    def place_of(self, cited: Evidence) -> str:
        """Where the versions of a cited record are: here, or on the page with all of them."""
        place = anchor(cited.source, cited.recordid)
        return f"#{place}" if place in self.here else f"{self.whole_page}#{place}"

    @property
    def values_left_out(self) -> int:
        return sum(test.left_out for _, tests in self.tests for test in tests)

    @property
    def records_left_out(self) -> int:
        return len(self.profile.records) - len(self.records)


def view_of(
    profile: Profile, labels: Mapping[int, str], past: str | None = None, *, whole: bool = False
) -> SubjectView:
    """`labels`: the names of the dose levels. `whole`: leave nothing out."""
    said = profile.assessment
    records = tuple((anchor(r.source, r.recordid), r) for r in _records(profile, whole))
    asked = f"&known_at={past}" if past else ""
    return SubjectView(
        profile=profile,
        word=SUBJECT_STATES[said.status],
        dose=dose_name(said.dose_level, dict(labels)) or "no dose level",
        progress=progress_of(said, profile.as_of.astimezone(ZoneInfo(profile.zone)).date()),
        lines=criterion_lines(said),
        flags=tuple(flag.replace("_", " ") for flag in said.flags),
        findings=findings_of((said,)),
        events=tuple(_event(course) for course in profile.events),
        tests=tuple(_tests(profile, whole)),
        records=records,
        zone=zone_words(profile.zone, profile.as_of),
        whole_page=f"/studies/{profile.study}/subject/{profile.id}?whole=true{asked}",
        here=frozenset(place for place, _ in records),
    )


def anchor(source: str, recordid: str) -> str:
    """The place of a record on the page; it holds no subject code, as recordids may."""
    return "record-" + hashlib.sha256(f"{source}|{recordid}".encode()).hexdigest()[:12]


def zone_words(zone: str, at: datetime) -> str:
    """A zone with its distance from UTC at that moment.

    >>> zone_words("Asia/Shanghai", datetime.fromisoformat("2022-12-26T08:00:00+00:00"))
    'Asia/Shanghai, UTC+08:00'
    """
    distance = at.astimezone(ZoneInfo(zone)).strftime("%z")
    return f"{zone}, UTC{distance[:3]}:{distance[3:]}"


def when(on: On) -> str:
    """A date as collected with its day; what an incomplete one may mean is said.

    >>> day = datetime(2022, 12, 26).date()
    >>> when(On(stated="2022-12-26T10:00", first=day, last=day, day=15))
    '2022-12-26 10:00, day 15'
    """
    text = on.stated.replace("T", " ")
    if on.first != on.last:
        return f"{text} (uncertain: {on.first} to {on.last})"
    return text if on.day is None else f"{text}, day {on.day}"


def grade_of(low: int | None, high: int | None) -> Grade:
    """A grade, a range of it, or that there is none to be had.

    >>> grade_of(2, 3).text, grade_of(0, 0).text, grade_of(None, None).text
    ('Grade 2 to 3', 'Grade 0', 'Not gradable')
    """
    worst = low if high is None else high
    if worst is None:
        return Grade("Not gradable", "warn", None)
    tone: Tone = "stop" if worst >= 4 else "warn" if worst == 3 else "wait" if worst else "calm"
    text = f"Grade {worst}" if low == worst or low is None else f"Grade {low} to {worst}"
    return Grade(text, tone, worst)


def _event(course: ReportedCourse) -> Event:
    return Event(
        course=course,
        worst=grade_of(course.low, course.high),
        on=when(course.on),
        end=when(course.end) if course.end else "not over, or not stated",
        steps=tuple(Step(when(step.on), grade_of(step.low, step.high)) for step in course.steps),
    )


def _tests(profile: Profile, whole: bool) -> Iterator[tuple[str, tuple[Test, ...]]]:
    numbered = list(enumerate(profile.series, start=1))
    for domain, name in _DOMAINS.items():
        found = tuple(_test(n, one, whole) for n, one in numbered if one.domain == domain)
        if found:
            yield name, found


def _test(number: int, series: Series, whole: bool) -> Test:
    rows = [_row(value) for value in series.values]
    shown = rows if whole else [row for n, row in enumerate(rows) if _tells(n, row, len(rows))]
    standing = [row for row in rows if row.value.state != "withdrawn"]
    return Test(
        series=series,
        chart=f"series-{number}",
        worst=_worst(standing),
        last=f"{standing[-1].result}, {standing[-1].on}" if standing else "none stands",
        rows=tuple(shown),
        left_out=len(rows) - len(shown),
    )


def _tells(number: int, row: Row, of: int) -> bool:
    """First, newest, graded, not gradable, or no longer what it was."""
    plain = row.worst.tone == "calm" and row.value.state == "stands"
    return number == 0 or number >= of - NEWEST_VALUES or not plain


def _row(value: Value) -> Row:
    given = [grade_of(one.low, one.high) for one in value.grades]
    lacking = f"not done{f': {value.not_done}' if value.not_done else ''}"
    return Row(
        value=value,
        on=when(value.on),
        result=lacking if value.result is None else value.result,
        worst=_most(given),
        why=tuple(f"{one.term}: {one.why}" for one in value.grades),
    )


def _worst(rows: Iterable[Row]) -> Grade:
    return _most(row.worst for row in rows if row.value.grades)


def _most(grades: Iterable[Grade]) -> Grade:
    """The worst that is known, and whether something is not."""
    found = list(grades)
    if not found:
        return Grade("Not graded", "calm", None)
    known = [grade for grade in found if grade.at is not None]
    worst = max(known, key=lambda grade: grade.at or 0, default=found[0])
    if len(known) in (0, len(found)):
        return worst
    tone: Tone = "warn" if worst.tone in ("calm", "wait") else worst.tone
    return Grade(f"{worst.text}, in part not gradable", tone, worst.at)


def _records(profile: Profile, whole: bool) -> Iterator[RecordVersions]:
    cited = set(_cited(profile))
    for record in profile.records:
        changed = len(record.versions) > 1 or record.doubt is not None
        if whole or changed or (record.source, record.recordid) in cited:
            yield record


def _cited(profile: Profile) -> Iterator[Key]:
    said = profile.assessment
    resting: Iterable[Iterable[Evidence]] = (
        *(one.evidence for one in said.criteria),
        *(one.evidence for one in said.severe),
        *(one.evidence for one in said.late_toxicity),
        *(one.evidence for one in said.safety),
        *(one.evidence for one in profile.queries),
        [one.evidence for one in profile.events],
        [one.evidence for one in profile.reviews],
        [one.evidence for one in profile.leaving],
    )
    for evidence in chain.from_iterable(resting):
        yield evidence.source, evidence.recordid
