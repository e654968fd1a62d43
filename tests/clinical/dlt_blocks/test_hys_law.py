"""Hy's law: paired in time or peak to peak, with a raised baseline, with and without ALP."""

from __future__ import annotations

import pytest

from tests.clinical.dlt_blocks.support import Subject, day


def law(words: str = "") -> Subject:
    limits = "transaminase_at_least: 3, bilirubin_at_least: 2"
    return Subject(f"hys_law: {{{limits}{words}}}")


def liver(subject: Subject, alt: tuple[str, int], bilirubin: tuple[str, int]) -> None:
    """ALT (ULN 40) and bilirubin (ULN 20) with the day of each."""
    subject.value("ALT", *alt)
    subject.value("BILI", *bilirubin)


@pytest.mark.parametrize(
    ("alt", "bilirubin", "result"),
    [("120", "40", "met"), ("119", "40", "not_met"), ("120", "39", "not_met")],
)
def test_both_at_their_limits_on_one_day(alt: str, bilirubin: str, result: str) -> None:
    subject = law()
    liver(subject, (alt, 5), (bilirubin, 5))
    assert subject.result(5) == result


@pytest.mark.parametrize(
    ("words", "apart", "result"),
    [
        (", within_days: 2", 2, "met"),
        (", within_days: 2", 3, "open"),
        (", pairing: peak_to_peak", 14, "met"),
    ],
)
def test_days_apart(words: str, apart: int, result: str) -> None:
    subject = law(words)
    liver(subject, ("200", 5), ("50", 5 + apart))
    assert subject.result(20) == result


@pytest.mark.parametrize(("onset", "bilirubin", "alt"), [(15, 15, 5), (15, 5, 15)])
def test_peaks_apart_are_dated_by_the_later(onset: int, bilirubin: int, alt: int) -> None:
    subject = law(", pairing: peak_to_peak")
    liver(subject, ("200", alt), ("50", bilirubin))
    assert subject.found(20).onset == day(onset)


def test_a_peak_before_treatment_is_none() -> None:
    subject = law(", pairing: peak_to_peak")
    liver(subject, ("200", 5), ("50", -3))
    subject.value("BILI", "15", 6)
    assert subject.result(20) == "not_met"


@pytest.mark.parametrize(
    ("alp", "result"), [("239", "met"), ("240", "not_met"), (None, "needs_review")]
)
def test_alp(alp: str | None, result: str) -> None:
    subject = law(", alp_below: 2")
    liver(subject, ("200", 5), ("50", 5))
    if alp is not None:
        subject.value("ALP", alp, 5)
    assert subject.result(5) == result


RAISED = ", if_baseline_raised: {transaminase_at_least: 3, bilirubin_at_least: 2}"


@pytest.mark.parametrize(
    ("before", "alt", "result"),
    [
        ("80", "240", "met"),
        ("80", "239", "not_met"),
        ("40", "120", "met"),
        ("40", "119", "not_met"),
    ],
)
def test_multiples_of_a_raised_baseline(before: str, alt: str, result: str) -> None:
    """A baseline of 80 U/L is 2 x ULN: three times that are 240. At the ULN it is not raised."""
    subject = law(RAISED)
    subject.before("ALT", before)
    liver(subject, (alt, 5), ("40", 5))
    assert subject.result(5) == result


def test_a_baseline_is_taken_with_its_own_limit_of_normal() -> None:
    subject = law(RAISED)
    subject.value("ALT", "80", -3, LBORNRHI="80")
    liver(subject, ("120", 5), ("40", 5))
    assert subject.result(5) == "met"
