"""CRM and TITE-CRM against worked numbers, a brute-force integral, and what must always hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clinical.designs import (
    Answer,
    Crm,
    Design,
    DesignError,
    DoseCounts,
    Patient,
    Question,
    TiteCrm,
    as_json,
    counts_of,
    counts_of_patients,
    design_of,
    read_request,
)
from shared.clinical.designs.crm import nearest
from shared.clinical.designs.crm_model import Model

SKELETON = (0.04, 0.11, 0.22, 0.37, 0.52)
SCALE = 1.34**0.5
WORKED = "1NNN 2NNT 3NNT"
MODELS: tuple[Model, ...] = ("empiric", "logistic")


def ask(design: Design, outcomes: str, current: int, **more: Any) -> Answer:
    return design.decide(Question(counts_of(outcomes, 5), current, **more))


def crm(**more: Any) -> Crm:
    return Crm(target=0.22, skeleton=SKELETON, **more)


def tite(**more: Any) -> TiteCrm:
    return TiteCrm(target=0.22, skeleton=SKELETON, **more)


def test_empiric_worked() -> None:
    answer = ask(crm(), WORKED, 3)
    assert (answer.action, answer.next_dose) == ("deescalate", 2)
    assert f"{answer.extra['estimate']:.7f}" == "-0.3259527"
    assert f"{answer.extra['variance']:.6f}" == "0.165662"
    shown = [f"{rate:.6f}" for rate in answer.extra["ptox"]]
    assert shown == ["0.097929", "0.203254", "0.335224", "0.487878", "0.623735"]


def test_logistic_worked() -> None:
    answer = ask(crm(model="logistic"), WORKED, 3)
    assert answer.next_dose == 2
    assert f"{answer.extra['estimate']:.7f}" == "-0.1675953"
    assert f"{answer.extra['ptox'][1]:.6f}" == "0.213288"


def worked_patients() -> list[dict[str, Any]]:
    followed = [28] * 5 + [11, 20, 14, 7]
    doses = [1, 1, 1, 2, 2, 2, 3, 3, 3]
    return [
        {"dose": dose, "dlt": int(number == 6), "weight": 1.0 if number == 6 else days / 28}
        for number, (dose, days) in enumerate(zip(doses, followed, strict=True), start=1)
    ]


def test_tite_worked() -> None:
    request = {
        "design": {"kind": "tite_crm", "target": 0.22, "skeleton": list(SKELETON)},
        "patients": worked_patients(),
    }
    design, question = read_request(request)
    answer = as_json(design.decide(question))
    assert (answer["action"], answer["next_dose"]) == ("stay", 3)
    assert f"{answer['estimate']:.7f}" == "-0.1773718"
    assert [f"{rate:.6f}" for rate in answer["ptox"][1:3]] == ["0.157470", "0.281384"]


# ---------------------------------------------------------------------- the decision


def test_plug_in_and_posterior_mean_differ_and_are_labelled() -> None:
    answer = ask(crm(), WORKED, 3)
    assert answer.extra["ptox_posterior_mean"][1] == pytest.approx(0.2173696, abs=1e-6)
    node = answer.report.children[0]
    assert node.inputs["plug_in_2"] == answer.extra["ptox"][1]
    assert node.inputs["posterior_mean_2"] == answer.extra["ptox_posterior_mean"][1]
    assert "plug-in" in answer.report.text
    assert "posterior mean" in ask(crm(decide_by="posterior_mean"), WORKED, 3).report.text


def test_the_two_estimates_may_choose_differently() -> None:
    chosen = {
        (ask(crm(), text, 1).next_dose, ask(crm(decide_by="posterior_mean"), text, 1).next_dose)
        for text in ("1N", "1NN", "1NNN", "1NNT")
    }
    assert any(plug_in != mean for plug_in, mean in chosen)


@pytest.mark.parametrize(
    ("rates", "target", "dose"),
    [
        ([0.1, 0.2, 0.3], 0.05, 1),
        ([0.1, 0.2, 0.3], 0.9, 3),
        ([0.1, 0.2, 0.3], 0.15, 1),
        ([0.1, 0.2, 0.3], 0.1501, 2),
        ([0.1, 0.2, 0.3], 0.2, 2),
        ([0.0, 0.0, 0.0], 0.2, 3),
        ([1.0, 1.0], 0.2, 1),
    ],
)
def test_nearest(rates: list[float], target: float, dose: int) -> None:
    assert nearest(rates, target) == dose


def test_actions() -> None:
    assert ask(crm(), "1NNN", 1).action == "escalate"
    assert ask(crm(), WORKED, 2).action == "stay"
    assert ask(crm(), "1TTT", 1).next_dose == 1
    assert ask(crm(), "1NNN 2NNN 3NNN 4NNN 5NNN", 5).next_dose == 5


def test_nobody_observed_stays_where_the_protocol_starts() -> None:
    answer = ask(crm(), "", 1)
    assert (answer.action, answer.next_dose) == ("stay", 1)
    assert answer.extra["ptox"] == pytest.approx(list(SKELETON), abs=1e-12)


def test_no_skipping_is_a_limit() -> None:
    assert ask(crm(), "1NNNNNN", 1).next_dose == 5
    assert ask(crm(limits=[{"kind": "no_skipping"}]), "1NNNNNN", 1).next_dose == 2


def test_eliminated_earlier_stays_so() -> None:
    answer = ask(crm(), "1NNNNNN", 1, eliminated_from=2)
    assert (answer.action, answer.next_dose, answer.eliminated_from) == ("stay", 1, 2)
    answer = ask(crm(), "", 2, eliminated_from=2)
    assert (answer.action, answer.next_dose) == ("deescalate", 1)
    for final in (False, True):
        answer = ask(crm(), "1NNN", 1, eliminated_from=1, final=final)
        assert (answer.action, answer.next_dose, answer.mtd) == ("stop", None, None)


def test_stop_for_toxicity_at_the_lowest_dose() -> None:
    probability = ask(crm(), "1TTT", 1).extra["p_above_target"][0]
    assert 0.5 < probability < 1
    for final in (False, True):
        stopped = ask(crm(stop_confidence=probability - 1e-6), "1TTT", 1, final=final)
        assert (stopped.action, stopped.next_dose, stopped.mtd) == ("stop", None, None)
        assert stopped.eliminated_from == 1
    assert ask(crm(stop_confidence=probability + 1e-6), "1TTT", 1).action == "stay"
    assert ask(crm(stop_confidence=0.001), "", 1).action == "stay"


def test_mtd_among_the_doses_tried() -> None:
    assert ask(crm(), WORKED, 3, final=True).mtd == 2
    answer = ask(crm(), "1NNNNNN", 1, final=True)
    assert answer.mtd == 1
    assert "the model would choose dose 5, which was never tried" in answer.report.text
    assert ask(crm(), WORKED, 3, final=True, eliminated_from=2).mtd == 1
    assert ask(crm(), "", 1, final=True).mtd is None


def test_pending_count_for_nothing_but_delay_escalation() -> None:
    assert ask(crm(), "1NNN 2NNP", 2).action == "suspend"
    assert ask(crm(), "1NNN 2TTP", 2).action == "deescalate"


def test_the_margin_is_the_lead_over_the_next_best() -> None:
    answer = ask(crm(), WORKED, 3)
    rates = answer.extra["ptox"]
    assert answer.report.margin == pytest.approx((rates[2] - 0.22) - (0.22 - rates[1]))
    assert answer.report.inputs["patients"] == 9
    one = Crm(target=0.2, skeleton=(0.2,)).decide(Question(counts_of("1NNN"), 1))
    assert (one.next_dose, one.report.margin) == (1, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"skeleton": [0.1, 0.1]},
        {"skeleton": [0.2, 0.1]},
        {"skeleton": []},
        {"skeleton": [0.1, 1.0]},
        {"skeleton": [0.1, 0.96], "model": "logistic"},
        {"skeleton": [0.1, 0.2], "model": "logistic", "intcpt": -2},
        {"skeleton": [0.1, 0.2], "scale": 0},
        {"skeleton": [0.1, 0.2], "model": "power"},
        {"skeleton": [0.1, 0.2], "halfwidth": 0.05},
    ],
)
def test_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DesignError):
        design_of({"kind": "crm", "target": 0.22, **wrong})


@pytest.mark.parametrize(
    "said",
    [
        {"outcomes": "1NNN 2NNT"},
        {"patients": [{"dose": 1}] * 3 + [{"dose": 2}] * 2 + [{"dose": 2, "dlt": 1}]},
        {"doses": [{"n": 3}, {"n": 3, "dlt": 1}], "current": 2},
    ],
)
def test_the_skeleton_says_how_many_doses_there_are(said: dict[str, Any]) -> None:
    design, question = read_request(
        {"design": {"kind": "crm", "target": 0.22, "skeleton": list(SKELETON)}, **said}
    )
    assert question.doses == counts_of("1NNN 2NNT", 5)
    assert len(design.decide(question).extra["ptox"]) == 5


def test_a_skeleton_of_another_length_is_refused() -> None:
    with pytest.raises(DesignError, match="5 DLT rates are given, but there are 2 doses"):
        crm().decide(Question(counts_of("1NNN 2N"), 2))


# ---------------------------------------------------------------------- patients in their window


def asked_by_patients(patients: tuple[Patient, ...], **more: Any) -> Question:
    doses = counts_of_patients(patients, 5)
    return Question(doses, patients[-1].dose, patients=patients, **more)


def test_counts_share_the_follow_up_equally() -> None:
    """Equal weights are the cautious reading of a sum: unequal ones give lower rates."""
    equal = (Patient(1), *[Patient(2, weight=0.5, pending=True)] * 2)
    unequal = (Patient(1), *[Patient(2, weight=w, pending=True) for w in (0.1, 0.9)])
    counts = Question((DoseCounts(1), DoseCounts(pending=2, stft=1.0), *[DoseCounts()] * 3), 2)
    design = tite()
    by_counts = design.decide(counts).extra["ptox"]
    assert by_counts == design.decide(asked_by_patients(equal)).extra["ptox"]
    assert by_counts[1] > design.decide(asked_by_patients(unequal)).extra["ptox"][1]


def test_pending_without_follow_up_tell_nothing() -> None:
    assert ask(tite(), "2PPP", 2).extra["ptox"] == pytest.approx(list(SKELETON), abs=1e-12)
    assert ask(tite(), "1NNN 2PPP", 2).extra["estimate"] == ask(crm(), "1NNN", 1).extra["estimate"]


def test_candidates_are_feared() -> None:
    pending = [Patient(2, weight=w, pending=True) for w in (0.9, 0.2)]
    patients = (*[Patient(1)] * 3, Patient(2, dlt=1), *pending)
    question = asked_by_patients(patients)
    doses = list(question.doses)
    doses[1] = DoseCounts(1, 1, 2, candidate=1, stft=1.1)
    held = tite().decide(Question(tuple(doses), 2, patients=patients))
    assert (held.action, held.held_from) == ("suspend", 2)


def test_counts_and_patients_must_agree() -> None:
    patients = (Patient(1), Patient(1))
    question = Question((DoseCounts(3), *[DoseCounts()] * 4), 1, patients=patients)
    with pytest.raises(DesignError, match="3 without a DLT are counted at dose 1"):
        tite().decide(question)


def test_the_mtd_waits_for_the_pending() -> None:
    assert ask(tite(), "1NNN 2NNP", 2, final=True).action == "suspend"


# ---------------------------------------------------------------------- what must always hold

OUTCOMES = st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=18)
FOLLOWED = st.lists(
    st.tuples(st.integers(1, 5), st.booleans(), st.floats(0, 1)), min_size=1, max_size=14
)


def finals(outcomes: list[tuple[int, bool]]) -> tuple[Patient, ...]:
    return tuple(Patient(dose, int(dlt)) for dose, dlt in outcomes)


@given(outcomes=OUTCOMES, model=st.sampled_from(MODELS))
@settings(max_examples=60)
def test_followed_to_the_end_tite_is_crm(outcomes: list[tuple[int, bool]], model: Model) -> None:
    question = asked_by_patients(finals(outcomes))
    plain, weighted = crm(model=model).decide(question), tite(model=model).decide(question)
    assert plain.extra["ptox"] == weighted.extra["ptox"]
    assert (plain.action, plain.next_dose) == (weighted.action, weighted.next_dose)


@given(
    followed=FOLLOWED,
    chosen=st.integers(0, 13),
    model=st.sampled_from(MODELS),
    decide_by=st.sampled_from(["plug_in", "posterior_mean"]),
)
@settings(max_examples=80)
def test_one_more_dlt_never_leads_higher(
    followed: list[tuple[int, bool, float]], chosen: int, model: Model, decide_by: str
) -> None:
    """Holds without exception: the posterior of β is ordered by the likelihood ratio."""
    patients = [
        Patient(dose, int(dlt), 1.0 if dlt else weight, not dlt and weight < 1)
        for dose, dlt, weight in followed
    ]
    at = chosen % len(patients)
    design = tite(model=model, decide_by=decide_by)
    before = design.decide(asked_by_patients(tuple(patients))).next_dose
    patients[at] = Patient(patients[at].dose, 1)
    after = design.decide(asked_by_patients(tuple(patients))).next_dose
    assert before is not None
    assert after is not None
    assert after <= before


@given(outcomes=OUTCOMES, current=st.integers(1, 5))
@settings(max_examples=60)
def test_coherent_under_its_limit(outcomes: list[tuple[int, bool]], current: int) -> None:
    """No escalation straight after a DLT, whatever the model wants."""
    patients = (*finals(outcomes), Patient(current, dlt=1))
    design = crm(limits=[{"kind": "no_escalation_after_dlt"}])
    answer = design.decide(asked_by_patients(patients))
    assert answer.action != "escalate"
    assert answer.next_dose is not None
    assert answer.next_dose <= current


@given(outcomes=OUTCOMES, order=st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_patients_changes_nothing(
    outcomes: list[tuple[int, bool]], order: Any
) -> None:
    shuffled = list(outcomes)
    order.shuffle(shuffled)
    found = [
        crm().decide(Question(counts_of_patients(finals(each), 5), 1)).extra["ptox"]
        for each in (outcomes, shuffled)
    ]
    assert found[0] == found[1]
