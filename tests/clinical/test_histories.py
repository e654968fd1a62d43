"""What may never break, whatever a trial goes through (DESIGN, rules that may never break).

``VIGIL_HISTORIES`` sets how many histories are told (`make test-slow` tells many).
"""

from __future__ import annotations

import os
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from shared.clinical import Study, enrolment, evaluate, standing_signals
from shared.contracts.assessment import Assessment, SubjectAssessment
from tests.clinical.histories import Telling
from tests.clinical.stories import STUDY

HISTORIES = int(os.environ.get("VIGIL_HISTORIES", "12"))
GO = ("enrol", "expand", "escalate")


class Histories(Telling):
    """Holds every step of a history against the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.views: list[tuple[datetime, datetime, str]] = []

    # -- rules 1 and 6: a function of the versions ------------------------------------------------

    @invariant()
    def incremental_equals_full(self) -> None:
        whole = evaluate(self.facts, as_of=self.now)
        assert self.after.digest == whole.digest
        assert {one.key for one in self.standing} == self.keys(whole)

    def keys(self, assessment: Assessment) -> set[str]:
        """Of what stands by an assessment alone, by all that was told until then."""
        study = Study(STUDY)
        study.add(fact for fact in self.facts if fact.kind == "protocol")
        rules = study.rule_versions(assessment.known_at)
        return {one.key for one in standing_signals(assessment, rules)}

    @invariant()
    def a_signal_is_raised_once(self) -> None:
        assert len({signal.id for signal in self.sent}) == len(self.sent)

    @rule(chance=st.randoms(use_true_random=False), size=st.integers(1, 12))
    def order_duplicates_and_chunks_do_not_matter(self, chance: Random, size: int) -> None:
        """The same versions, told anew in another way."""
        arriving = self.facts + chance.choices(self.facts, k=5)
        chance.shuffle(arriving)
        other = Study(STUDY)
        for start in range(0, len(arriving), size):
            other.add(arriving[start : start + size])
            if other.protocol is not None:
                other.assess(as_of=self.now)
        assert other.assess(as_of=self.now).digest == self.after.digest

    def turn(self, moment: datetime) -> None:
        """A view is settled once the clock has left its moment; until the next deadline nothing
        changes by time alone."""
        deadline = self.study.next_deadline(self.after.as_of)
        self.views.append((self.after.as_of, self.after.known_at, self.after.digest))
        if deadline is None or moment < deadline:
            then = self.study.assess(as_of=moment)
            assert _statuses(then) == _statuses(self.after)
            assert self.keys(then) == {one.key for one in self.standing}
        super().turn(moment)

    @precondition(lambda self: self.views)
    @rule(data=st.data())
    def looks_back(self, data: st.DataObject) -> None:
        """What had happened by an earlier moment, by what is known at a settled one."""
        as_of, _, _ = data.draw(st.sampled_from(self.views))
        _, known_at, _ = data.draw(st.sampled_from(self.views))
        view = self.study.assess(as_of=as_of, known_at=known_at)
        self.views.append((as_of, known_at, view.digest))

    def teardown(self) -> None:
        for as_of, known_at, digest in self.views[-8:]:
            seen = [fact for fact in self.facts if fact.known_at <= known_at]
            assert evaluate(seen, as_of=as_of, known_at=known_at).digest == digest
            assert self.study.assess(as_of=as_of, known_at=known_at).digest == digest

    # -- rule 3: stop at once, go waits -----------------------------------------------------------

    @invariant()
    def two_toxicities_close_a_dose_at_once(self) -> None:
        for dose in self.after.doses:
            if dose.dlt.confirmed + dose.dlt.candidate < 2:
                continue
            assert dose.state == "exceeded"
            said = self.after.recommendation
            assert said.action not in GO or (said.dose_level or 0) < dose.level
            assert not enrolment(self.after, dose.level).allowed

    @invariant()
    def going_up_waits_for_all_that_is_pending(self) -> None:
        said = self.after.recommendation
        if said.action not in ("escalate", "finish"):
            return
        counted = {one.subject for one in self.after.subjects if one.status != "not_started"}
        conflicts = [query for query in self.after.queries if query.kind == "conflict"]
        assert not [query for query in conflicts if query.subject in counted | {None}]
        if said.action == "escalate":
            here = next(one for one in self.after.doses if one.level == (said.dose_level or 0) - 1)
            worst = here.dlt.confirmed + here.pending
            assert here.evaluable >= 3
            assert worst <= (1 if here.evaluable >= 6 else 0)

    # -- rule 4: only a person's record -----------------------------------------------------------

    @invariant()
    def nothing_lifts_a_hold_but_a_record(self) -> None:
        if self.before.status == "on_hold" and self.after.status != "on_hold":
            assert any(fact.kind == "decision" for fact in self.told)

    @invariant()
    def no_dose_opens_but_by_a_record(self) -> None:
        decided = {decision.dose_level for decision in self.after.decisions} | {1}
        opened = {one.level for one in self.after.doses if one.state in ("open", "cleared")}
        assert opened <= decided

    @invariant()
    def a_candidate_ends_only_by_a_person_or_an_attributed_change(self) -> None:
        after = {one.usubjid: one for one in self.after.subjects}
        for subject in self.before.subjects:
            if subject.status != "dlt_candidate" or _toxic(after.get(subject.usubjid)):
                continue
            assert any(self._may_end(subject, fact) for fact in self.told)

    def _may_end(self, subject: SubjectAssessment, fact: Any) -> bool:
        if fact.kind == "protocol":
            return True
        if fact.subject != subject.usubjid:
            return False
        attributed = bool(fact.reason or fact.actor)
        return fact.kind == "dlt_review" or attributed or self._is_late(fact)

    def _is_late(self, fact: Any) -> bool:
        """A measurement of an earlier day than one known before: it may show that a stretch was
        interrupted, and the state must be that of the records in their order."""
        days = [
            other.data["LBDTC"][:10]
            for other in self.facts
            if other.kind == fact.kind == "lab"
            and other.op == "upsert"
            and other is not fact
            and other.subject == fact.subject
        ]
        return fact.kind == "lab" and any(day >= fact.data["LBDTC"][:10] for day in days)

    # -- rule 5: missing is not no ----------------------------------------------------------------

    @invariant()
    def what_is_open_is_asked_for(self) -> None:
        for subject in self.after.subjects:
            if subject.status == "open":
                assert any(query.subject == subject.subject for query in self.after.queries)

    @invariant()
    def counts_add_up(self) -> None:
        for dose in self.after.doses:
            assert dose.treated == dose.evaluable + dose.pending + dose.not_evaluable
            assert dose.dlt.confirmed <= dose.evaluable
            assert dose.dlt.candidate <= dose.pending

    @invariant()
    def everything_met_has_evidence(self) -> None:
        for subject in self.after.subjects:
            for criterion in subject.criteria:
                if criterion.result in ("met", "needs_review"):
                    assert criterion.evidence
                    assert criterion.onset is not None


def _toxic(subject: SubjectAssessment | None) -> bool:
    return subject is not None and subject.status in ("dlt_candidate", "dlt")


def _statuses(assessment: Assessment) -> tuple[Any, ...]:
    """What an assessment says, without the day of the window it says it on."""
    return (
        assessment.status,
        assessment.recommendation.action,
        [(one.subject, one.status, one.criteria) for one in assessment.subjects],
        assessment.doses,
    )


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
