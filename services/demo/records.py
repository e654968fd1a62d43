"""What the sources state about one subject: SDTM records in envelopes, each with when it was known.

The site enters a day's doses, events and assessments in the afternoon; the laboratory sends its
results then too. A subject's completion form follows late on the last day of the window.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.demo import STUDY
from services.demo.laboratory import Sample
from services.demo.table import CUT_OFF, CYCLE_DAYS, Row
from services.demo.toxicity import Toxicity

Event = dict[str, Any]

EDC = "urn:edc:demo"
LABORATORY = "urn:lab:demo"
ZONE = ZoneInfo("Asia/Shanghai")
AFTERNOON = time(16)
LATE = time(23, 30)
WINDOW_DAYS = 21
ANLOTINIB_DAYS = 14


def usubjid(subject: str) -> str:
    """The subject's identifier across studies."""
    return f"{STUDY}-{subject}"


def event(
    kind: str,
    source: str,
    recordid: str,
    known: datetime,
    data: Event,
    *,
    revision: int = 1,
    reason: str | None = None,
) -> Event:
    """One CloudEvent of the contract; ``data`` without the common keys."""
    about = data.get("USUBJID", STUDY)
    moment = known.isoformat()
    envelope: Event = {
        "specversion": "1.0",
        "id": f"{recordid}/{revision}",
        "source": source,
        "type": f"vigil.{kind}.v1",
        "time": moment,
        "knowntime": moment,
        "subject": about,
        "studyid": STUDY,
        "recordid": recordid,
        "revision": revision,
    }
    if reason is not None:
        envelope["reason"] = reason
    return {**envelope, "data": {"STUDYID": STUDY, **data}}


def at(day: date, clock: time = AFTERNOON) -> datetime:
    """A site-local moment."""
    return datetime.combine(day, clock, ZONE)


def subject_events(row: Row, events: tuple[Toxicity, ...], samples: list[Sample]) -> list[Event]:
    """Everything the sources ever state about one subject, up to the trial's cut-off."""
    return [*_Course(row).all(events, samples)]


