"""What was given of what was planned, in figures and profile, where the units differ."""

from __future__ import annotations

import pytest

from shared.clinical import Study
from shared.clinical.figures import figures_of
from shared.clinical.profile import profile_of
from shared.contracts.figures import Exposure
from shared.contracts.profile import DoseRecord, opaque_id
from tests.clinical.samples_support import WHO, day, trial
from tests.clinical.stories import STUDY, Trial, end_of


def told(found: Trial) -> tuple[Exposure, DoseRecord]:
    """Of the treatment other than the first: what the figures say, and of its last dose."""
    study = Study(STUDY)
    study.add(found.facts)
    said = study.assess(as_of=end_of(day(29)))
    profile = profile_of(study, said, opaque_id(STUDY, f"{STUDY}-{WHO}"))
    assert profile is not None
    (exposure,) = (one for one in figures_of(study, said).exposures if one.treatment == "ANLOTINIB")
    return exposure, [one for one in profile.doses if one.treatment == "ANLOTINIB"][-1]


@pytest.mark.parametrize(
    ("amount", "unit", "percent", "reduced"),
    [
        ("100", "mg", "100.0", False),
        ("0.1", "g", "100.0", False),
        ("0.0999", "g", "100.0", True),
        ("0.0998", "g", "99.9", True),
        ("0.099", "g", "99.5", True),
        ("100000", "mcg", "100.0", False),
        ("50", "mg", "75.0", True),
        ("100", "mg/m2", None, None),
        ("100", "g", None, None),
    ],
)
def test_a_dose_is_held_against_its_plan_in_one_unit(
    amount: str, unit: str, percent: str | None, reduced: bool | None
) -> None:
    found = trial()
    found.dose(WHO, day(1), "ANLOTINIB", ECDOSU="mg")
    found.dose(WHO, day(22), "ANLOTINIB", cycle=2, given=amount, ECDOSU=unit)
    exposure, dose = told(found)
    assert (exposure.percent_of_planned, dose.reduced) == (percent, reduced)
    assert (exposure.given, exposure.reduced) == (2, int(reduced is True))


def test_without_any_unit_the_numbers_are_of_one() -> None:
    found = trial()
    found.dose(WHO, day(1), "ANLOTINIB")
    found.dose(WHO, day(22), "ANLOTINIB", cycle=2, given="80")
    exposure, dose = told(found)
    assert (exposure.percent_of_planned, exposure.reduced, dose.reduced) == ("90.0", 1, True)


def test_a_dose_not_given_is_none_of_what_was_planned_in_any_unit() -> None:
    found = trial()
    found.dose(WHO, day(1), "ANLOTINIB", ECDOSU="mg")
    found.dose(WHO, day(22), "ANLOTINIB", cycle=2, given="0", ECDOSU="g")
    exposure, dose = told(found)
    assert (exposure.percent_of_planned, exposure.not_given) == ("50.0", 1)
    assert dose.reduced is None
