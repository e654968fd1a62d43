"""A subject's profile follows from the study's assessment, its protocols and that subject's facts.

The monitor answers from these alone while the facts of all others are still being read: that must
be the very answer it gives afterwards.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from services.demo.replay import events, facts_of, protocol_fact
from shared.clinical import Study
from shared.clinical.profile import profile_of
from shared.contracts.assessment import Assessment
from shared.contracts.envelope import Fact
from shared.contracts.facts import STUDY_KINDS
from shared.contracts.profile import opaque_id
from tests.clinical.histories import SUBJECTS, Telling
from tests.clinical.stories import STUDY


def told(study: Study, said: Assessment, usubjid: str) -> str | None:
    found = profile_of(study, said, opaque_id(study.study, usubjid))
    return None if found is None else found.model_dump_json()


def alone(facts: list[Fact], usubjid: str) -> Study:
    """The study with its own facts and those of one subject, in the order they came."""
    study = Study(facts[0].study)
    study.add(one for one in facts if one.kind in STUDY_KINDS or one.subject == usubjid)
    return study


class Alone(Telling):
    """Compares each subject's profile with the one made without the others' facts."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []
        super().__init__()

    @precondition(lambda self: self.records() and len(self.people()) > 1)
    @rule(data=st.data())
    def misfiles(self, data: st.DataObject) -> None:
        """A further version of a record names another subject."""
        self.step()
        fact = data.draw(st.sampled_from(self.records()))
        other = data.draw(st.sampled_from(self.people()))
        data_of_other = fact.data | {"USUBJID": f"{STUDY}-{other}"}
        self.look(
            self.trial.record(
                fact.kind, other, data_of_other, recordid=fact.recordid,
                revision=(fact.revision or 0) + 1, known=self.now,
            )
        )  # fmt: skip

    @invariant()
    def nobody_elses_facts_matter(self) -> None:
        self.moments.append(self.now)
        past = self.moments[len(self.moments) // 2]
        for known_at in (self.now, past):
            said = self.study.assess(as_of=known_at, known_at=known_at)
            for subject in SUBJECTS:
                usubjid = f"{STUDY}-{subject}"
                assert told(self.study, said, usubjid) == told(
                    alone(self.facts, usubjid), said, usubjid
                )


TestAlone = Alone.TestCase
TestAlone.settings = settings(max_examples=8, stateful_step_count=12, deadline=None)


def test_every_subject_of_the_demo_is_told_the_same_alone() -> None:
    facts = list(facts_of(events()))
    facts.insert(0, protocol_fact(min(fact.known_at for fact in facts) - timedelta(days=1)))
    whole = Study(facts[0].study)
    whole.add(facts)
    said = whole.assess(as_of=max(fact.known_at for fact in facts))
    profiles = {one.usubjid: told(whole, said, one.usubjid) for one in said.subjects}
    assert len(profiles) > 1
    assert None not in profiles.values()
    assert profiles == {one: told(alone(facts, one), said, one) for one in profiles}
