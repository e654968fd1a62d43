"""A clock of a serious event turns by time alone: the ticker tells each turn at its moment."""

from __future__ import annotations

from datetime import timedelta

from shared.contracts.signals import SignalType
from tests.services.dlt_monitor.station import Station
from tests.services.dlt_monitor.trial import DAY_1, STUDY, Trial, at, protocol_text

SAFETY = "safety: {site_report: stated, serious_events: {}}"


def test_every_turn_is_told_once_and_at_its_moment(station: Station, trial: Trial) -> None:
    document = f"{protocol_text()}\n{SAFETY}\n"
    aware = at(DAY_1, 8)
    event = trial.fact(
        "adverse_event", "1-01/AE/1", at(DAY_1, 9), subject="1-01", AETERM="Vomiting",
        AESTDTC=str(DAY_1), AESER="Y", AETOXGR="3", aware_dtc=f"{aware:%Y-%m-%dT%H:%M:%S}Z",
    )  # fmt: skip
    protocol = trial.fact("protocol", "protocol", at(DAY_1, 0), version="1", document=document)
    station.feed([protocol, *trial.treated("1-01"), event])
    station.clock.set(aware + timedelta(days=3))
    station.tick()
    station.tick()
    turns = [one for one in station.signals() if one.slot.startswith("clock/")]
    assert [(one.type, one.severity, one.at - aware) for one in turns] == [
        (SignalType.SAE, "warning", timedelta(hours=12)),
        (SignalType.SAE, "urgent", timedelta(hours=19.2)),
        (SignalType.SAE, "critical", timedelta(hours=24, microseconds=1)),
    ]
    assert [one.supersedes for one in turns] == [None, turns[0].id, turns[1].id]
    made = {one.digest: one.as_of for one in station.assessments()}
    assert [made[one.assessment_digest] for one in turns] == [one.at for one in turns]
    assert [one.study for one in turns] == [STUDY] * 3
