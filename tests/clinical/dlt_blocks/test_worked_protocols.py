"""The five published definitions written out in studies/: what typical subjects come to.

Subjects are synthetic; the definitions' sources are named in the documents.
"""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Worked, day
from tests.clinical.stories import at

# -- Kevetrin, NCT01664000 -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("celsius", "met"),
    [("38.5", False), ("38.6", True)],
)
def test_kevetrin_neutropenia_with_fever(celsius: str, met: bool) -> None:
    subject = Worked("NCT01664000")
    subject.value("NEUT", "0.8", 8)
    subject.temperature(9, celsius)
    subject.value("NEUT", "2.0", 11)
    subject.all_entered(28)
    assert (subject.results(28).get("neutropenia-with-fever-or-infection") == "met") == met


@pytest.mark.parametrize(
    ("term", "care_ends", "result"),
    [("Nausea", "T08:00:00", "needs_review"), ("Fatigue", "T08:00:00", "needs_review")],
)
def test_kevetrin_non_haematological_grade_3_goes_to_the_medical_monitor(
    term: str, care_ends: str, result: str
) -> None:
    subject = Worked("NCT01664000")
    subject.ae(term, 3, 8, 12)
    subject.care("supportive_care", "ONDANSETRON", f"{day(9)}T08:00:00", f"{day(11)}{care_ends}")
    subject.all_entered(28)
    assert subject.results(28) == {"non-haematological": result}
    assert "the medical monitor decides" in subject.status(28).why


# -- EZN-2208 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lasts", "result"), [(5, None), (6, "needs_review")])
def test_ezn_neutropenia_for_more_than_5_days(lasts: int, result: str | None) -> None:
    subject = Worked("EZN-2208")
    for number in range(8, 8 + lasts):
        subject.value("NEUT", "0.3", number)
    subject.value("NEUT", "2.0", 8 + lasts)
    subject.all_entered(21)
    assert subject.results(21).get("neutrophils-g4-over-5-days") == result


def test_ezn_nausea_is_judged_only_once_care_had_its_time() -> None:
    subject = Worked("EZN-2208")
    subject.care("supportive_care", "ONDANSETRON", 8)
    subject.ae("Nausea", 3, 8)
    assert subject.results(8) == {"nausea-vomiting-despite-care": "open"}
    subject.ae("Nausea", 3, 8, 12, revision=2, reason="resolved")
    assert subject.results(12) == {"nausea-vomiting-despite-care": "needs_review"}


@pytest.mark.parametrize(("next_value", "exempt"), [(9, True), (15, False)])
def test_ezn_transient_laboratory_change(next_value: int, exempt: bool) -> None:
    """Both end in front of a person; weekly values cannot support the exemption and say so."""
    subject = Worked("EZN-2208")
    subject.before("ALT", "20")
    subject.value("ALT", "300", 8)
    subject.value("ALT", "20", next_value, LBDTC=f"{day(next_value)}T07:00")
    found = next(one for one in subject.status(16).criteria if one.id.startswith("other-non"))
    assert found.result == "needs_review"
    assert ("correctable" in found.why) == exempt
    assert ("unobserved" in subject.status(16).flags) != exempt


# -- Pembrolizumab and gemcitabine, NCT03123276 ----------------------------------------------------


@pytest.mark.parametrize(
    ("gemcitabine", "result"),
    [("PROBABLY RELATED", "met"), ("POSSIBLY RELATED", "needs_review"), (None, "met")],
)
def test_gemcitabine_must_be_the_likely_cause(gemcitabine: str | None, result: str) -> None:
    """A value that only the other drug explains is not dropped: a person decides."""
    subject = Worked("NCT03123276")
    subject.value("PLAT", "20", 8)
    said = {"AEREL1": gemcitabine} if gemcitabine else {}
    subject.ae("Platelet count decreased", 4, 8, AEREL2="RELATED", **said)
    assert subject.results(8)["platelets-below-25"] == result


@pytest.mark.parametrize(
    ("platelets", "days", "met"),
    [
        ("25", 4, set()),
        ("24.9", 4, {"platelets-below-25"}),
        ("25", 5, {"neutrophils-5-days"}),
    ],
)
def test_gemcitabine_blood_counts(platelets: str, days: int, met: set[str]) -> None:
    subject = Worked("NCT03123276")
    subject.value("PLAT", platelets, 8)
    for number in range(8, 8 + days):
        subject.value("NEUT", "0.4", number)
    subject.value("NEUT", "2.0", 8 + days)
    subject.all_entered(21)
    assert {name for name, result in subject.results(21).items() if result == "met"} == met


# -- Eribulin and capecitabine, NCT01323530 --------------------------------------------------------


@pytest.mark.parametrize(
    ("grade", "before", "result"),
    [(2, None, "met"), (2, 1, "open"), (3, 1, "met"), (1, None, "open")],
)
def test_eribulin_dose_intensity_joins_dose_event_and_baseline(
    grade: int, before: int | None, result: str
) -> None:
    subject = Worked("NCT01323530")
    subject.dose("1-01", day(8), given="0", ECREASOC="ADVERSE EVENT")
    start = 5 if before is None else -5
    steps = [(5, grade)] if before is None else [(-5, before), (5, grade)]
    subject.ae(
        "Fatigue",
        grade,
        start,
        known=at(day(6)),
        grade_changes=[{"dtc": str(day(number)), "grade": str(one)} for number, one in steps],
    )
    subject.all_entered(21)
    assert subject.results(21)["dose-intensity"] == result


def test_eribulin_untreated_vomiting_is_for_the_investigator() -> None:
    subject = Worked("NCT01323530")
    subject.ae("Vomiting", 4, 8)
    assert subject.results(8) == {"non-haematological-g3": "needs_review"}


# -- Palbociclib, NCT01684215 ----------------------------------------------------------------------


@pytest.mark.parametrize(("onset", "result"), [(35, "met"), (36, None)])
def test_palbociclib_window_starts_with_the_lead_in_dose(onset: int, result: str | None) -> None:
    subject = Worked("NCT01684215")
    subject.value("PLAT", "20", onset)
    assert subject.results(36).get("platelets-g4") == result


@pytest.mark.parametrize(
    ("test", "value", "unit", "dosed", "result"),
    [
        ("PLAT", "49", "10^9/L", 43, None),
        ("PLAT", "49", "10^9/L", 44, "met"),
        ("PLAT", "50", "10^9/L", 44, None),
        ("NEUT", "0.99", "10^9/L", 44, "met"),
        ("NEUT", "1.0", "10^9/L", 44, None),
    ],
)
def test_palbociclib_next_dose_held_by_a_value(
    test: str, value: str, unit: str, dosed: int, result: str | None
) -> None:
    """Planned on study day 29, the 36th day from the lead-in dose; 43 days is seven days late."""
    subject = Worked("NCT01684215")
    subject.value(test, value, 35, LBORRESU=unit)
    subject.dose("1-01", day(dosed), cycle=2, ECADJ="OTHER")
    assert subject.results(45).get("cycle-2-delay") == result


@pytest.mark.parametrize(("value", "result"), [("500", None), ("501", "needs_review")])
def test_palbociclib_qtc(value: str, result: str | None) -> None:
    subject = Worked("NCT01684215")
    data = {"EGTESTCD": "QTCF", "EGDTC": str(day(10)), "EGORRES": value, "EGORRESU": "ms"}
    subject.other("ecg", 10, **data)
    assert subject.results(10).get("qtc-over-500") == result
