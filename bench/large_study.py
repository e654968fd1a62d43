"""A synthetic study of the size the aims speak of: 60 subjects and 100,000 facts, from a seed.

Twenty-four subjects in the escalation, the others in a part that is not counted; visits three times
a week with 24 laboratory tests, vital signs, doses, events, a few corrections, deletions, late
results, judgements and decisions. In the order in which it became known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from services.demo.records import EDC, LABORATORY, ZONE, event, usubjid

SUBJECTS = 60
FACTS = 100_000
COUNTED = 24
MEETINGS = 6
"""Of the committee; a last one, with the last record, lifts whatever holds."""
DAY_1 = date(2024, 1, 8)
CYCLE = timedelta(days=21)

Record = dict[str, Any]

ASSAYS: tuple[tuple[str, str, str, float, float, int], ...] = (
    ("PLAT", "BLOOD", "10^9/L", 125, 350, 0),
    ("NEUT", "BLOOD", "10^9/L", 1.8, 6.3, 1),
    ("WBC", "BLOOD", "10^9/L", 3.5, 9.5, 1),
    ("HGB", "BLOOD", "g/L", 115, 150, 0),
    ("LYM", "BLOOD", "10^9/L", 1.1, 3.2, 1),
    ("EOS", "BLOOD", "10^9/L", 0.02, 0.52, 2),
    ("AST", "SERUM", "U/L", 13, 40, 0),
    ("ALT", "SERUM", "U/L", 7, 50, 0),
    ("ALP", "SERUM", "U/L", 45, 125, 0),
    ("GGT", "SERUM", "U/L", 10, 60, 0),
    ("BILI", "SERUM", "umol/L", 3.4, 20.5, 1),
    ("ALB", "SERUM", "g/L", 40, 55, 0),
    ("CREAT", "SERUM", "umol/L", 57, 97, 0),
    ("UREAN", "SERUM", "mmol/L", 3.1, 8.0, 1),
    ("SODIUM", "SERUM", "mmol/L", 137, 147, 0),
    ("K", "SERUM", "mmol/L", 3.5, 5.3, 1),
    ("CA", "SERUM", "mmol/L", 2.11, 2.52, 2),
    ("MG", "SERUM", "mmol/L", 0.75, 1.02, 2),
    ("PHOS", "SERUM", "mmol/L", 0.85, 1.51, 2),
    ("GLUC", "SERUM", "mmol/L", 3.9, 6.1, 1),
    ("CHOL", "SERUM", "mmol/L", 2.8, 5.2, 1),
    ("TRIG", "SERUM", "mmol/L", 0.4, 1.7, 1),
    ("LIPASE", "SERUM", "U/L", 13, 60, 0),
    ("AMYLASE", "SERUM", "U/L", 35, 135, 0),
)
VITALS = (("SYSBP", "mmHg", 105, 138), ("DIABP", "mmHg", 62, 86), ("TEMP", "C", 36.1, 37.4))
EVENTS = ("Nausea", "Fatigue", "Diarrhea", "Headache", "Epistaxis", "Rash maculo-papular")


def records(subjects: int = SUBJECTS, facts: int = FACTS, seed: int = 1) -> list[Record]:
    """So many CloudEvents of so many subjects, ordered by ``knowntime``; each subject has as many
    visits as that takes."""
    random = Random(seed)
    found: list[Record] = []
    share = facts // subjects
    for number in range(subjects):
        found += _Course(random, number).records(share)
    found += _acts(random, min(COUNTED, subjects))
    found.sort(key=lambda one: (one["knowntime"], one["source"], one["id"]))
    found = found[: facts - 1]
    return [*found, _meeting(MEETINGS, datetime.fromisoformat(found[-1]["knowntime"]))]


class _Course:
    """One subject's records. Three subjects begin every three weeks."""

    def __init__(self, random: Random, number: int) -> None:
        self._random = random
        self._code = f"{number // 3 + 1}-{number % 3 + 1:02d}"
        self._first = DAY_1 + number // 3 * CYCLE
        self._counted = number < COUNTED
        self._level = min(number // 6 + 1, 4)
        self._bias = {assay[0]: random.uniform(0.3, 0.7) for assay in ASSAYS}

    def records(self, share: int) -> list[Record]:
        """About ``share`` records: the enrolment, then visits until there are enough."""
        found = [*self._enrolment()]
        visit = 0
        while len(found) < share:
            found += self._visit(visit)
            visit += 1
        return found

    def _record(
        self,
        kind: str,
        name: str,
        known: datetime,
        data: Record,
        revision: int = 1,
        reason: str | None = None,
    ) -> Record:
        who = {"USUBJID": usubjid(self._code), "SITEID": "01"}
        source = LABORATORY if kind == "lab" else EDC
        recordid = f"{self._code}/{name}"
        return event(
            kind, source, recordid, known, {**who, **data}, revision=revision, reason=reason
        )

    def _enrolment(self) -> Iterator[Record]:
        day = self._first
        consent = {"SUBJID": self._code, "RFICDTC": f"{day - timedelta(days=7)}", "AGE": 58}
        yield self._record("subject", "DM", _at(day - timedelta(days=7)), consent | {"SEX": "F"})
        part = "escalation" if self._counted else "expansion"
        cohort = {"cohort_id": part, "assigned_dtc": f"{day}", "part": part}
        yield self._record(
            "cohort_assignment", "CO", _at(day, 8), cohort | {"dose_level": self._level}
        )
        complete = {"domain": "ALL", "complete_through": f"{day + timedelta(days=20)}"}
        yield self._record("review_complete", "RC", _at(day + timedelta(days=20), 23), complete)

    def _visit(self, number: int) -> Iterator[Record]:
        day = self._first + timedelta(days=number * 7 // 3)
        if number % 9 == 0:
            yield from self._doses(number // 9 + 1, day)
        for assay in ASSAYS:
            yield from self._result(assay, number, day)
        for test, unit, low, high in VITALS:
            value = f"{self._random.uniform(low, high):.{1 if test == 'TEMP' else 0}f}"
            data = {"VSTESTCD": test, "VSDTC": f"{day}T09:00", "VSORRES": value, "VSORRESU": unit}
            yield self._record("vital", f"VS/{number}/{test}", _at(day), data)
        if self._random.random() < 0.3:
            yield from self._event(number, day)

    def _doses(self, cycle: int, day: date) -> Iterator[Record]:
        for treatment, amount in (("LVGN6051", "180"), ("ANLOTINIB", "112")):
            data = {
                "ECTRT": treatment,
                "ECOCCUR": "Y",
                "ECSTDTC": f"{day}T10:00",
                "ECDOSE": amount,
                "ECDOSU": "mg",
                "planned_dose": amount,
                "cycle": cycle,
                "cycle_day": 1,
            }
            yield self._record("dose", f"EC/{treatment}/{cycle}", _at(day, 12), data)

    def _result(
        self, assay: tuple[str, str, str, float, float, int], number: int, day: date
    ) -> Iterator[Record]:
        """One result; of a hundred one comes days late, one is corrected, of a thousand one is
        deleted and one corrected without a reason."""
        test, specimen, unit, low, high, digits = assay
        lot = self._random.random()
        centre = low + (high - low) * self._bias[test]
        value = max(0.0, self._random.gauss(centre, (high - low) / 5))
        if self._random.random() < 0.01:
            value = self._random.choice([low * 0.4, high * 2.5])
        data = {
            "LBTESTCD": test,
            "LBSPEC": specimen,
            "LBDTC": f"{day}T08:30",
            "LBORRES": f"{value:.{digits}f}",
            "LBORRESU": unit,
            "LBORNRLO": f"{low}",
            "LBORNRHI": f"{high}",
        }
        known = _at(day + timedelta(days=4 if lot < 0.01 else 0))
        name = f"LB/{number}/{test}"
        yield self._record("lab", name, known, data)
        later = known + timedelta(days=2)
        if 0.01 <= lot < 0.02:
            reason = "Transcription error" if lot < 0.019 else None
            changed = data | {"LBORRES": f"{centre:.{digits}f}"}
            yield self._record("lab", name, later, changed, revision=2, reason=reason)
        elif lot > 0.999:
            gone = self._record("lab", name, later, {}, revision=2, reason="Wrong subject")
            del gone["data"]["SITEID"]
            yield gone | {"op": "delete"}

    def _event(self, number: int, day: date) -> Iterator[Record]:
        term = self._random.choice(EVENTS)
        began = {
            "AETERM": term,
            "AEDECOD": term,
            "AETOXGR": str(self._random.choice([1, 1, 1, 2, 2, 3])),
            "AESTDTC": f"{day}",
            "AESER": "N",
            "AEREL": self._random.choice(["RELATED", "NOT RELATED"]),
        }
        over = day + timedelta(days=self._random.randint(1, 10))
        yield self._record("adverse_event", f"AE/{number}", _at(day), began)
        yield self._record(
            "adverse_event",
            f"AE/{number}",
            _at(over),
            began | {"AEENDTC": f"{over}"},
            revision=2,
            reason="Event resolved",
        )


def _acts(random: Random, counted: int) -> Iterator[Record]:
    """The committee meets after each cohort; some subjects are judged not to have had a DLT."""
    for number in range(MEETINGS):
        yield _meeting(number, _at(DAY_1 + (number + 1) * 2 * CYCLE, 18))
    for number in random.sample(range(counted), min(6, counted)):
        code = f"{number // 3 + 1}-{number % 3 + 1:02d}"
        day = DAY_1 + (number // 3 + 1) * CYCLE + timedelta(days=2)
        data = {
            "USUBJID": usubjid(code),
            "decision": "NOT_DLT",
            "decided_dtc": f"{day}",
            "criterion_id": "non-haematological-g3",
            "assessment_digest": "sha256:" + "0" * 64,
        }
        stated = event("dlt_review", EDC, f"{code}/REVIEW", _at(day, 17), data)
        yield stated | {"actor": "Monitor"}


def _meeting(number: int, known: datetime) -> Record:
    data = {
        "action": "escalate" if number < 3 else "stay",
        "dose_level": min(number + 2, 4),
        "decided_dtc": f"{known.date()}",
        "lifts_hold": True,
        "assessment_digest": "sha256:" + "0" * 64,
    }
    return event("decision", EDC, f"SRC/{number}", known, data) | {"actor": "Committee"}


def _at(day: date, hour: int = 16) -> datetime:
    return datetime.combine(day, time(hour), ZONE)
