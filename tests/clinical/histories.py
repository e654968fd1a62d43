"""Random lives of a small trial, one message at a time, as the monitor sees them.

The machine only tells: records in and out of order, corrections, deletions, restorations, moves,
reviews, decisions, amendments, and the passing of time. What must hold is in `test_histories`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from shared.clinical import Study, compare
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.signals import Signal
from tests.clinical.stories import DAY_1, STUDY, Trial, at, protocol_with

SUBJECTS = ("1-01", "1-02", "1-03", "1-04")
PLATELETS = ("180", "60", "43", "26", "25", "24", "<20", "haemolysed")
SITES = protocol_with(
    ("time_zone: Asia/Shanghai", "time_zone: Asia/Shanghai\nsites: {US: America/Los_Angeles}")
)
REASONS = st.sampled_from([None, None, "transcription error"])
CORRECTABLE = frozenset(
    {"lab", "adverse_event", "dose", "concomitant", "review_complete", "dlt_review"}
)


class Telling(RuleBasedStateMachine):
    """Tells one history. ``facts`` is what was accepted, ``told`` what the last step added."""

    def __init__(self) -> None:
        super().__init__()
        self.trial = Trial(SITES)
        self.now = at(DAY_1, 9)
        self.facts: list[Fact] = []
        self.told: list[Fact] = []
        self.study = Study(STUDY)
        self.standing: list[Signal] = []
        self.sent: list[Signal] = []
        self.tell(self.trial.facts[0])
        self.after = self.study.assess(as_of=self.now)
        self.look()

    # -- what is told -----------------------------------------------------------------------------

    @initialize(number=st.integers(1, 3))
    def start(self, number: int) -> None:
        """Subjects are dosed on the first day."""
        self.step()
        for subject in SUBJECTS[:number]:
            self.enrol(subject, 1, self.today)
        self.look()

    @rule(subject=st.sampled_from(SUBJECTS), level=st.integers(1, 2))
    def enrols(self, subject: str, level: int) -> None:
        self.step()
        if subject not in self.people():
            self.enrol(subject, level, self.today)
        self.look()

    @rule(data=st.data(), value=st.sampled_from(PLATELETS), back=st.integers(0, 4))
    def measures(self, data: st.DataObject, value: str, back: int) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        unit = data.draw(st.sampled_from(["10^9/L", "10^9/L", None]))
        day = self.today - timedelta(days=back)
        fact = self.trial.lab(subject, "PLAT", value, day, known=self.now, LBORRESU=unit)
        self.look(fact)

    @rule(data=st.data(), back=st.integers(0, 4), grade=st.integers(1, 5))
    def reports(self, data: st.DataObject, back: int, grade: int) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        term = data.draw(st.sampled_from(["Vomiting", "Epistaxis", "Platelet count decreased"]))
        related = data.draw(st.sampled_from(["RELATED", "NOT RELATED", None, "Perhaps"]))
        day = self.today - timedelta(days=back)
        record = f"{subject}/AE/{term}/{day}"
        fact = self.trial.event(
            subject, term, grade, day, related=related, known=self.now, recordid=record
        )
        self.look(fact)

    @rule(data=st.data(), given=st.sampled_from(["100", "100", "50", "0"]))
    def doses(self, data: st.DataObject, given: str) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        self.look(self.dose(subject, "ANLOTINIB", self.today, given))

    @rule(data=st.data())
    def transfuses(self, data: st.DataObject) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        body = {"CMTRT": "PLATELETS", "CMSTDTC": str(self.today), "category": "transfusion"}
        self.look(self.trial.record("concomitant", subject, body, known=self.now))

    @rule(data=st.data())
    def completes(self, data: st.DataObject) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        body = {"domain": "ALL", "complete_through": str(self.today)}
        self.look(self.trial.record("review_complete", subject, body, known=self.now))

    @rule(data=st.data(), decision=st.sampled_from(["DLT", "NOT_DLT"]))
    def judges(self, data: st.DataObject, decision: str) -> None:
        self.step()
        subject = data.draw(st.sampled_from(self.people()))
        self.look(self.trial.review(subject, decision, self.now))

    @rule(
        action=st.sampled_from(["escalate", "expand", "stay", "hold", "deescalate"]),
        level=st.integers(1, 3),
        lifts=st.booleans(),
    )
    def decides(self, action: str, level: int, lifts: bool) -> None:
        self.step()
        self.look(self.trial.decide(action, level, self.now, lifts_hold=lifts))

    @rule(version=st.sampled_from(["2", "3"]), grade=st.sampled_from(["3", "4"]))
    def amends(self, version: str, grade: str) -> None:
        """Another version of the protocol, with another grade in its first criterion."""
        self.step()
        text = SITES.replace('version: "1"', f'version: "{version}"')
        text = text.replace("decreased], grade: 4}", f"decreased], grade: {grade}}}", 1)
        body = {"version": version, "document": text}
        self.look(
            self.trial.record(
                "protocol", None, body, recordid="protocol", revision=int(version), known=self.now
            )
        )

    # -- what is taken back -----------------------------------------------------------------------

    @precondition(lambda self: self.records())
    @rule(data=st.data(), value=st.sampled_from(PLATELETS), more=st.integers(0, 1), reason=REASONS)
    def corrects(self, data: st.DataObject, value: str, more: int, reason: str | None) -> None:
        """Another version of a record, or another content of the same one."""
        self.step()
        fact = data.draw(st.sampled_from(self.records()))
        change: dict[str, Any] = {}
        if fact.kind == "lab":
            change = {"LBORRES": value}
        elif fact.kind == "adverse_event":
            change = {"AETOXGR": data.draw(st.sampled_from("1235"))}
        elif fact.kind == "dose":
            change = {"ECDOSE": data.draw(st.sampled_from(["100", "40"]))}
        self.look(self.again(fact, fact.data | change, more, reason))

    @precondition(lambda self: self.records())
    @rule(data=st.data())
    def deletes(self, data: st.DataObject) -> None:
        self.step()
        fact = data.draw(st.sampled_from(self.records()))
        self.look(self.trial.delete(fact, self.now))

    @precondition(lambda self: self.deleted())
    @rule(data=st.data(), reason=REASONS)
    def restores(self, data: st.DataObject, reason: str | None) -> None:
        self.step()
        gone = data.draw(st.sampled_from(self.deleted()))
        stood = [f for f in self.facts if f.record == gone.record and f.op == "upsert"]
        self.look(self.again(gone, stood[-1].data, 1, reason))

    @rule(data=st.data(), level=st.integers(1, 3), reason=REASONS)
    def moves(self, data: st.DataObject, level: int, reason: str | None) -> None:
        """The assignment is corrected to another dose level."""
        self.step()
        record = f"{data.draw(st.sampled_from(self.people()))}/COHORT"
        fact = self.latest()[record]
        self.look(self.again(fact, fact.data | {"dose_level": level}, 1, reason))

    @rule(data=st.data(), site=st.sampled_from(["CN", "US"]), reason=REASONS)
    def transfers(self, data: st.DataObject, site: str, reason: str | None) -> None:
        """The subject goes on at another site, in its own time zone."""
        self.step()
        fact = self.latest()[f"{data.draw(st.sampled_from(self.people()))}/DM"]
        self.look(self.again(fact, fact.data | {"SITEID": site}, 1, reason))

    # -- time -------------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 24 * 8))
    def waits(self, hours: int) -> None:
        """Time goes on, with a look at every deadline on the way, as the ticker does."""
        self.step()
        until = self.now + timedelta(hours=hours)
        for _ in range(50):
            deadline = self.study.next_deadline(self.now)
            if deadline is None or deadline > until:
                break
            self.turn(deadline)
            self.look()
        self.turn(until)
        self.look()

    def turn(self, moment: datetime) -> None:
        """The clock goes on; overridden by who wants to look on the way."""
        self.now = moment

    # -- how it is told ---------------------------------------------------------------------------

    @property
    def today(self) -> date:
        return self.now.date()

    def people(self) -> list[str]:
        """Subjects assigned so far."""
        return [name for name in SUBJECTS if f"{name}/COHORT" in self.latest()]

    def latest(self) -> dict[str, Fact]:
        """The version told last of each record."""
        return {fact.recordid: fact for fact in self.facts}

    def records(self) -> list[Fact]:
        """Records that stand and may be corrected."""
        return [
            fact
            for fact in self.latest().values()
            if fact.kind in CORRECTABLE and fact.op != "delete"
        ]

    def deleted(self) -> list[Fact]:
        return [fact for fact in self.latest().values() if fact.op == "delete"]

    def enrol(self, subject: str, level: int, day: date) -> None:
        self.trial.enrol(subject, level, day)
        for fact in self.trial.facts[-3:]:
            self.tell(fact.model_copy(update={"known_at": self.now}))

    def dose(self, subject: str, treatment: str, day: date, given: str) -> Fact:
        fact = self.trial.dose(subject, day, treatment, given=given)
        return fact.model_copy(update={"known_at": self.now})

    def again(self, fact: Fact, data: dict[str, Any], more: int, reason: str | None) -> Fact:
        """A further version of a record."""
        subject = None if fact.subject == STUDY else fact.subject.removeprefix(f"{STUDY}-")
        return self.trial.record(
            fact.kind,
            subject,
            data,
            recordid=fact.recordid,
            revision=(fact.revision or 0) + more,
            reason=reason,
            known=self.now,
        )

    def tell(self, fact: Fact) -> None:
        """Accept a version, once."""
        if fact.fact_id in {known.fact_id for known in self.facts}:
            return
        self.facts.append(fact)
        self.told.append(fact)
        self.study.add([fact])

    def step(self) -> None:
        """Begin, a minute later: what is known at one instant is one moment."""
        self.turn(self.now + timedelta(minutes=1))
        self.told = []

    def look(self, fact: Fact | None = None) -> None:
        """End: assess what is known, and send the signals that follow."""
        if fact is not None:
            self.tell(fact)
        self.before, self.after = self.after, self.study.assess(as_of=self.now)
        self.send(self.after)

    def send(self, assessment: Assessment) -> None:
        keys = [signal.key for signal in self.sent if not signal.ends]
        rules = self.study.rule_versions(self.now)
        new = compare(self.standing, assessment, keys.count, rules=rules)
        self.sent += new
        ended = {signal.supersedes for signal in new}
        self.standing = [one for one in self.standing if one.id not in ended]
        self.standing += [one for one in new if not one.ends]
