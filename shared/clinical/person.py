"""Who a subject is: identity, site, place in the escalation, start of treatment, records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from shared.clinical.case import Case, Spans
from shared.clinical.courses import Courses, Graded, Panel
from shared.clinical.measured import Measurements
from shared.clinical.observations import Course
from shared.clinical.protocol import Protocol
from shared.clinical.samples import FirstDose
from shared.clinical.timeline import Entry, Standing, latest
from shared.clinical.toxicity import observe
from shared.contracts.dates import parse_dtc
from shared.contracts.facts import CohortAssignment, Dose, ReviewComplete, Subject, SubjectRecord

Standings = dict[str, list[Standing]]
_Span = tuple[date, date, tuple[datetime, datetime]]


def site_of(standing: Standings) -> str | None:
    """The subject's site: as the record of the subject says, or else any other."""
    return next(
        (
            entry.record.SITEID
            for kind in sorted(standing, key=lambda kind: (kind != "subject", kind))
            for one in standing[kind]
            for entry in one.entries
            if isinstance(entry.record, SubjectRecord) and entry.record.SITEID
        ),
        None,
    )


class Person:
    """A subject by the standing records that had happened by ``as_of``."""

    def __init__(
        self,
        protocol: Protocol,
        usubjid: str,
        standing: Standings,
        as_of: datetime,
        courses: Courses | None = None,
        clock: ZoneInfo | None = None,
    ) -> None:
        """``clock``: of a subject who has moved; else it is that of the site."""
        self.protocol, self.usubjid, self.as_of = protocol, usubjid, as_of
        self.site = site_of(standing)
        self.zone = clock or protocol.zone(self.site)
        self._courses = courses or Courses()
        self._standing = {
            kind: seen
            for kind, records in standing.items()
            # What was known had happened, in the usual case, without a look at its date.
            if (seen := [one for one in records if one.known_at <= as_of or self._seen(one)])
        }
        self.subject = next(
            (
                entry.record.SUBJID
                for one in standing.get("subject", [])
                for entry in one.entries
                if isinstance(entry.record, Subject)
            ),
            usubjid,
        )
        self.start_moved = False
        self.start = self._start(protocol.window.day_1_is_first_dose_of)
        self.assigned = assignment = self._assignment()
        self.part = assignment.part if assignment else "escalation"
        self.cohort = assignment.cohort_id if assignment else None
        self.dose_level = assignment.dose_level if assignment else None

    def _seen(self, standing: Standing) -> bool:
        return any(entry.seen(self.as_of, self.zone) for entry in standing.entries)

    def of(self, kind: str) -> list[Standing]:
        """The standing records of a kind that had happened."""
        return self._standing.get(kind, [])

    def _assignment(self) -> CohortAssignment | None:
        """The assignment of the first dose. Where records up to that day differ about it, a part
        that is counted and the lowest dose, which speaks about every dose above;
        ``assignment_doubt`` says so. Before a dose is given the first assignment counts."""
        dated = [
            (min(entry.dates(self.zone)[0] for entry in one.entries), one)
            for one in self.of("cohort_assignment")
        ]
        until = min((day for day, _ in dated), default=date.min)
        until = max(until, self.start.last) if self.start else until
        records = [
            entry.record
            for day, one in dated
            if day <= until
            for entry in one.entries
            if isinstance(entry.record, CohortAssignment)
        ]
        self.assignment_doubt = len({(one.part, one.dose_level) for one in records}) > 1
        counted = self.protocol.counted_parts
        return min(
            records,
            key=lambda one: (
                one.part not in counted,
                one.part,
                one.dose_level or 999,
                one.cohort_id,
            ),
            default=None,
        )

    def _start(self, treatment: str) -> FirstDose | None:
        """The first dose. One that becomes known on a later day than doses after it would move the
        window away from what has been seen: without reason or person treatment may have begun on
        either day (``start_moved``)."""
        spans = self._given_spans(treatment)
        if not spans:
            return None
        first, record = min(spans, key=lambda one: one[0])
        come = self._came(record)
        before = [span for span, other in spans if self._came(other) < come]
        earlier = min(before, default=first)
        if earlier[0] <= first[1] or all(entry.attributed for entry in record.entries):
            return FirstDose(*first)
        self.start_moved = True
        return FirstDose(first[0], earlier[1], (first[2][0], earlier[2][1]))

    def _came(self, record: Standing) -> date:
        """The local day a record was first known."""
        known = min(entry.fact.known_at for entry in record.versions)
        return known.astimezone(self.zone).date()

    def _first_dose_of(self, treatment: str, cycle: int | None = None) -> FirstDose | None:
        """The first dose (of a cycle); any of the days it may have been where its record
        contradicts itself."""
        spans = [span for span, _ in self._given_spans(treatment, cycle)]
        return FirstDose(*min(spans)) if spans else None

    def _given_spans(
        self, treatment: str, cycle: int | None = None
    ) -> list[tuple[_Span, Standing]]:
        """The days and instants each dose record may mean that says it was given."""
        spans = []
        for one in self.of("dose"):
            whens = [
                entry.when(self.zone)
                for entry in one.entries
                if isinstance(entry.record, Dose)
                and treatment == entry.record.ECTRT
                and entry.record.ECOCCUR == "Y"
                and cycle in (None, entry.record.cycle)
            ]
            if whens:
                begin, end = min(when.first for when in whens), max(when.last for when in whens)
                from_, until = zip(*(when.moment for when in whens), strict=True)
                spans.append(((begin, end, (min(from_), max(until))), one))
        return spans

    def first_doses(self) -> Iterator[Entry]:
        """The records of the first dose that starts the window."""
        for one in self.of("dose"):
            for entry in one.entries:
                dose = entry.record
                assert isinstance(dose, Dose)
                given = dose.ECOCCUR == "Y" and self.start is not None
                starts = given and self.protocol.window.day_1_is_first_dose_of == dose.ECTRT
                if starts and self.start and entry.dates(self.zone)[0] == self.start.first:
                    yield entry

    @property
    def is_provisional(self) -> bool:
        """Whether a record is unsigned or queried at its source, where the protocol minds."""
        minded = self.protocol.completeness.provisional_while
        standing = chain.from_iterable(self._standing.values() if minded else ())
        stated = {entry.status for one in standing for entry in one.entries}
        return not stated.isdisjoint(minded)

    def panels(self) -> Iterator[Panel]:
        """Everything measured, graded, panel by panel."""
        return self._courses.panels(self.protocol, self.zone, self.start, self._standing)

    def graded(self) -> Iterator[Graded]:
        """Per record the answers of each content that stands of it."""
        return (contents for panel in self.panels() for contents in panel.graded.values())

    def measurements(self) -> Measurements:
        """Everything measured, with what it is graded against."""
        protocol = self.protocol
        return Measurements(
            protocol.ctcae, self.zone, self.start, self._standing, protocol.worst_case
        )

    def reported(self, measured: Mapping[str, Course] | None = None) -> dict[str, Course]:
        """What was reported of a treated subject, by term, beside what was ``measured``."""
        assert self.start is not None
        events = self.of("adverse_event")
        reported = self._courses.reported(self.protocol, self.zone, self.start, events)
        return observe(self.zone, measured or {}, reported, self.of("disposition"), self.start)

    def case(self) -> Case:
        """What the DLT rules may ask."""
        assert self.start is not None
        complete: dict[str, date] = {}
        for one in self.of("review_complete"):
            for domain, through in self._stated_complete(one).items():
                complete[domain] = max(through, complete.get(domain, through))
        measurements = self.measurements()
        measured = self._courses.of(self.protocol, self.zone, self.start, self._standing)
        return Case(
            protocol=self.protocol,
            zone=self.zone,
            as_of=self.as_of,
            start=self.start,
            window=self._window(self.start),
            windows={name: self._spans(name) for name in self.protocol.windows},
            observations=self.reported(measured.course),
            measurements=measurements,
            doubtful={entry for entry, doubt in measured.doubtful.items() if doubt.of_value},
            asked=measured.asked,
            labs=self.of("lab"),
            events=self.of("adverse_event"),
            doses=self.of("dose"),
            concomitants=self.of("concomitant"),
            dispositions=self.of("disposition"),
            reviews=self.of("review_complete"),
            complete=complete,
            assigned=self.assigned,
        )

    def _window(self, start: FirstDose) -> tuple[date, date]:
        """The DLT window, to its longest while the dose that ends its extension is not given."""
        rule = self.protocol.window
        last = start.last + timedelta(days=rule.offset(rule.last_day))
        extension = rule.extended_to_first_dose
        if extension is not None:
            longest = start.last + timedelta(days=rule.offset(extension.at_most_day))
            dose = self._first_dose_of(extension.of, extension.cycle)
            last = max(last, min(longest, dose.last)) if dose else longest
        return start.first, last

    def _spans(self, name: str) -> Spans:
        """The stretches of a named window; none while its treatment has not begun."""
        rule = self.protocol.windows[name]
        start = self._first_dose_of(rule.day_1_is_first_dose_of)
        if start is None:
            return ()
        return tuple(
            (
                start.first + timedelta(days=days.first_day - 1),
                start.last + timedelta(days=days.last_day - 1),
            )
            for days in rule.days
        )

    def _stated_complete(self, one: Standing) -> dict[str, date]:
        """How far one record states each domain complete: the least of what it may say, and not
        beyond the day it was stated."""
        stated: dict[str, date] = {}
        for entry in one.entries:
            record = entry.record
            assert isinstance(record, ReviewComplete)
            through = min(
                parse_dtc(record.complete_through).local_dates(self.zone)[0],
                entry.fact.known_at.astimezone(self.zone).date(),
            )
            stated[record.domain] = min(through, stated.get(record.domain, through))
        return stated

    def known(self, *kinds: str) -> datetime | None:
        """When the last record of these kinds was known."""
        return latest([entry for kind in kinds for one in self.of(kind) for entry in one.entries])
