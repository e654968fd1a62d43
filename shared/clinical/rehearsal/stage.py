"""Where a case is told: each word of ``given`` is a method here, and leaves facts behind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.clinical.protocol import Protocol, load_protocol
from shared.clinical.rehearsal.case import DAY_1, day, moment
from shared.contracts.envelope import Fact, fact_from, read_event
from shared.contracts.reader import Refused
from shared.document import read_yaml, write_yaml

_RANGES = {
    "PLAT": ("10^9/L", "125", "350"),
    "NEUT": ("10^9/L", "1.8", "7.5"),
    "WBC": ("10^9/L", "4.0", "10.0"),
    "HGB": ("g/L", "120", "170"),
    "AST": ("U/L", "8", "40"),
    "ALT": ("U/L", "7", "40"),
    "BILI": ("umol/L", "3", "20"),
    "ALP": ("U/L", "40", "120"),
    "LIPASE": ("U/L", "10", "60"),
    "CREAT": ("umol/L", "60", "110"),
}
"""Unit and range a result has where the case does not say another."""

_COHORT = re.compile(r"([1-9]\d*)([NTP]+)")
_NO_DIGEST = "sha256:" + "0" * 64
_PLANNED = "100"


class Stage:
    """A trial under one protocol document, with everything told so far as ``facts``."""

    def __init__(self, document: str, changes: Mapping[str, Any] | None = None) -> None:
        self._document = changed(document, changes or {})
        self.protocol: Protocol = load_protocol(self._document)
        self.facts: list[Fact] = []
        self._zone = self.protocol.zone()
        self._named: dict[str, Fact] = {}
        self._seen: dict[int, int] = {}
        self._level = 0
        self._until = DAY_1
        self._protocol_of(self._document, 1, self._at(DAY_1 - timedelta(days=60)))

    def tell(self, given: Iterable[Mapping[str, Any]]) -> None:
        """Take in the steps of a case; ValueError names the first that says nothing known."""
        for number, step in enumerate(given, start=1):
            try:
                self._tell(dict(step))
            except Refused as refused:
                first = refused.problems[0]
                raise ValueError(f"step {number}: {first.pointer}: {first.detail}") from None
            except (ValueError, TypeError) as wrong:
                raise ValueError(f"step {number}: {wrong}") from None

    def _tell(self, step: dict[str, Any]) -> None:
        name = step.pop("as", None)
        if len(step) != 1:
            raise ValueError("say one thing a step (with `as` beside it)")
        ((word, said),) = step.items()
        method = getattr(self, word, None) if word in WORDS else None
        if method is None:
            raise ValueError(f"{word!r} is none of {', '.join(WORDS)}")
        how = dict(said) if isinstance(said, dict) else {}
        values = () if isinstance(said, dict) else (said,)
        bound = inspect.signature(method).bind(*values, **how)
        fact = method(*bound.args, **bound.kwargs)
        if name is not None:
            self._named[name] = fact

    # -- subjects ----------------------------------------------------------------------------------

    def enrol(self, subject: str, level: int = 1, day: int = 1, **how: Any) -> None:
        """Consent, assignment, first dose; ``part``, ``cohort`` and ``site`` as needed."""
        begins = _date(day)
        site = {"SITEID": how.pop("site")} if "site" in how else {}
        cohort, part = how.pop("cohort", str(level)), how.pop("part", "escalation")
        _nothing_else(how)
        before = begins - timedelta(days=7)
        dm = {"SUBJID": subject, "RFICDTC": str(before), **site}
        self._add("subject", dm, f"{subject}/DM", self._at(before), subject)
        given = {"cohort_id": str(cohort), "dose_level": level, "part": part}
        given["assigned_dtc"] = str(begins)
        self._add("cohort_assignment", given, f"{subject}/COHORT", self._at(begins, 8), subject)
        self.dose(subject, day)

    def clean(self, subjects: list[str], level: int = 1, day: int = 1) -> None:
        """Subjects who complete their window without anything."""
        for subject in subjects:
            self.enrol(subject, level, day)
            self.complete(subject, day)

    def complete(self, subject: str, day: int = 1, known: str | None = None) -> None:
        """Everything of cycle 1: full doses, records complete, the next cycle on time."""
        window = self.protocol.window
        for treatment in self.protocol.evaluability.treatments:
            if treatment != window.day_1_is_first_dose_of:
                self.dose(subject, day, treatment)
        last = day + window.offset(window.last_day)
        told = self._moment(known) if known else self._at(_date(last), 23, 30)
        body = {"domain": "ALL", "complete_through": str(_date(last))}
        self._add("review_complete", body, f"{subject}/COMPLETE", told, subject)
        for treatment, cycle, planned in self._next_doses():
            self.dose(subject, day + window.offset(planned), treatment, cycle)

    def _next_doses(self) -> set[tuple[str, int, int]]:
        """Treatment, cycle and planned day of the doses that the protocol waits for."""
        waited = [rule.delay for rule in self.protocol.dlt.criteria if rule.delay is not None]
        found = {(one.treatment, one.cycle, one.planned_day) for one in waited}
        rule = self.protocol.next_dose
        if rule is not None:
            found.add((rule.treatment, rule.cycle, rule.planned_day))
        window = self.protocol.window
        return found or {(window.day_1_is_first_dose_of, 2, window.last_day + 1)}

    def outcomes(self, text: str) -> None:
        """Cohorts in the notation ``1NNN 2NT``, one after the other: N completed without a DLT, T a
        DLT confirmed by a person, P still in the window on the last day. A cohort at another level
        follows a committee record that says so."""
        window = self.protocol.window
        start = 1
        for word in str(text).split():
            match = _COHORT.fullmatch(word)
            if match is None:
                raise ValueError(f"{word!r} is no cohort: a dose level, then letters N, T or P")
            level, letters = int(match[1]), match[2]
            self._move(level, start)
            start = self._cohort(level, letters, start) + window.offset(window.last_day) + 1
        self._until = _date(start - 1)

    def _move(self, level: int, number: int) -> None:
        if self._level and level != self._level:
            action = "escalate" if level > self._level else "deescalate"
            self.decide(action, level, f"day {number} 07:00", lifts_hold=action == "deescalate")
        self._level = level

    def _cohort(self, level: int, letters: str, start: int) -> int:
        """Enrol a cohort, the next subject after the sentinel gap; the last first dose."""
        gap = self.protocol.sentinel.gap_days if self.protocol.sentinel else 0
        every = (
            self.protocol.sentinel is not None and self.protocol.sentinel.after != "first_at_level"
        )
        for index, letter in enumerate(letters):
            number = self._seen[level] = self._seen.get(level, 0) + 1
            begins = start + gap * (index if every else min(index, 1))
            subject = f"{level}-{number:02}"
            self.enrol(subject, level, begins)
            if letter == "N":
                self.complete(subject, begins)
            if letter == "T":
                self.review(subject, "DLT", f"day {begins + 1}")
        return begins

    def left(self, subject: str, reason: str, day: int, known: str | None = None) -> Fact:
        """The subject leaves the study."""
        body = {"DSDECOD": reason, "DSSTDTC": str(_date(day)), "DSSCAT": "STUDY PARTICIPATION"}
        return self.record("disposition", subject, known or f"day {day}", **body)

    # -- what is given and found -------------------------------------------------------------------

    def dose(
        self, subject: str, day: int, treatment: str | None = None, cycle: int = 1,
        given: str = _PLANNED, **data: Any,
    ) -> Fact:  # fmt: skip
        """A planned dose of 100, with what was given of it."""
        name = treatment or self.protocol.window.day_1_is_first_dose_of
        known = data.pop("known", f"day {day} 10:00")
        body = {
            "ECTRT": name,
            "ECOCCUR": "N" if str(given) == "0" else "Y",
            "ECSTDTC": str(_date(day)),
            "ECDOSE": str(given),
            "planned_dose": _PLANNED,
            "cycle": cycle,
            **data,
        }
        recordid = f"{subject}/EX/{name}/{cycle}/{_date(day)}"
        return self._add("dose", body, recordid, self._moment(known), subject)

    def treatment(
        self, subject: str, name: str, category: str, begins: int, ends: int | None = None,
        **data: Any,
    ) -> Fact:  # fmt: skip
        """A concomitant treatment on days ``begins`` to ``ends``."""
        over = {} if ends is None else {"CMENDTC": str(_date(ends))}
        body = {"CMTRT": name, "category": category, "CMSTDTC": str(_date(begins)), **over}
        known = data.pop("known", f"day {begins}")
        return self._add(
            "concomitant", {**body, **data}, f"{subject}/CM/{name}/{begins}",
            self._moment(known), subject,
        )  # fmt: skip

    def lab(self, subject: str, test: str, result: str | int, taken: str, **data: Any) -> Fact:
        """One result, in the usual unit with the usual range."""
        when = moment(taken, self._zone, 8)
        known = data.pop("known", f"day {(when.date() - DAY_1).days + 1}")
        unit, low, high = _RANGES.get(test, (None, None, None))
        body = {
            "LBTESTCD": test,
            "LBDTC": when.strftime("%Y-%m-%dT%H:%M"),
            "LBORRES": str(result),
            "LBORRESU": unit,
            "LBORNRLO": low,
            "LBORNRHI": high,
            **data,
        }
        recordid = f"{subject}/LB/{test}/{when.date()}"
        return self._add("lab", body, recordid, self._moment(known), subject)

    def vital(self, subject: str, test: str, result: str, unit: str, taken: str) -> Fact:
        """One vital sign."""
        body = {"VSTESTCD": test, "VSORRES": str(result), "VSORRESU": unit}
        return self._measured("vital", "VS", body, subject, taken)

    def ecg(self, subject: str, test: str, result: str, taken: str, unit: str = "ms") -> Fact:
        """One ECG reading."""
        body = {"EGTESTCD": test, "EGORRES": str(result), "EGORRESU": unit}
        return self._measured("ecg", "EG", body, subject, taken)

    def _measured(self, kind: str, domain: str, body: Any, subject: str, taken: str) -> Fact:
        when = moment(taken, self._zone, 8)
        body[f"{domain}DTC"] = when.strftime("%Y-%m-%dT%H:%M")
        name = f"{subject}/{domain}/{body[f'{domain}TESTCD']}/{body[f'{domain}DTC']}"
        return self._add(kind, body, name, when + timedelta(hours=1), subject)

    def event(self, subject: str, term: str, grade: int, onset: str | int, **data: Any) -> Fact:
        """An adverse event by CTCAE term, related unless said otherwise. ``ends`` is a day;
        ``grade_from_day`` maps days to later grades."""
        began = str(_date(int(onset))) if str(onset).isdigit() else str(onset)
        known = data.pop("known", f"day {onset if str(onset).isdigit() else 21}")
        ends = data.pop("ends", data.pop("AEENDTC", None))
        changes = data.pop("grade_from_day", {})
        body = {
            "AETERM": term, "AEDECOD": term, "AESTDTC": began, "AESER": "N",
            "AETOXGR": str(grade),
            "AEREL": data.pop("related", self.protocol.attribution.related[0]),
            **({"AEENDTC": str(_date(ends))} if ends else {}),
            "grade_changes": [
                {"dtc": str(_date(number)), "grade": str(to)} for number, to in changes.items()
            ],
        }  # fmt: skip
        recordid = data.pop("recordid", f"{subject}/AE/{term}")
        return self._add("adverse_event", {**body, **data}, recordid, self._moment(known), subject)

    # -- people's acts, and any other record -------------------------------------------------------

    def review(self, subject: str, decision: str, known: str, **data: Any) -> Fact:
        """A named person's judgement, on the first criterion unless ``criterion`` says another."""
        at = self._moment(known)
        criterion = data.pop("criterion", self.protocol.dlt.criteria[0].id)
        body = {
            "decision": decision, "decided_dtc": str(at.date()), "criterion_id": criterion,
            "assessment_digest": _NO_DIGEST, **data,
        }  # fmt: skip
        name = f"{subject}/REVIEW/{criterion}/{at.isoformat()}"
        return self._add("dlt_review", body, name, at, subject, actor="medical monitor")

    def decide(self, action: str, level: int, known: str, **data: Any) -> Fact:
        """A committee's record."""
        at = self._moment(known)
        body = {
            "action": action, "decided_dtc": str(at.date()), "dose_level": level,
            "assessment_digest": _NO_DIGEST, **data,
        }  # fmt: skip
        return self._add("decision", body, f"decision/{at.isoformat()}", at, actor="chair")

    def amend(self, known: str, protocol: Mapping[str, Any]) -> Fact:
        """Another version of the protocol from here on."""
        return self._protocol_of(changed(self._document, protocol), 2, self._moment(known))

    def record(self, kind: str, subject: str, known: str, **data: Any) -> Fact:
        """Any record, as the event contract has it."""
        how = {key: data.pop(key) for key in ("revision", "reason") if key in data}
        recordid = data.pop("recordid", f"{subject}/{kind}/{len(self.facts)}")
        return self._add(kind, data, recordid, self._moment(known), subject, **how)

    def revise(self, record: str, known: str, reason: str | None = None, **data: Any) -> Fact:
        """The next revision of a named record."""
        old = self._record_of(record)
        body = {**(old.data or {}), **data}
        self._named[record] = self._add(
            old.kind, body, old.recordid, self._moment(known), self._code(old),
            revision=(old.revision or 0) + 1, reason=reason,
        )  # fmt: skip
        return self._named[record]

    def delete(self, record: str, known: str) -> Fact:
        """A named record was entered in error."""
        old = self._record_of(record)
        return self._add(
            old.kind, None, old.recordid, self._moment(known), self._code(old),
            revision=(old.revision or 0) + 1, reason="entered in error",
        )  # fmt: skip

    def again(self, record: str) -> None:
        """A named record arrives a second time."""
        self.facts.append(self._record_of(record))

    def _record_of(self, name: str) -> Fact:
        if name not in self._named:
            raise ValueError(f"no record is named {name!r}: name it with `as`")
        return self._named[name]

    # -- facts -------------------------------------------------------------------------------------

    @property
    def last(self) -> date:
        """The last day told."""
        told = max(fact.known_at.astimezone(self._zone).date() for fact in self.facts)
        return max(told, self._until)

    def _moment(self, text: str | int) -> datetime:
        return moment(text, self._zone)

    def _at(self, when: date, hour: int = 15, minute: int = 0) -> datetime:
        return datetime(when.year, when.month, when.day, hour, minute, tzinfo=self._zone)

    def _code(self, fact: Fact) -> str:
        return fact.subject.removeprefix(f"{self.protocol.study}-")

    def _protocol_of(self, document: str, revision: int, known: datetime) -> Fact:
        body = {"version": str(revision), "document": document}
        return self._add("protocol", body, "protocol", known, revision=revision)

    def _add(
        self, kind: str, data: Mapping[str, Any] | None, recordid: str, known: datetime,
        subject: str | None = None, revision: int = 1, **envelope: Any,
    ) -> Fact:  # fmt: skip
        study = self.protocol.study
        who = {"USUBJID": f"{study}-{subject}"} if subject else {}
        event, _ = read_event(
            {
                "specversion": "1.0",
                "id": f"{recordid}#{revision}#{len(self.facts)}",
                "source": "urn:case",
                "type": f"vigil.{kind}.v1",
                "time": known.isoformat(),
                "subject": who.get("USUBJID", study),
                "studyid": study,
                "recordid": recordid,
                "revision": revision,
                "op": "delete" if data is None else "upsert",
                "data": {"STUDYID": study, **who, **(data or {})},
                **{key: value for key, value in envelope.items() if value},
            }
        )
        self.facts.append(fact_from(event, known.astimezone(UTC)))
        return self.facts[-1]


WORDS = (
    "outcomes", "enrol", "clean", "complete", "left", "dose", "treatment", "lab", "vital", "ecg",
    "event", "review", "decide", "amend", "record", "revise", "delete", "again",
)  # fmt: skip


def changed(document: str, changes: Mapping[str, Any]) -> str:
    """A document with some values changed: dotted path to value."""
    if not changes:
        return document
    value = read_yaml(document).value
    for path, said in changes.items():
        *parents, last = path.split(".")
        place = value
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place[parent]
        place[int(last) if isinstance(place, list) else last] = said
    return write_yaml(value)


def _date(number: int | str) -> date:
    return day(number)


def _nothing_else(how: Mapping[str, Any]) -> None:
    if how:
        raise ValueError(f"{', '.join(how)} is not known here")
