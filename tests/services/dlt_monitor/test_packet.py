"""The packet over HTTP: what the assessment says, as known then, for those who may read it."""

from __future__ import annotations

from datetime import timedelta

from services.dlt_monitor.packet import packet_document
from services.dlt_monitor.views import Views
from shared.clinical import Study
from shared.contracts.assessment import Assessment
from shared.contracts.packet import Packet
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.station import Station, wait_for
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


def test_the_packet_of_a_large_study_is_made_before_anybody_asks(
    station: Station, trial: Trial
) -> None:
    station.clock.set(at(DAY_10))
    station.feed([trial.protocol(), *trial.cohort()])
    made: list[str] = []

    def work(study: Study, said: Assessment) -> str:
        made.append(said.digest)
        return packet_document(study, said)

    views = Views(station.clock, {"packet": work}, most_at_once=3)
    views.read_ahead(station.engine)
    try:
        wait_for(lambda: bool(made))
        with station.engine.begin() as conn:
            view = views.current(conn, station.row())
            found = views.answer(conn, view, "packet", work)
    finally:
        views.stop()
    assert made == [view.assessment.digest]
    assert found is not None
    assert Packet.model_validate_json(found).assessment.digest == view.assessment.digest


def test_a_study_without_a_protocol_has_no_packet(service: Service) -> None:
    assert service.ask(PATH).status_code == 409
