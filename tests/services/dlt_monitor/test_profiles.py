"""A subject's profile over HTTP: as known then, for those who may read it, by an opaque name."""

from __future__ import annotations

from datetime import timedelta

import pytest

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


def test_a_study_without_a_protocol_has_no_profiles(service: Service) -> None:
    assert service.ask(f"/studies/{STUDY}/subjects/{ME}").status_code == 409
