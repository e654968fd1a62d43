"""The packet over HTTP: what the assessment says, as known then, for those who may read it."""

from __future__ import annotations

from datetime import timedelta

from shared.contracts.packet import Packet
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at

DAY_10 = DAY_1 + timedelta(days=9)
PATH = f"/studies/{STUDY}/packet"


def test_the_packet_holds_the_assessment_and_the_past_stays(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort())
    before = Packet.model_validate(service.about("packet"))
    service.clock.set(at(DAY_10 + timedelta(days=1)))
    service.feed(trial.platelets("1-01", DAY_10 + timedelta(days=1), "21"))
    found = Packet.model_validate(service.about("packet"))
    assert found.assessment.digest == service.about("assessment")["digest"]
    assert [one.test for one in found.labs] == ["PLAT"] * len(found.labs) != []
    assert found.outlook.pending == 3
    moment = before.assessment.known_at.isoformat()
    assert Packet.model_validate(service.about("packet", known_at=moment)) == before


def test_a_study_without_a_protocol_has_no_packet(service: Service) -> None:
    assert service.ask(PATH).status_code == 409
