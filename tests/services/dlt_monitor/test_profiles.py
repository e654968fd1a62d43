"""Profiles and figures over HTTP: as known then, for those who may read, by an opaque name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.contracts.figures import Figures
from shared.contracts.profile import Profile, opaque_id
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)
ME = opaque_id(STUDY, f"{STUDY}-1-01")


def test_a_profile_follows_what_is_known_and_the_past_stays(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    before = Profile.model_validate(service.about(f"subjects/{ME}"))
    service.clock.set(at(DAY_10 + timedelta(days=1)))
    service.feed(trial.platelets("1-01", DAY_10 + timedelta(days=1), "21"))
    response = service.ask(f"/studies/{STUDY}/subjects/{ME}")
    after = Profile.model_validate(response.json())
    assert response.headers["Vigil-Applied-Through"]
    assert [one.result for one in after.series[0].values] == ["186", "21"]
    assert after.assessment_digest == service.about("assessment")["digest"]
    moment = before.known_at.isoformat()
    assert Profile.model_validate(service.about(f"subjects/{ME}", known_at=moment)) == before


@pytest.mark.parametrize(
    ("name", "status"), [(opaque_id(STUDY, "nobody"), 404), (f"{STUDY}-1-01", 422)]
)
def test_only_an_opaque_name_of_somebody_is_answered(
    service: Service, trial: Trial, name: str, status: int
) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    response = service.ask(f"/studies/{STUDY}/subjects/{name}")
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert "1-01" not in response.text


def test_figures_follow_what_is_known_and_the_past_stays(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    before = Figures.model_validate(service.about("figures"))
    service.clock.set(at(DAY_10 + timedelta(days=1)))
    service.feed(trial.platelets("1-01", DAY_10 + timedelta(days=1), "21"))
    after = Figures.model_validate(service.about("figures"))
    assert [one.id for one in after.subjects] == [
        opaque_id(STUDY, f"{STUDY}-1-{number:02}") for number in (1, 2, 3)
    ]
    shifts = [
        [(one.worst, one.subjects) for one in told.shifts[0].cells] for told in (before, after)
    ]
    assert shifts == [[("0", 3)], [("0", 2), ("4", 1)]]
    moment = before.known_at.isoformat()
    assert Figures.model_validate(service.about("figures", known_at=moment)) == before


@pytest.mark.parametrize("path", [f"subjects/{ME}", "figures"])
def test_without_a_protocol_there_is_nothing_to_tell(service: Service, path: str) -> None:
    assert service.ask(f"/studies/{STUDY}/{path}").status_code == 409
