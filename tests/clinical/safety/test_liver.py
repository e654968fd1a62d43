"""Hy's law watched for by the variants a study names, and the repeat it asks for."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from tests.clinical.safety.telling import asked, asking, day, findings, told
from tests.clinical.stories import Trial, at

FDA = "transaminase_at_least: 3, bilirubin_at_least: 2, alp_below: 2"
PAIRED = f"{{id: paired, source: FDA 2009, {FDA}}}"
PEAKS = f"{{id: peaks, source: FDA 2009, {FDA}, pairing: peak_to_peak}}"
RAISED = (
    f"{{id: raised, source: section 9, {FDA}, "
    "if_baseline_raised: {transaminase_at_least: 2, bilirubin_at_least: 2}}"
)
BOTH = f"hys_law: [{PAIRED}, {PEAKS}]"


def values(trial: Trial, when: date, **results: str) -> None:
    for test, result in results.items():
        trial.lab("1-01", test, result, when)


def met(section: str, *taken: tuple[int, dict[str, str]], at_day: int = 20) -> list[str]:
    trial = asking(section)
    for number, results in taken:
        values(trial, day(number), **results)
    return [one.rule for one in findings(trial, at(day(at_day), 16))]


@pytest.mark.parametrize(
    ("results", "found"),
    [
        ({"ALT": "120", "BILI": "40", "ALP": "239"}, ["paired", "peaks"]),
        ({"AST": "120", "BILI": "40", "ALP": "239"}, ["paired", "peaks"]),
        ({"ALT": "119.9", "BILI": "40", "ALP": "239"}, []),
        ({"ALT": "120", "BILI": "39.9", "ALP": "239"}, []),
        ({"ALT": "120", "BILI": "40", "ALP": "240"}, []),
        ({"ALT": "120", "BILI": "40"}, ["paired", "peaks"]),
    ],
)
def test_at_the_limits_of_the_guidance(results: dict[str, str], found: list[str]) -> None:
    assert met(BOTH, (9, results)) == found


def test_values_days_apart_are_a_pair_of_peaks_only() -> None:
    early, late = {"ALT": "200", "ALP": "80"}, {"BILI": "60", "ALP": "80"}
    assert met(BOTH, (9, early), (12, late)) == ["peaks"]


@pytest.mark.parametrize(("alt", "found"), [("159.9", []), ("160", ["raised"])])
def test_a_raised_baseline_where_the_study_says_so(alt: str, found: list[str]) -> None:
    before = {"ALT": "80", "BILI": "10"}
    during = {"ALT": alt, "BILI": "40", "ALP": "80"}
    assert met(f"hys_law: [{RAISED}]", (-3, before), (9, during)) == found
    assert met(f"hys_law: [{PAIRED}]", (-3, before), (9, during)) == ["paired"]


def test_one_signal_per_variant_however_long_it_lasts() -> None:
    high = {"ALT": "200", "BILI": "60", "ALP": "80"}
    trial = asking(f"hys_law: [{PAIRED}]")
    values(trial, day(9), **high)
    first = told(trial, at(day(9), 16))["paired"]
    values(trial, day(12), **high)
    assert told(trial, at(day(12), 16))["paired"].key == first.key
    assert (first.type, first.severity) == ("hys_law", "urgent")


def test_bilirubin_that_is_missing_is_asked_for() -> None:
    trial = asking(f"hys_law: [{PAIRED}]")
    values(trial, day(9), ALT="200")
    assert findings(trial, at(day(9), 16)) == ()
    assert any(text.startswith("paired: ALT and bilirubin") for text in asked(trial, at(day(20))))


def test_a_corrected_value_withdraws_it() -> None:
    trial = asking(f"hys_law: [{PAIRED}]")
    values(trial, day(9), ALT="200", BILI="60", ALP="80")
    trial.lab("1-01", "BILI", "6.0", day(9), revision=2, known=at(day(10)), reason="decimal point")
    assert told(trial, at(day(10), 16)) == {}


# -- the repeat ------------------------------------------------------------------------------------

REPEATED = f"hys_law: [{{id: paired, source: s, {FDA}, repeat_within_hours: 72}}]"


@pytest.mark.parametrize(
    ("again", "taken", "status"),
    [
        ((), None, "overdue"),
        (("ALT",), "2026-03-12T08:30:00", "overdue"),
        (("ALT", "BILI"), "2026-03-13T08:30:00", "met"),
        (("AST", "BILI"), "2026-03-13T08:30:00", "met"),
        (("ALT", "BILI"), "2026-03-13", "perhaps_late"),
        (("ALT", "BILI"), "2026-03-13T08:32:00", "late"),
    ],
)
def test_both_tests_again_within_72_hours(
    again: tuple[str, ...], taken: str | None, status: str
) -> None:
    trial = asking(REPEATED)
    values(trial, day(9), ALT="200", BILI="60", ALP="80")
    for test in again:
        moment = datetime.fromisoformat("2026-03-13T20:00:00+08:00")
        trial.lab("1-01", test, "20", day(12), LBDTC=taken, known=moment)
    (found,) = findings(trial, at(day(14)))
    assert [(clock.id, clock.status) for clock in found.clocks] == [("repeat", status)]


def test_the_samples_of_the_case_are_no_repeat() -> None:
    trial = asking(REPEATED)
    for test, result in {"ALT": "200", "BILI": "60", "ALP": "80"}.items():
        trial.lab("1-01", test, result, day(9), LBDTC=f"{day(9)}T08:30:00")
    (found,) = findings(trial, at(day(9), 16))
    assert found.clocks[0].status == "running"