class _Course:
    """One subject's records, each known on the day it happened."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._who = {"USUBJID": usubjid(row.subject), "SITEID": "01"}

    def all(self, events: tuple[Toxicity, ...], samples: list[Sample]) -> Iterator[Event]:
        yield from self._enrolment()
        yield from self._doses()
        yield from (self._lab(sample) for sample in samples)
        for number, toxicity in enumerate(events, start=1):
            yield from self._adverse_event(number, toxicity)
        yield from self._responses()
        if self.row.on(self.row.off_treatment) <= CUT_OFF:
            yield self._disposition()
        if self.row.part == "escalation":
            yield self._completion()

    def _record(
        self,
        kind: str,
        name: str,
        known: datetime,
        data: Event,
        *,
        source: str = EDC,
        revision: int = 1,
        reason: str | None = None,
    ) -> Event:
        recordid = f"{self.row.subject}/{name}"
        data = {**self._who, **data}
        return event(kind, source, recordid, known, data, revision=revision, reason=reason)

    def _enrolment(self) -> Iterator[Event]:
        row = self.row
        assigned = row.first_dose - timedelta(days=1)
        consent = row.first_dose - timedelta(days=3)
        yield self._record(
            "subject",
            "DM",
            at(assigned),
            {
                "SUBJID": row.subject,
                "RFICDTC": consent.isoformat(),
                "AGE": row.age,
                "COUNTRY": "CHN",
                "ECOG": str(row.ecog),
                "PRIORLIN": str(row.prior_lines),
                "PRIORICI": row.prior_ici,
                "BSA": row.bsa_m2,
                "SYNTH": "Y",
            },
        )
        yield self._record(
            "cohort_assignment",
            "COHORT",
            at(assigned),
            {
                "cohort_id": row.cohort,
                "assigned_dtc": assigned.isoformat(),
                "dose_level": row.dose_level,
                "planned_dose": row.lvgn_mg,
                "dose_unit": "mg",
                "part": row.part,
            },
        )
        yield self._record(
            "vital",
            "VS/WEIGHT",
            at(assigned),
            {
                "VSTESTCD": "WEIGHT",
                "VSDTC": assigned.isoformat(),
                "VSORRES": row.weight_kg,
                "VSORRESU": "kg",
            },
        )

    def _doses(self) -> Iterator[Event]:
        row = self.row
        anlotinib = str(row.anlotinib_mg * ANLOTINIB_DAYS)
        for cycle in range(1, row.cycles + 1):
            first = (cycle - 1) * CYCLE_DAYS + 1
            last = first + ANLOTINIB_DAYS - 1
            given = row.on(first)
            yield self._record(
                "dose",
                f"EC/LVGN6051/C{cycle}",
                at(given),
                {
                    "ECTRT": "LVGN6051",
                    "ECOCCUR": "Y",
                    "ECSTDTC": f"{given}T10:00",
                    "ECDOSE": row.lvgn_mg,
                    "ECDOSU": "mg",
                    "planned_dtc": given.isoformat(),
                    "planned_dose": row.lvgn_mg,
                    "cycle": cycle,
                    "cycle_day": 1,
                },
            )
            yield self._record(
                "dose",
                f"EC/ANLOTINIB/C{cycle}",
                at(row.on(last)),
                {
                    "ECTRT": "ANLOTINIB",
                    "ECOCCUR": "Y",
                    "ECSTDTC": given.isoformat(),
                    "ECENDTC": row.on(last).isoformat(),
                    "ECDOSE": anlotinib,
                    "ECDOSU": "mg",
                    "planned_dose": anlotinib,
                    "cycle": cycle,
                    "cycle_day": 1,
                },
            )

    def _lab(self, sample: Sample) -> Event:
        assay, taken = sample.assay, self.row.on(sample.day)
        visit = _visit(sample.day)
        data = {
            "LBTESTCD": assay.code,
            "LBSPEC": assay.specimen,
            "LBDTC": f"{taken}T08:30",
            "LBORRES": sample.result,
            "LBORRESU": assay.unit,
            "LBORNRLO": assay.low,
            "LBORNRHI": assay.high,
            "VISIT": visit,
        }
        if sample.day == 1:
            data["LBLOBXFL"] = "Y"
        name = f"LB/{visit}/{assay.code}"
        return self._record("lab", name, at(taken), data, source=LABORATORY)

    def _adverse_event(self, number: int, toxicity: Toxicity) -> Iterator[Event]:
        began = self.row.on(toxicity.day)
        over = began + timedelta(days=toxicity.days)
        name = f"AE/{number}"
        data = {
            "AETERM": toxicity.term,
            "AEDECOD": toxicity.term,
            "AETOXGR": str(toxicity.grade),
            "AESTDTC": began.isoformat(),
            "AESER": "N",
            "AEREL": "RELATED",
            "AEOUT": "NOT RECOVERED/NOT RESOLVED",
            "AEENRTPT": "ONGOING",
        }
        yield self._record("adverse_event", name, at(began), data)
        yield from self._sign(toxicity, began)
        del data["AEENRTPT"]
        data |= {"AEENDTC": over.isoformat(), "AEOUT": "RECOVERED/RESOLVED"}
        yield self._record(
            "adverse_event", name, at(over), data, revision=2, reason="Event resolved"
        )

    def _sign(self, toxicity: Toxicity, day: date) -> Iterator[Event]:
        """The measurement behind an event that has no laboratory curve."""
        if toxicity.code == "HTN":
            data = {"VSTESTCD": "SYSBP", "VSDTC": f"{day}T09:00", "VSORRES": "168"}
            data["VSORRESU"] = "mmHg"
            yield self._record("vital", f"VS/{day}/SYSBP", at(day), data)
        if toxicity.code == "TRIG":
            data = {"LBTESTCD": "TRIG", "LBDTC": f"{day}T08:30", "LBORRES": "6.4"}
            data |= {"LBORRESU": "mmol/L", "LBORNRHI": "1.7", "LBSPEC": "SERUM"}
            name = f"LB/{_visit(toxicity.day)}/TRIG"
            yield self._record("lab", name, at(day), data, source=LABORATORY)

    def _responses(self) -> Iterator[Event]:
        """An assessment at the end of cycle 2 and after each fourth cycle; none before that."""
        row = self.row
        if row.response == "NE":
            return
        for cycle in [2, *range(4, row.cycles + 1, 4)]:
            # A partial response of a long course is seen at the second assessment.
            early = row.response == "PR" and cycle == 2 and row.cycles >= 4
            day = row.on(cycle * CYCLE_DAYS)
            data = {
                "RSTESTCD": "OVRLRESP",
                "RSCAT": "RECIST 1.1",
                "RSDTC": day.isoformat(),
                "RSORRES": "SD" if early else row.response,
            }
            yield self._record("tumour_response", f"RS/C{cycle}", at(day), data)

    def _disposition(self) -> Event:
        row = self.row
        day = row.on(row.off_treatment)
        known_response = row.response != "NE"
        data = {
            "DSDECOD": "PROGRESSIVE DISEASE" if known_response else "PHYSICIAN DECISION",
            "DSSCAT": "STUDY TREATMENT",
            "DSSTDTC": day.isoformat(),
        }
        return self._record("disposition", "DS", at(day), data)

    def _completion(self) -> Event:
        day = self.row.on(WINDOW_DAYS)
        data = {"domain": "ALL", "complete_through": day.isoformat()}
        return self._record("review_complete", "CYCLE1", at(day, LATE), data)


def _visit(day: int) -> str:
    cycle, before = divmod(day - 1, CYCLE_DAYS)
    return f"C{cycle + 1}D{before + 1}"
