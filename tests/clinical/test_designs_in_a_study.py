"""Any design in a live study: the same facts, the rule the protocol names."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clinical import DocumentError, Study, enrolment, load_protocol
from shared.contracts.envelope import Fact
from shared.document import read_yaml, write_yaml
from tests.clinical.stories import PROTOCOL, STUDY, ZONE, Trial, at, day, end_of, stepwise
from tests.clinical.test_properties import histories

RATES = "[0.05, 0.12, 0.25, 0.4]"
KINDS = {
    "3+3": "{kind: 3+3, variant: deescalate}",
    "rolling_six": "{kind: rolling_six}",
    "boin": "{kind: boin, target: 0.3, cohort_size: 3}",
    "mtpi": "{kind: mtpi, target: 0.3, cohort_size: 3}",
    "mtpi2": "{kind: mtpi2, target: 0.3, cohort_size: 3}",
    "keyboard": "{kind: keyboard, target: 0.3, cohort_size: 3}",
    "i3+3": "{kind: i3+3, target: 0.3, cohort_size: 3}",
    "crm": f"{{kind: crm, target: 0.25, skeleton: {RATES}, cohort_size: 3}}",
    "tite_crm": f"{{kind: tite_crm, target: 0.25, skeleton: {RATES}, cohort_size: 3}}",
    "tite_boin": "{kind: tite_boin, target: 0.3, cohort_size: 3}",
    "table": "{kind: table, target: 0.3, rows: [ESDU], cohort_size: 3}",
}


def under(design: str, **sections: object) -> str:
    """The demo study's protocol with another design."""
    document = read_yaml(PROTOCOL.read_text()).value
    document["design"] = read_yaml(design).value
    return write_yaml({**document, **sections})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_walks_up_after_three_without_a_dlt(kind: str) -> None:
    trial = Trial(under(KINDS[kind]))
    trial.clean("1-01", "1-02", "1-03")
    said = trial.assess(end_of(day(21))).recommendation
    assert said.action == "escalate"
    assert said.report is not None
    nodes = [said.report, *said.report.children]
    assert [reason.rule for reason in said.reasons][: len(nodes)] == [one.rule for one in nodes]


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_goes_on_at_a_dose_where_all_three_had_a_dlt(kind: str) -> None:
    trial = Trial(under(KINDS[kind]))
    for subject in ("1-01", "1-02", "1-03"):
        trial.enrol(subject)
        trial.lab(subject, "PLAT", "20", day(9))
        trial.review(subject, "DLT", at(day(10)))
    assessment = trial.assess(end_of(day(21)))
    assert assessment.recommendation.action in ("stop", "stay")
    if kind not in ("crm", "tite_crm"):  # neither has a rule to stop here
        assert assessment.recommendation.action == "stop"
        assert assessment.doses[0].state == "exceeded"
        assert not enrolment(assessment, 1).allowed


RULES = [
    {"id": "g3", "text": "grade 3", "source": "s", "toxicity": {"any_term": True, "grade": 3},
     "stop_when": {"kind": "beta_binomial", "p0": 0.28, "a": 0.28, "b": 0.72, "cutoff": 0.9}},
]  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=histories(), kind=st.sampled_from(sorted(KINDS)), data=st.data())
def test_the_order_of_arrival_changes_nothing_under_any_design(
    facts: list[Fact], kind: str, data: st.DataObject
) -> None:
    protocol = Trial(under(KINDS[kind], stopping=RULES)).facts
    facts = protocol + [fact for fact in facts if fact.kind != "protocol"]
    end = end_of(day(40))
    whole = Study(STUDY)
    whole.add(facts)
    live = stepwise(data.draw(st.permutations(facts)))
    assert live.assess(as_of=end).digest == whole.assess(as_of=end).digest


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts=histories(), kind=st.sampled_from(sorted(KINDS)))
def test_nothing_ends_a_hold_but_a_record_under_any_design(facts: list[Fact], kind: str) -> None:
    study = Study(STUDY)
    study.add(Trial(under(KINDS[kind], stopping=RULES)).facts)
    study.add(fact for fact in facts if fact.kind != "protocol")
    before = study.assess(as_of=end_of(day(1)))
    for number in range(3, 41, 3):
        now = study.assess(as_of=end_of(day(number)))
        lifting = [one for one in now.decisions if one.lifts_hold and one.known_at > before.as_of]
        if before.status == "on_hold" and not lifting:
            assert now.status == "on_hold"
        before = now


def test_3_plus_3_by_kind_says_what_the_short_form_says() -> None:
    short, long = Trial(), Trial(under(KINDS["3+3"]))
    for trial in (short, long):
        trial.clean("1-01", "1-02")
        trial.enrol("1-03")
        trial.lab("1-03", "PLAT", "20", day(9))
    for number in (1, 8, 9, 21, 30):
        views = [trial.assess(end_of(day(number))) for trial in (short, long)]
        assert views[0].recommendation == views[1].recommendation
        assert views[0].doses == views[1].doses


def test_time_alone_changes_what_follow_up_weighs() -> None:
    """The next day is a deadline while somebody is pending, and none afterwards."""
    study = Study(STUDY)
    trial = Trial(under(KINDS["tite_boin"]))
    trial.clean("1-01")
    study.add(trial.facts)
    next_day = at(day(6), 0)
    assert study.next_deadline(at(day(5), 12)) == next_day
    assert study.next_deadline(next_day) == at(day(7), 0)
    later = study.next_deadline(at(day(30), 12))
    assert later is None or later.astimezone(ZONE).hour != 0


def test_follow_up_counts_only_as_far_as_records_are_confirmed() -> None:
    """Two weeks gone by weigh nothing where the source has confirmed nothing."""
    shares = []
    for through in (None, 14):
        trial = Trial(under("{kind: tite_boin, target: 0.3, cohort_size: 3}"))
        for subject in ("1-01", "1-02", "1-03"):
            trial.enrol(subject)
            if through is not None:
                said = {"domain": "ALL", "complete_through": str(day(through))}
                trial.record("review_complete", subject, said, known=at(day(through), 23))
        report = trial.assess(end_of(day(14))).recommendation.report
        assert report is not None
        shares.append("STFT 2" in report.model_dump_json())
    assert shares == [False, True]


def test_backfill_may_enrol_beside_the_dose_the_rule_names() -> None:
    trial = Trial(
        under(
            "{kind: bf_boin, target: 0.28, cohort_size: 3}",
            response={"responders": ["PR"]},
            counted_parts=["escalation", "backfill"],
        )
    )
    trial.clean("1-01", "1-02", "1-03")
    seen = {"RSTESTCD": "OVRLRESP", "RSDTC": str(day(20)), "RSORRES": "PR"}
    trial.record("tumour_response", "1-01", seen, known=at(day(20)))
    trial.decide("escalate", 2, at(day(25)))
    assessment = trial.assess(at(day(25), 20))
    assert [dose.backfill for dose in assessment.doses] == [True, False, False, False]
    assert [enrolment(assessment, level).allowed for level in (1, 2, 3)] == [True, True, False]


def test_a_fault_in_the_design_names_its_line() -> None:
    text = under("{kind: boin, target: 0.3, cohort_size: 3, limits: [{kind: total_cap, n: 0}]}")
    with pytest.raises(DocumentError) as caught:
        load_protocol(text)
    (finding,) = caught.value.findings
    assert finding.path == "design.limits.0.n"
    assert "n: 0" in text.splitlines()[finding.line - 1]
