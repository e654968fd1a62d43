"""Amendments: each evaluation names its version, and versions are shown side by side."""

from __future__ import annotations

from datetime import timedelta

from services.dlt_monitor.audit import verify
from shared.contracts.envelope import Fact
from tests.services.dlt_monitor.service import Service
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, protocol_text

DAY_10 = DAY_1 + timedelta(days=9)
DAY_12 = DAY_1 + timedelta(days=11)


def amended(trial: Trial) -> Fact:
    """Version 2: platelets of grade 3 are a DLT already."""
    text = protocol_text().replace('version: "1"', 'version: "2"')
    text = text.replace("decreased], grade: 4}", "decreased], grade: 3}", 1)
    return trial.fact(
        "protocol", "protocol", at(DAY_12), revision=2, version="2", document=text
    )  # fmt: skip


def test_versions_stand_side_by_side_and_looking_changes_nothing(
    service: Service, trial: Trial
) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-02", DAY_10, "44"))
    before = service.about("assessment")
    assert before["protocol_version"] == "1"
    service.clock.set(at(DAY_12))
    service.feed(amended(trial))

    compared = service.about("versions")
    assert compared["in_force"] == "2"
    assert [one["protocol_version"] for one in compared["versions"]] == ["1", "2"]
    (only,) = compared["differences"]
    assert only["subject"] == "1-02"
    assert only["statuses"] == {"1": "in_window", "2": "dlt_candidate"}

    old = service.about("assessment", protocol_version="1")
    new = service.about("assessment", protocol_version="2")
    assert old["digest"] == compared["versions"][0]["digest"] != new["digest"]
    assert service.about("assessment")["protocol_version"] == "2"
    past = service.about("assessment", known_at=before["known_at"])
    assert past["digest"] == before["digest"]

    assert service.ask(f"/studies/{STUDY}/assessment", protocol_version="3").status_code == 404
    early = service.ask(
        f"/studies/{STUDY}/assessment", protocol_version="2", known_at=before["known_at"]
    )
    assert early.status_code == 404


def test_a_view_by_another_version_is_proved_like_any_other(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_12))
    service.feed(trial.protocol(), *trial.cohort(), amended(trial))
    view = service.about("assessment", protocol_version="1")
    assert service.about(f"assessments/{view['digest']}") == view
    with service.engine.connect() as conn:
        verdicts = {one.digest: one.verdict for one in verify(conn, STUDY)}
    assert verdicts[view["digest"]] == "proved"
    assert set(verdicts.values()) == {"proved"}


def test_an_amendment_that_changes_no_rule_tells_nobody(service: Service, trial: Trial) -> None:
    service.clock.set(at(DAY_10))
    service.feed(trial.protocol(), *trial.cohort(), trial.platelets("1-02", DAY_10, "21"))
    told = service.about("signals")["signals"]
    assert "dlt.candidate" in {one["type"] for one in told}
    service.clock.set(at(DAY_12))
    text = protocol_text().replace('version: "1"', 'version: "2"').replace("title: ", "title: The ")
    service.feed(
        trial.fact("protocol", "protocol", at(DAY_12), revision=2, version="2", document=text)
    )
    assert service.about("assessment")["protocol_version"] == "2"
    assert service.about("signals")["signals"] == told
