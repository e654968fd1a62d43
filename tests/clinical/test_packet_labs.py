"""Laboratory values of the packet where a study's sites report one test in several units."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from shared.clinical import Study
from shared.clinical.packet import packet_of
from shared.contracts.packet import LabSeries, Packet
from tests.clinical.samples_support import WHO, day, lab, trial
from tests.clinical.stories import DAY_1, STUDY, Trial, end_of

OTHERS = ("1-02", "1-03")
SI: dict[str, Any] = {"LBORNRLO": "60", "LBORNRHI": "100"}
US: dict[str, Any] = {"LBORNRLO": "0.68", "LBORNRHI": "1.13"}


def _trial() -> Trial:
    found = trial()
    for other in OTHERS:
        found.enrol(other)
    return found


def _reported(
    found: Trial, who: str, test: str, result: str, unit: str, number: int = 3, **data: Any
) -> None:
    on = day(number)
    body = {"LBTESTCD": test, "LBORRES": result, "LBORRESU": unit, "LBDTC": f"{on}T08:30", **data}
    found.record("lab", who, body, known=end_of(on))


def _packet(found: Trial) -> Packet:
    study = Study(STUDY)
    study.add(found.facts)
    return packet_of(study, study.assess(as_of=end_of(day(10))))


def _of(packet: Packet, test: str) -> dict[tuple[str, str | None], LabSeries]:
    return {(one.subject, one.unit): one for one in packet.labs if one.test == test}


def test_what_converts_is_drawn_in_the_unit_of_most_subjects_and_told_as_reported() -> None:
    found = _trial()
    for who in OTHERS:
        _reported(found, who, "CREAT", "350", "umol/L", **SI)
    _reported(found, WHO, "CREAT", "1.2", "mg/dL", **US)
    told = _of(_packet(found), "CREAT")
    converted, native = told[WHO, "mg/dL"], told[OTHERS[0], "umol/L"]
    assert {one.axis for one in told.values()} == {"umol/L"}
    assert native.drawn_in is None
    # 88.4 umol/L a mg/dL, of 1.2 mg/dL and of the limit of grade 3, three times the own ULN.
    (value,) = converted.values
    assert (value.result, value.number) == ("1.2", Decimal("106.08"))
    assert converted.bands[0].lower == Decimal("299.676")
    assert native.bands[0].lower == Decimal("300")


def test_the_grade_is_that_of_the_result_as_reported() -> None:
    """3.6 mg/dL is 3 times an ULN of 1.2 mg/dL and 61.56 umol/L: more than 3 times 20.5 umol/L."""
    found = _trial()
    for who in OTHERS:
        _reported(found, who, "BILI", "100", "umol/L", LBORNRLO="3", LBORNRHI="20.5")
    for number, result in ((-2, "0.6"), (3, "3.6")):
        _reported(found, WHO, "BILI", result, "mg/dL", number, LBORNRLO="0.2", LBORNRHI="1.2")
    _, value = _of(_packet(found), "BILI")[WHO, "mg/dL"].values
    assert value.number == Decimal("61.56")
    assert (value.grade_low, value.grade_high) == (2, 2)


def test_a_number_of_one_unit_spelled_otherwise_stays_as_it_is() -> None:
    found = _trial()
    _reported(found, WHO, "PLAT", "24.123456789", "10^3/uL")
    for who in OTHERS:
        _reported(found, who, "PLAT", "24", "10^9/L")
    spelled = _of(_packet(found), "PLAT")[WHO, "10^3/uL"]
    assert spelled.drawn_in == "10^9/L"
    assert spelled.values[0].number == Decimal("24.123456789")


def test_what_does_not_convert_keeps_a_unit_of_its_own() -> None:
    found = _trial()
    _reported(found, WHO, "NEUT", "3", "%")
    for who in OTHERS:
        _reported(found, who, "NEUT", "0.3", "10^9/L", LBORNRLO="1.8", LBORNRHI="7.5")
    told = _of(_packet(found), "NEUT")
    assert {who: one.axis for (who, _), one in told.items()} == {
        WHO: "%",
        **dict.fromkeys(OTHERS, "10^9/L"),
    }


def test_units_that_are_none_of_the_test_are_never_converted_into_each_other() -> None:
    found = _trial()
    for who, unit in zip((WHO, *OTHERS), ("10^9/L", "g/L", "mg/L"), strict=True):
        _reported(found, who, "PLAT", "20", unit)
    told = _of(_packet(found), "PLAT")
    assert [one.axis for one in told.values()] == [unit for _, unit in told]


def test_a_subject_whose_laboratory_changed_its_unit_has_a_series_for_each() -> None:
    found = _trial()
    for number, result in ((3, "400"), (4, "90")):
        lab(found, "CREAT", result, "umol/L", day(number), **SI)
    lab(found, "CREAT", "1.2", "mg/dL", day(5), **US)
    told = _of(_packet(found), "CREAT")
    assert [len(one.values) for one in told.values()] == [1, 2]
    # As many subjects have one as the other: then by name.
    assert {one.axis for one in told.values()} == {"mg/dL"}
    assert told[WHO, "umol/L"].values[0].number == Decimal("4.52489")
    assert (day(3) - DAY_1).days == told[WHO, "umol/L"].values[0].day - 1


def test_what_others_report_later_changes_the_axis_of_who_has_nothing_new() -> None:
    found = _trial()
    _reported(found, WHO, "CREAT", "4.0", "mg/dL", **US)
    study = Study(STUDY)
    study.add(found.facts)

    def axes() -> set[str | None]:
        told = _of(packet_of(study, study.assess(as_of=end_of(day(10)))), "CREAT")
        return {one.axis for one in told.values()}

    assert axes() == {"mg/dL"}
    for who in OTHERS:
        _reported(found, who, "CREAT", "350", "umol/L", **SI)
    study.add(found.facts)
    assert axes() == {"umol/L"}
    assert packet_of(study, study.assess(as_of=end_of(day(10)))) == _packet(found)
